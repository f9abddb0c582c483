"""The smallest capability there can be, to try the log on: notes on a wall that everybody known may write on."""

from typing import Any, ClassVar

from sqlalchemy import Column, String, Table, select

from verbund.base.canonical import encode
from verbund.base.clock import stamp_of
from verbund.base.ids import AccountId, CoreId, DeviceId, SpaceId
from verbund.base.keys import DeviceKey, PublicKey
from verbund.base.refusal import Refusal
from verbund.log.core import Parcel, make_parcel
from verbund.log.registry import Device, Event, Fact, Registry, rule
from verbund.log.store import metadata
from verbund.log.tx import Reader, Tx

note = Table(
    "test_note",
    metadata,
    Column("id", String, primary_key=True),
    Column("space", String, nullable=False),
    Column("text", String, nullable=False),
    Column("stamp", String, nullable=False),
)


class Rude(Refusal):
    """de: So nicht.
    en: Not like that."""

    code = "test.rude"
    status = 422


class WallOpened(Event):
    """A wall was put up."""

    kind: ClassVar[str] = "test.wall_opened.1"
    sorts: ClassVar[frozenset[str]] = frozenset({"wall"})
    authority: ClassVar[bool] = True
    founds: ClassVar[bool] = True


class Noted(Event):
    """Somebody wrote a note. Copies are notes of their own."""

    kind: ClassVar[str] = "test.noted.1"
    sorts: ClassVar[frozenset[str]] = frozenset({"wall"})
    text: str


class Rewritten(Event):
    """A note was rewritten. The latest wins."""

    kind: ClassVar[str] = "test.rewritten.1"
    sorts: ClassVar[frozenset[str]] = frozenset({"wall"})
    note: str
    text: str


class Wall:
    """Authority of a wall: whoever is known may write; `seen` are the facts it was made of."""

    sort = "wall"

    def __init__(self, seen: frozenset[CoreId]) -> None:
        self.seen = seen

    def includes(self, core: CoreId) -> bool:
        return core in self.seen

    def role_of(self, account: str) -> str | None:
        return "member"


class Walls:
    def at(self, view: Reader, space: SpaceId, heads: tuple[CoreId, ...]) -> Wall | None:
        return Wall(frozenset(heads)) if view.state(CoreId(space)) == 0 else None

    def founded(self, fact: Fact) -> Wall:
        return Wall(frozenset({fact.id}))


class People:
    """Who holds which key."""

    def __init__(self) -> None:
        self.keys: dict[DeviceId, PublicKey] = {}

    def device(self, view: Reader, dev: DeviceId) -> Device | None:
        key = self.keys.get(dev)
        return Device(key, AccountId(dev), "person") if key else None

    def devices(self, view: Reader, space: SpaceId) -> set[DeviceId]:
        return set()


def polite(fact: Fact, authority: Wall) -> None:
    if fact.event.text == "rude":
        raise Rude()


def noted(tx: Tx, fact: Fact) -> None:
    if fact.event.text == "crash":
        raise KeyError(fact.event.text)
    if fact.event.text.startswith("cut "):
        tx.cut(fact.space, DeviceId(fact.event.text[4:]), 0, fact.id)
    tx.insert_once(note, {"id": fact.id, "space": fact.space, "text": fact.event.text, "stamp": fact.stamp})


def rewritten(tx: Tx, fact: Fact) -> None:
    c = note.c
    if tx.execute(select(c.id).where(c.id == fact.event.note, c.stamp < fact.stamp)).first():
        row = {"id": fact.event.note, "space": fact.space, "text": fact.event.text, "stamp": fact.stamp}
        tx.upsert(note, row, newer="stamp")


def nothing(*_: object) -> None:
    """Always allowed; leaves no row."""


def registry() -> Registry:
    kinds = Registry()
    kinds.register(
        (WallOpened, Noted, Rewritten),
        {WallOpened: rule(nothing), Noted: rule(polite), Rewritten: rule(polite)},
        {WallOpened: nothing, Noted: noted, Rewritten: rewritten},
        (note,),
    )
    return kinds


class Person:
    """Somebody with a device who writes cores: numbers, chain and stamps as an honest app makes them."""

    def __init__(self, seed: int, people: People | None = None) -> None:
        self.key = DeviceKey(seed.to_bytes(32, "big"))
        self.heads: dict[SpaceId, tuple[int, CoreId]] = {}
        self.ms = 1_700_000_000_000 + seed
        if people is not None:
            people.keys[self.key.device] = self.key.public

    def found(self) -> tuple[SpaceId, Parcel]:
        core = {"ah": [], "bk": None, "dp": None, "ds": 1, "k": WallOpened.kind, "mu": False, "re": [], "t": self.now()}
        identifier, parcel = make_parcel(self.key, core, {}, bytes(16))
        space = SpaceId(identifier)
        self.heads[space] = (1, identifier)
        return space, parcel

    def write(self, space: SpaceId, kind: str, body: dict[str, Any], **core: Any) -> tuple[CoreId, Parcel]:
        ds, dp = self.heads.get(space, (0, None))
        whole = {
            "ah": [space], "bk": None, "dp": dp, "ds": ds + 1, "k": kind, "mu": False, "re": [], "sp": space,
            "t": self.now(), **core,
        }  # fmt: skip
        identifier, parcel = make_parcel(self.key, whole, body, bytes(16))
        self.heads[space] = (whole["ds"], identifier)
        return identifier, parcel

    def note(self, space: SpaceId, text: str, **core: Any) -> tuple[CoreId, Parcel]:
        return self.write(space, Noted.kind, {"text": text}, **core)

    def now(self) -> str:
        self.ms += 1
        return stamp_of(self.ms)


def rows(view: Any) -> bytes:
    """What the folds made, in an order that does not depend on how it came."""
    found = view.execute(select(note).order_by(note.c.id)).all()
    return encode([list(row) for row in found])
