"""Faulty versions of the product. The simulator must find each of them, or it proves nothing."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple
from unittest.mock import patch

import msgspec

from tests.simulation.device import Device, Item
from tests.simulation.partner import Partner
from tests.simulation.provider import MortalLog
from tests.simulation.schedule import Schedule
from verbund.base.ids import CoreId
from verbund.log import entry as entries
from verbund.log import judge, sealing, twins
from verbund.log.entry import Entry, Place
from verbund.log.judge import Judge
from verbund.log.outcome import Outcome
from verbund.log.registry import Fact
from verbund.log.tx import Reader, Tx
from verbund.log.writer import Work
from verbund.partners import durable
from verbund.partners.here import Here
from verbund.partners.schemas import Mark
from verbund.partners.state import Exchange

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


def _unsigned() -> Any:
    return patch.object(judge, "check_signature", lambda parsed, key: None)


def _in_lengths_only() -> Any:
    """Takes its own chains for the partner's."""
    compare = Exchange._compare

    def compared(self: Exchange, space: Any, reach: Any, now_ms: int) -> bool:
        ours = self._here.reach.get(space, {})
        same = {
            sub: msgspec.structs.replace(mark, chain=ours[sub].chain) if sub in ours else mark
            for sub, mark in reach.items()
        }
        return compare(self, space, same, now_ms)

    return patch.object(Exchange, "_compare", compared)


def _without_relays() -> Any:
    """Takes from a partner only what that one wrote itself."""
    lacks = Exchange._lacks

    def lacking(self: Exchange, space: Any, sub: str, mark: Any, now_ms: int) -> bool:
        return sub.startswith(self.provider) and lacks(self, space, sub, mark, now_ms)

    return patch.object(Exchange, "_lacks", lacking)


def _sent_is_safe() -> Any:
    """Counts as safe what is on its way."""
    appended = Exchange.appended

    def counted(self: Exchange, space: Any, entries: Any) -> None:
        reach = self._peer.reach.setdefault(space, {})
        for one in entries:
            reach[one.sub] = Mark(one.seq, "", one.seq)
        appended(self, space, entries)

    return patch.object(Exchange, "appended", counted)


class Wrong(NamedTuple):
    """A mutant: how it is switched on, and the faults that its schedules are to be full of."""

    on: Mutant
    focus: tuple[str, ...] = ()


MUTANTS: dict[str, Wrong] = {
    "lets go at the first acknowledgement": Wrong(lambda: _devices(LettingGoEarly), ("only_holder_lost", "cut_off")),
    "goes on in the old sub-log after a restore": Wrong(lambda: _providers(Resuming), ("disk_restored",)),
    "uses a refused number again": Wrong(lambda: _devices(ReusingNumbers), ("clock_minutes", "fail_over")),
    "takes entries without looking at their chain": Wrong(
        lambda: patch.object(entries, "check_place", _unchecked_place), ("rogue_garbles",)
    ),
    "folds without waiting for causes": Wrong(_not_waiting, ("partition",)),
    "the last to arrive wins": Wrong(_arrival_order),
    "takes no notice of cuts": Wrong(lambda: patch.object(Reader, "cuts", lambda self, space, dev: [])),
    "answers before the commit": Wrong(lambda: _providers(AnsweringEarly), ("crash_before_commit",)),
    "takes entries without looking at their signature": Wrong(_unsigned, ("rogue_missigns",)),
    "compares lengths, not chains": Wrong(_in_lengths_only, ("rogue_forks",)),
    "calls durable what one provider has": Wrong(lambda: patch.object(durable, "REPLICAS_MIN", 1)),
    "counts as safe what is on its way": Wrong(_sent_is_safe, ("line_cut",)),
    "never takes back what it wrote before it lost its disk": Wrong(
        lambda: patch.object(Here, "is_ours", lambda self, sub: sub.startswith(self.own)),
        ("disk_lost", "disk_restored"),
    ),
    "takes nothing that is passed on": Wrong(_without_relays, ("disk_lost",)),
    "gives up a sub-log of which it was told another history": Wrong(
        lambda: patch.object(Here, "stands_apart", lambda self, space, sub: None), ("rogue_forks",)
    ),
    "asks for nothing that it lacks": Wrong(
        lambda: patch.object(Exchange, "_ask", lambda self, space, now_ms, patience_ms, again=None: None), ("line_cut",)
    ),
    "leaves the bodies of what was withdrawn": Wrong(lambda: patch.object(Tx, "erase", lambda self, core: None)),
    "leaves in its segment what was withdrawn": Wrong(lambda: patch.object(sealing, "take_out", lambda tx: None)),
    "shows what comes after it was withdrawn": Wrong(
        lambda: patch.object(MortalLog, "_overtaken", lambda self, tx, take: False),
        ("silenced", "partition", "fail_over"),
    ),
    "counts ahead of its place what has an order": Wrong(
        lambda: patch.object(Judge, "_out_of_order", lambda self, parsed, view: ()),
        ("lines_added", "disk_lost", "partition"),
    ),
    "of two facts with one number the first counts": Wrong(
        lambda: patch.object(twins, "displace", lambda tx, parsed: []), ("old_profile",)
    ),
}


def focus_of(name: str | None) -> tuple[str, ...]:
    return () if name is None else MUTANTS[name].focus


@contextmanager
def switched_on(name: str | None) -> Iterator[None]:
    """Run with this fault in the product; without a name with none."""
    with ExitStack() as stack:
        if name is not None:
            stack.enter_context(MUTANTS[name].on())
        yield
