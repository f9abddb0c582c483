"""The second half of a schedule: no more faults. Everything that is still to be said gets through, within a bound."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from tests.simulation.network import covers
from verbund.base.ids import SpaceId
from verbund.log.entry import Vector, sublog

if TYPE_CHECKING:
    from tests.simulation.partner import Partner
    from tests.simulation.provider import Provider
    from tests.simulation.schedule import Schedule

ROUND_MS = 1_000
ROUNDS_MAX = 150
FLUSHES_MAX = 2_000


class Violation(Exception):
    """An invariant does not hold."""

    def __init__(self, invariant: str, detail: str) -> None:
        super().__init__(f"{invariant}: {detail}")
        self.invariant, self.detail = invariant, detail


def heal(schedule: "Schedule") -> None:
    """Raises Violation when it does not become quiet in time."""
    schedule.say("everything heals")
    schedule.healed = True
    schedule.lines.blocked.clear()
    schedule.lines.slow.clear()
    for provider in schedule.providers:
        provider.stopped_until_ms = 0
    if schedule.rogue is not None:
        schedule.rogue.behave()
        for line in schedule.lines.all:
            line.cut(schedule.chance, schedule.time[0])
    settle(schedule)


def settle(schedule: "Schedule") -> None:
    """Let time pass and everything arrive until nothing is left to be said."""
    for round_ in range(ROUNDS_MAX):
        schedule.step += 1
        schedule.pass_time(ROUND_MS)
        schedule.dial_all()
        for number, device in enumerate(schedule.devices):
            if device.provider is None:
                schedule.connect(device, schedule.providers[(round_ + number) % len(schedule.providers)])
            schedule.send(device)
            schedule.poll(device)
        _flush(schedule)
        if is_quiet(schedule):
            return
    stuck = {one.name: [(item.id[:6], item.refused) for item in one.outbox.values()] for one in schedule.devices}
    apart = [space[:6] for space, held in shared(schedule).items() if not _is_equal(schedule, space, held)]
    raise Violation("liveness", f"not quiet after {ROUNDS_MAX} rounds: outboxes {stuck}, not equal {apart}")


def _flush(schedule: "Schedule") -> None:
    """Until nothing is on its way that arrives now."""
    for _ in range(FLUSHES_MAX):
        busy = _network(schedule)
        for provider in schedule.providers:
            busy |= bool(provider.inbox or provider.tasks or provider.is_stale)
            schedule.commit(provider)
            while provider.tasks:
                provider.tasks.pop(0)()
            if provider.is_stale and not provider.is_reading:
                provider.refresh()
        for line, name in schedule.lines.ready(schedule.time[0]):
            busy = True
            schedule.hear(line, name)
        if not busy:
            return
    raise Violation("liveness", "talks without an end")


def _network(schedule: "Schedule") -> bool:
    was_busy = bool(schedule.network)
    while schedule.network:
        schedule.deliver(schedule.network.pop(0))
    return was_busy


def shared(schedule: "Schedule") -> dict[SpaceId, list["Partner"]]:
    """Space → the providers that hold it, as the first knows it; of those that more than one honest one holds."""
    found: dict[SpaceId, list[Partner]] = {}
    for provider in schedule.honest:
        for space, held_by in provider.here.holders.items():
            found.setdefault(space, [one for one in schedule.honest if one.provider in held_by])
    return {space: holders for space, holders in found.items() if len(holders) > 1}


def _is_equal(schedule: "Schedule", space: SpaceId, held: list["Partner"]) -> bool:
    first, *others = [lasting(schedule, one.vectors().get(space, {})) for one in held]
    return all(first == other for other in others) and _are_placed(space, held)


def lasting(schedule: "Schedule", vector: Vector) -> Vector:
    """The sub-logs that go on. Those of lost incarnations may end where nobody signed them: of what stands beyond,
    whoever has it makes places of its own (see partners/tails.py).
    """
    subs = going_on(schedule.honest)
    return {sub: seq for sub, seq in vector.items() if sub in subs}


def going_on(providers: Iterable["Provider"]) -> set[str]:
    """The sub-logs of present incarnations."""
    return {sublog(one.provider, one.incarnation) for one in providers}


def _are_placed(space: SpaceId, held: list["Partner"]) -> bool:
    first, *others = [one.cores(space) for one in held]
    return all(first == other for other in others)


def is_quiet(schedule: "Schedule") -> bool:
    """Nothing waits in an outbox, holders are equal, and devices have seen what there is."""
    space = schedule.people.space
    wanted = {space: lasting(schedule, schedule.honest[0].vectors().get(space, {}))}
    return (
        not any(device.outbox for device in schedule.devices)
        and all(_is_equal(schedule, one, held) for one, held in shared(schedule).items())
        and all(covers(device.vectors, wanted) for device in schedule.devices)
    )
