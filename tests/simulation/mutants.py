"""Faulty versions of the product. The simulator must find each of them, or it proves nothing."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

import msgspec

from tests.simulation.device import Device, Item
from tests.simulation.partner import Partner
from tests.simulation.provider import MortalLog
from tests.simulation.schedule import Schedule
from verbund.base.ids import CoreId
from verbund.log import entry as entries
from verbund.log.entry import Entry, Place
from verbund.log.judge import Judge
from verbund.log.outcome import Outcome
from verbund.log.registry import Fact
from verbund.log.tx import Reader
from verbund.log.writer import Work

Mutant = Callable[[], Any]


class LettingGoEarly(Device):
    """Lets a core go as soon as one provider has it."""

    def answered(self, core: CoreId, outcome: Outcome) -> None:
        super().answered(core, outcome)
        if outcome.st == "accepted" and core in self.outbox:
            self.let_go(self.outbox[core])
            self.durable.add(core)


class ReusingNumbers(Device):
    """Takes the number of a refused core for the next one."""

    def after_refusal(self, item: Item) -> None:
        ds, _ = self.chain[item.space]
        if ds == item.ds:
            self.chain[item.space] = (item.ds - 1, msgspec.json.decode(item.parcel.c)["dp"])


class Resuming(Partner):
    """Goes on in its old sub-log after a restore."""

    def renew(self) -> None:
        self.start()


class AnsweringEarly(Partner):
    """Answers before the commit."""

    def commit(self) -> list[tuple[Work, Callable[[Work], None]]]:
        batch = [] if not self.log.power_fails else list(self.inbox)
        done = super().commit()
        for work, _ in batch:
            for outcome in work.result or ():
                if outcome.st == "accepted" and outcome.id is not None:
                    self.acked.add(outcome.id)
        return done


def _unchecked_place(entry: Entry, previous: bytes) -> Place:
    """Counts, and believes the rest."""
    void = entry.x == entries.VOID
    expected = entries.chain(previous, entry.p, entry.i, entry.n, entry.id, entry.at, void)
    return Place(entry.p, entry.i, entry.n, expected, entry.at, void)


@contextmanager
def _devices(kind: type[Device]) -> Iterator[None]:
    with patch.object(Schedule, "device_class", kind):
        yield


@contextmanager
def _providers(kind: type[Partner]) -> Iterator[None]:
    with patch.object(Schedule, "provider_class", kind):
        yield


@contextmanager
def _arrival_order() -> Iterator[None]:
    """The last to arrive wins."""
    fold = MortalLog._fold

    def folded(self: MortalLog, tx: Any, take: Any, position: int, at: int) -> Fact:
        fact = msgspec.structs.replace(take.fact, stamp=f"{position:020}")
        return fold(self, tx, take._replace(fact=fact), position, at)

    with patch.object(MortalLog, "_fold", folded):
        yield


@contextmanager
def _not_waiting() -> Iterator[None]:
    """Folds what arrives from a partner whether or not its causes are here."""
    accept = Judge.accept

    def accepted(self: Judge, parsed: Any, view: Any, at: int) -> Any:
        with patch.object(Judge, "_missing", staticmethod(lambda parsed, view: ())):
            return accept(self, parsed, view, at)

    with patch.object(Judge, "accept", accepted):
        yield


#: What is wrong → how it is switched on.
MUTANTS: dict[str, Mutant] = {
    "lets go at the first acknowledgement": lambda: _devices(LettingGoEarly),
    "goes on in the old sub-log after a restore": lambda: _providers(Resuming),
    "uses a refused number again": lambda: _devices(ReusingNumbers),
    "compares lengths, not chains": lambda: patch.object(entries, "check_place", _unchecked_place),
    "folds without waiting for causes": _not_waiting,
    "the last to arrive wins": _arrival_order,
    "takes no notice of cuts": lambda: patch.object(Reader, "cuts", lambda self, space, dev: []),
    "answers before the commit": lambda: _providers(AnsweringEarly),
}


@contextmanager
def switched_on(name: str | None) -> Iterator[None]:
    """Run with this fault in the product; without a name with none."""
    with ExitStack() as stack:
        if name is not None:
            stack.enter_context(MUTANTS[name]())
        yield
