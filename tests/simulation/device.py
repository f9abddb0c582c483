"""A device of the simulation: what the app's outbox does, in the same rules (app/src/lib/base/outbox).

A core is kept before it is sent; a number once sent is never used again; a refused core stays in the chain as a void;
a core is let go when enough providers hold it; a provider that asks is given what this device holds, its own cores too
(the app keeps the latest 200 of a space). What a provider goes on asking for and this device does not hold will never
come: its numbers become voids, and what waits is written anew behind them. Unlike the app it does not write anew what
was refused for a wrong clock.

The same where it is a fact of somebody else that a provider goes on asking for, and does not take or is not given: what
names it is given up, what waits behind it is written anew.
"""

import random
from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec

from tests.simulation.provider import Clock, Provider, Vectors
from verbund.base.clock import Hlc
from verbund.base.ids import AccountId, CoreId, DeviceId, SpaceId
from verbund.base.keys import DeviceKey
from verbund.log.core import Core, Parcel, make_parcel
from verbund.log.entry import VOID, Entry, Vector
from verbund.log.judge import NumberUsed
from verbund.log.outcome import Outcome
from verbund.log.registry import Event
from verbund.log.stored import authority_heads, body_of, decode_core

BATCH_MAX = 8
EXTRA_MAX = 32
#: Asked so often in a row for own cores that it does not hold, a device takes them for lost.
LOST_ASKS = 24
#: The same for what an own fact names.
UNMET_ASKS = 12
#: What is written in place of a lost number: its header alone, so it never counts.
PASSED = "log.number_passed.1"
REPLACED = "base.replaced"
UNMET = "log.unmet"


class Known(msgspec.Struct):
    """A core that this device holds: its own or one it was shown. `state` as the provider told it."""

    id: CoreId
    core: Core
    parcel: Parcel
    data: dict[str, Any]
    state: int
    authority: bool


class Item(msgspec.Struct):
    """A core of this device. `gone`: only its header is still offered, for it was refused."""

    id: CoreId
    space: SpaceId
    ds: int
    parcel: Parcel
    kind: str
    gone: bool = False
    accepted: bool = False
    refused: str = ""
    places: list[tuple[str, int, bool]] = []


class Profile(NamedTuple):
    """What is in a copy of a browser's folder."""

    chain: dict[SpaceId, tuple[int, CoreId | None]]
    outbox: dict[CoreId, Item]
    known: dict[SpaceId, dict[CoreId, Known]]
    vectors: Vectors


class Row(msgspec.Struct):
    """As `authority_heads` reads it."""

    id: CoreId
    raw: bytes


class Device:
    """Somebody's browser. Talks to one provider at a time, fails over to the other with its outbox."""

    def __init__(self, name: str, key: DeviceKey, clock: Clock, chance: random.Random) -> None:
        self.name, self.key, self.clock, self.chance = name, key, clock, chance
        self.account = AccountId("")
        self.hlc = Hlc(clock)
        self.chain: dict[SpaceId, tuple[int, CoreId | None]] = {}
        self.own: dict[CoreId, Item] = {}
        self.outbox: dict[CoreId, Item] = {}
        self.known: dict[SpaceId, dict[CoreId, Known]] = {}
        self.vectors: Vectors = {}
        self.provider: Provider | None = None
        self.session = 0
        self.settled_here: set[CoreId] = set()
        self.extra: dict[CoreId, tuple[Core, Parcel]] = {}
        self.durable: set[CoreId] = set()
        self.refusals: dict[CoreId, str] = {}
        #: False after an old profile was put in place, until a provider said where this device goes on.
        self.may_write = True
        self.is_out = self.was_put_back = False
        #: Whoever sits there has gone for the day.
        self.is_away = False
        self.profiles: list[Profile] = []
        #: Space → the number that was asked for last, and how often in a row.
        self.asked: dict[SpaceId, tuple[int, int]] = {}
        #: Space → the first that waits for facts that it names, and how often in a row a provider has asked for them.
        self.unmet: dict[SpaceId, tuple[CoreId, int]] = {}

    @property
    def dev(self) -> DeviceId:
        return self.key.device

    def save_profile(self) -> None:
        """Somebody copies the browser's folder."""
        outbox = {core: msgspec.structs.replace(item) for core, item in self.outbox.items()}
        known = {space: dict(cores) for space, cores in self.known.items()}
        vectors = {space: dict(vector) for space, vector in self.vectors.items()}
        self.profiles.append(Profile(dict(self.chain), outbox, known, vectors))

    def restore_profile(self, which: int) -> None:
        """An old copy takes the place of what is here: what was written since is not in it."""
        one = self.profiles[which]
        self.chain = dict(one.chain)
        self.outbox = {core: self.own[core] for core in one.outbox}
        self.known = {space: dict(cores) for space, cores in one.known.items()}
        self.vectors = {space: dict(vector) for space, vector in one.vectors.items()}
        self.provider, self.may_write, self.was_put_back = None, False, True

    def reconcile(self, heads: dict[SpaceId, tuple[int, CoreId | None]]) -> None:
        """The provider says where this device goes on."""
        for space, (ds, dp) in heads.items():
            if ds > self.chain.get(space, (0, None))[0]:
                self.chain[space] = (ds, dp)
        self.may_write = not self.is_out

    def connect(self, provider: Provider) -> None:
        """A new connection, perhaps to another provider: everything that is not durable is sent there again."""
        self.provider = provider
        self.session += 1
        self.settled_here.clear()
        self.extra.clear()

    def write(self, space: SpaceId | None, event: Event, re: Iterable[str] = ()) -> Item:
        """Number, chain, stamp and sign; keep it before it is sent."""
        ds, dp = self.chain.get(space, (0, None)) if space else (0, None)
        heads = self.heads(space) if space else ()
        core = {
            "ah": sorted(heads), "bk": None, "dp": dp, "ds": ds + 1, "k": event.kind, "mu": False,
            "re": list(dict.fromkeys(re)), "t": self.hlc.tick(), **({"sp": space} if space else {}),
        }  # fmt: skip
        identifier, parcel = make_parcel(self.key, core, body_of(event), self.chance.randbytes(16))
        where = space or SpaceId(identifier)
        item = Item(identifier, where, ds + 1, parcel, event.kind)
        self.chain[where] = (ds + 1, identifier)
        self.own[identifier] = item
        self.outbox[identifier] = item
        self.keep(where, identifier, parcel, 0, event.authority)
        return item

    def keep(self, space: SpaceId, core: CoreId, parcel: Parcel, state: int, authority: bool) -> None:
        """Remember a core; what was seen with its body keeps it."""
        held = self.known.setdefault(space, {})
        before = held.get(core)
        if before is not None:
            if state != VOID or before.state == VOID:
                before.state = state
            if before.parcel.b is not None or parcel.b is None:
                return
        data = msgspec.json.decode(parcel.b) if parcel.b is not None else {}
        held[core] = Known(core, decode_core(parcel.c.encode()), parcel, data, state, authority)

    def heads(self, space: SpaceId) -> tuple[CoreId, ...]:
        """The newest authority facts that this device has seen, its own among them."""
        rows = [
            Row(one.id, one.parcel.c.encode())
            for one in self.known.get(space, {}).values()
            if one.authority and one.state == 0
        ]
        return authority_heads(rows)

    def batch(self) -> list[tuple[CoreId, Parcel]]:
        """What to send now: first what the provider asked for, then the oldest that it has not answered."""
        items = [one for one in self.outbox.values() if one.id not in self.settled_here]
        turn = {space: self.chance.random() for space in dict.fromkeys(one.space for one in items)}
        waiting = [(one.id, _sent(one)) for one in sorted(items, key=lambda one: (turn[one.space], one.ds))]
        extra = sorted(self.extra.items(), key=lambda one: (one[1][0].t, one[1][0].ds))
        return [*((core, parcel) for core, (_, parcel) in extra), *waiting][:BATCH_MAX]

    def answered(self, core: CoreId, outcome: Outcome) -> None:
        """What the provider said about one that was sent to it in this session."""
        item = self.own.get(core)
        self.extra.pop(core, None)
        if outcome.st == "ask":
            self._asked(core, outcome)
        elif item is not None and outcome.st == "accepted":
            item.accepted = True
            self.settled_here.add(core)
        elif item is not None and outcome.refusal is not None:
            self._refused(item, outcome)

    def shown(self, space: SpaceId, page: list[Entry], kinds: Any) -> None:
        """Entries of a space that it follows, in the order of their sub-logs; what does not follow on is left."""
        vector = self.vectors.setdefault(space, {})
        for entry in page:
            sublog = f"{entry.p}.{entry.i}"
            if entry.n != vector.get(sublog, 0) + 1:
                continue
            vector[sublog] = entry.n
            core = decode_core(entry.c.encode())
            self.hlc.observe(core.t)
            kind = kinds.kind(core.k)
            self.keep(space, entry.id, entry.parcel, entry.x, kind is not None and kind.event.authority)
            if core.dev == self.dev and (item := self.own.get(entry.id)) is not None:
                item.places = [*item.places, (sublog, entry.n, entry.x == VOID)]

    def covered(self, space: SpaceId, vector: Vector) -> None:
        """Both providers hold what this vector covers: let it go. One that was refused may turn out to be accepted."""
        # What was let go once may be in the outbox again, by an old profile.
        open_ones = [one for one in self.own.values() if one.id not in self.durable or one.id in self.outbox]
        for item in [one for one in open_ones if one.space == space]:
            held = [void for sublog, n, void in item.places if vector.get(sublog, 0) >= n]
            if not held:
                continue
            if all(held) and any(not void for _, _, void in item.places):
                continue
            self.let_go(item)
            if not all(held):
                self.durable.add(item.id)

    def let_go(self, item: Item) -> None:
        self.outbox.pop(item.id, None)
        self.settled_here.add(item.id)

    def _refused(self, item: Item, outcome: Outcome) -> None:
        """Refused: with a void its number is used up; without, its header is offered so that it will be."""
        assert outcome.refusal is not None
        used_up = outcome.dp == item.id or (outcome.ds or 0) > item.ds
        item.refused = outcome.refusal.code
        self.refusals[item.id] = outcome.refusal.code
        item.gone = True
        if item.refused == NumberUsed.code and self.was_put_back:
            self._give_up()
        if not used_up:
            return
        self.let_go(item)
        self.after_refusal(item)

    def _give_up(self) -> None:
        """An old profile used a number twice: the app says so, and its person signs it out. It writes no more."""
        self.may_write, self.is_out = False, True
        self.outbox.clear()
        self.extra.clear()

    def after_refusal(self, item: Item) -> None:
        """The next fact takes the next number: nothing to do."""

    def _asked(self, core: CoreId, outcome: Outcome) -> None:
        """Give what is missing, as far as this device holds it."""
        if self.refusals.get(core) in (REPLACED, UNMET):
            return
        for space, held in self.known.items():
            wanted = held.get(core)
            if wanted is None:
                continue
            if self._is_lost(space, wanted, outcome) or self._is_unmet(space, wanted, outcome):
                self._pass_over(space, (outcome.ds or 1) - 1, outcome.dp, outcome.missing)
                return
            for named in outcome.missing:
                found = held.get(CoreId(named))
                if found is not None:
                    self._give(space, found)
            for one in held.values():
                if one.core.dev == wanted.core.dev and (outcome.ds or 1) <= one.core.ds < wanted.core.ds:
                    self._give(space, one)

    def _is_lost(self, space: SpaceId, wanted: Known, outcome: Outcome) -> bool:
        """Whether a provider has asked often enough for own cores that are nowhere."""
        ds, first = outcome.ds or 1, min((one.ds for one in self.outbox.values() if one.space == space), default=0)
        if wanted.core.dev != self.dev or wanted.core.ds != first:
            return False
        numbers = {one.core.ds for one in self.known[space].values() if one.core.dev == self.dev}
        if numbers.issuperset(range(ds, first)):
            self.asked.pop(space, None)
            return False
        last, count = self.asked.get(space, (ds, 0))
        self.asked[space] = (ds, count + 1 if last == ds else 1)
        return self.asked[space][1] >= LOST_ASKS

    def _is_unmet(self, space: SpaceId, wanted: Known, outcome: Outcome) -> bool:
        """Whether a provider has asked often enough for what the next own fact names."""
        if wanted.id not in self.outbox or wanted.core.ds != outcome.ds or not outcome.missing:
            return False
        first, count = self.unmet.get(space, (wanted.id, 0))
        self.unmet[space] = (wanted.id, count + 1 if first == wanted.id else 1)
        return self.unmet[space][1] >= UNMET_ASKS

    def _pass_over(self, space: SpaceId, ds: int, dp: CoreId | None, missing: Iterable[str]) -> None:
        """Every number after `ds` that was ever used becomes a void; what waits is written anew behind them, but for
        what names what is `missing`.
        """
        self.asked.pop(space, None)
        self.unmet.pop(space, None)
        unmet = {CoreId(one) for one in missing} - self.outbox.keys()
        for one in unmet & self.known[space].keys():
            self.known[space][one].state = VOID  # written anew, nothing is said to follow on it
        waiting = sorted((one for one in self.outbox.values() if one.space == space), key=lambda one: one.ds)
        last = self.chain[space][0]
        for number in range(ds + 1, last + 1):
            core = {
                "ah": [], "bk": None, "dp": dp, "ds": number, "k": PASSED, "mu": False, "re": [], "sp": space,
                "t": self.hlc.tick(),
            }  # fmt: skip
            dp, parcel = make_parcel(self.key, core, {}, self.chance.randbytes(16))
            self.own[dp] = self.outbox[dp] = Item(dp, space, number, parcel, PASSED, gone=True)
            self.keep(space, dp, parcel, VOID, authority=False)
        self.chain[space] = (last, dp)
        renamed: dict[str, str] = {}
        before = {item.id: self.known[space].pop(item.id) for item in waiting}
        for item in waiting:
            del self.outbox[item.id]
            given_up = not unmet.isdisjoint(before[item.id].core.re)
            self.refusals[item.id] = UNMET if given_up else REPLACED
            unmet |= {item.id} if given_up else set()
            if not item.gone and not given_up:
                renamed[item.id] = self._write_anew(item, before[item.id], renamed)

    def _write_anew(self, item: Item, before: Known, renamed: dict[str, str]) -> CoreId:
        """The same at the end of the chain; whatever names an id that changed names the new one."""
        ds, dp = self.chain[item.space]
        text = item.parcel.b or ""
        for old, new in renamed.items():
            text = text.replace(old, new)
        core = {
            "ah": sorted(self.heads(item.space)), "bk": None, "dp": dp, "ds": ds + 1, "k": item.kind, "mu": False,
            "re": [renamed.get(one, one) for one in before.core.re], "sp": item.space, "t": self.hlc.tick(),
        }  # fmt: skip
        identifier, parcel = make_parcel(self.key, core, msgspec.json.decode(text), self.chance.randbytes(16))
        self.chain[item.space] = (ds + 1, identifier)
        self.own[identifier] = self.outbox[identifier] = Item(identifier, item.space, ds + 1, parcel, item.kind)
        self.keep(item.space, identifier, parcel, 0, before.authority)
        return identifier

    def _give(self, space: SpaceId, known: Known) -> None:
        if known.id in self.outbox or len(self.extra) >= EXTRA_MAX:
            return
        item = self.own.get(known.id)
        parcel = _sent(item) if item is not None else known.parcel
        self.extra[known.id] = (known.core, parcel)


def _sent(item: Item) -> Parcel:
    return Parcel(item.parcel.c, item.parcel.s, None, None) if item.gone else item.parcel
