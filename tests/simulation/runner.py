"""Runs many seeds, in several processes, with or without a mutant."""

import logging
import multiprocessing
import time
from collections.abc import Iterator
from typing import NamedTuple
from unittest.mock import patch

from tests.simulation.healing import Violation
from tests.simulation.mutants import focus_of, switched_on
from tests.simulation.provider import Disk
from tests.simulation.schedule import STEPS, Schedule
from verbund.log import newest, sealing
from verbund.partners import early

CRASHED = "crashed"
#: So few entries are sealed in one segment.
SEALED = 4
#: Who lacks so many entries of a space asks for the newest first, and gets so many; more, where more is said.
BEHIND_MIN, NEWEST_MAX = 4, 3
_disks: list[Disk] = []


class Result(NamedTuple):
    """How one seed ended. `invariant` is empty when everything held."""

    seed: int
    steps: int
    cores: int
    invariant: str
    detail: str
    cpu_s: float
    #: Kind of fault → how often it happened.
    faults: dict[str, int]
    trace: tuple[str, ...] = ()

    @property
    def found(self) -> bool:
        """Whether an invariant broke; an error of the program is no finding."""
        return self.invariant not in ("", CRASHED)


class Given(NamedTuple):
    seed: int
    steps: int = STEPS
    mutant: str | None = None
    traced: bool = False


def run(given: Given) -> Result:
    """One seed. With a mutant anything that goes wrong counts as found; without, an error is a bug and is told too."""
    logging.disable(logging.CRITICAL)
    if not _disks:
        _disks.extend((Disk(), Disk(), Disk()))
    started = time.process_time()
    few = patch.object(early, "BEHIND_MIN", BEHIND_MIN), patch.object(newest, "NEWEST_MAX", NEWEST_MAX)
    with switched_on(given.mutant), few[0], few[1], patch.object(sealing, "ENTRIES_MAX", SEALED):
        schedule = Schedule(given.seed, (_disks[0], _disks[1], _disks[2]), given.steps, focus_of(given.mutant))
        invariant, detail = "", ""
        try:
            schedule.run()
        except Violation as violation:
            invariant, detail = violation.invariant, violation.detail
        except Exception as error:
            invariant, detail = CRASHED, f"{type(error).__name__}: {error}"[:2000]
            if given.traced:
                raise
    trace = tuple(schedule.trace) if given.traced or invariant else ()
    cores = sum(len(device.own) for device in schedule.devices)
    faults = dict(schedule.faults.happened)
    return Result(given.seed, schedule.step, cores, invariant, detail, time.process_time() - started, faults, trace)


def run_many(given: list[Given], workers: int) -> Iterator[Result]:
    """The results in the order of the seeds. Closing the iterator ends the work."""
    if workers == 1:
        yield from map(run, given)
        return
    context = multiprocessing.get_context("spawn")
    with context.Pool(workers) as pool:
        yield from pool.imap(run, given, chunksize=1)
