"""Vectors of conversation: facts with the rows that every implementation folds them into, in any order that respects
`re`. The inputs stand here; the rows come from the fold itself and are looked at when they change."""

from typing import Any

import msgspec
from sqlalchemy import create_engine

from verbund.base.clock import SystemClock, stamp_of
from verbund.base.ids import AccountId, CoreId, DeviceId, SpaceId, digest
from verbund.base.keys import DeviceKey
from verbund.chat import events, projection, queries
from verbund.log import tables
from verbund.log.cache import Cache
from verbund.log.core import Core
from verbund.log.registry import Device, Fact
from verbund.log.store import metadata
from verbund.log.tx import Reader, Tx

_T0 = 1_700_000_000_000
SPACE = SpaceId(digest(b"space"))
_KINDS = {event.kind: event for event in events.EVENTS}
_KEYS = {name: DeviceKey(digest(name.encode()).encode()[:32]) for name in ("anna", "ben", "cem")}


def account(name: str) -> AccountId:
    return AccountId(digest(b"account", name.encode()))


class People:
    """The log's directory for three people."""

    def device(self, _view: Reader | None, dev: DeviceId) -> Device | None:
        name = next((name for name, key in _KEYS.items() if key.device == dev), None)
        return Device(_KEYS[name].public, account(name), "person") if name else None

    def devices(self, _view: Reader | None, _space: SpaceId) -> set[DeviceId]:
        return set()


def fact(
    name: str, who: str, ms: int, kind: str, body: dict[str, Any], *re: str, ds: int = 1, late: int = 0
) -> dict[str, Any]:
    """One fact of a case; `name` becomes its id, `re` names others."""
    t = stamp_of(_T0 + ms)
    device = _KEYS[who].device
    return {
        "id": digest(name.encode()), "kind": kind, "author": account(who), "dev": device, "ds": ds, "t": t,
        "stamp": f"{t}{device}{ds:08x}", "at": _T0 + (late or ms), "body": body,
        "re": [digest(one.encode()) for one in re],
    }  # fmt: skip


def posted(name: str, who: str, ms: int, text: str, *re: str, **more: Any) -> dict[str, Any]:
    given: dict[str, Any] = {
        key: more.pop(key) for key in ("mentions", "reply_to", "channel", "files", "blobs") if key in more
    }
    body: dict[str, Any] = {"text": text, **given}
    return fact(name, who, ms, events.MessagePosted.kind, body, *re, **more)


def edited(name: str, who: str, ms: int, target: str, text: str, **more: Any) -> dict[str, Any]:
    return fact(
        name, who, ms, events.MessageEdited.kind, {"message": digest(target.encode()), "text": text}, target, **more
    )


def withdrawn(name: str, who: str, ms: int, target: str, by: str = "author", **more: Any) -> dict[str, Any]:
    body = {"message": digest(target.encode()), "channel": None, "by": by}
    return fact(name, who, ms, events.MessageWithdrawn.kind, body, target, **more)


def reacted(name: str, who: str, ms: int, target: str, emoji: str, on: bool = True, **more: Any) -> dict[str, Any]:
    body = {"message": digest(target.encode()), "emoji": emoji, "on": on}
    return fact(name, who, ms, events.ReactionSet.kind, body, target, **more)


def cases() -> dict[str, list[dict[str, Any]]]:
    """name → facts."""
    file = {"hash": digest(b"file"), "name": "Treppe 🪜.jpg", "type": "image/jpeg", "size": 7, "width": 3, "height": 2}
    first = posted("m1", "anna", 0, "Guten Morgen 🪵 שלום")
    return {
        "three messages stand in the order of their clocks": [
            posted("m1", "anna", 20, "zwei"), posted("m2", "ben", 10, "eins"), posted("m3", "cem", 30, "drei"),
        ],
        "same instant: the id decides": [posted("m1", "anna", 5, "a"), posted("m2", "ben", 5, "b")],
        "a reply, a mention and a picture": [
            first,
            posted("m2", "ben", 10, "@Anna hier", "m1", mentions=[account("anna")], reply_to=digest(b"m1"),
                   files=[file], blobs=[file["hash"]]),
        ],
        "the latest edit wins": [
            first, edited("e1", "anna", 30, "m1", "dritte", ds=3), edited("e2", "anna", 20, "m1", "zweite", ds=2),
        ],
        "same instant: the higher number wins": [
            first, edited("e1", "anna", 20, "m1", "Nummer 3", ds=3), edited("e2", "anna", 20, "m1", "Nummer 2", ds=2),
        ],
        "only the author edits": [first, edited("e1", "ben", 20, "m1", "gefälscht")],
        "a withdrawal wins over a later edit": [
            first, withdrawn("w1", "anna", 20, "m1", ds=2), edited("e1", "anna", 30, "m1", "doch nicht", ds=3),
        ],
        "only the author withdraws as author": [first, withdrawn("w1", "ben", 20, "m1")],
        "a moderator withdraws": [first, withdrawn("w1", "ben", 20, "m1", by="moderator")],
        "a withdrawal takes the reactions along": [
            first, reacted("r1", "ben", 10, "m1", "👍"), withdrawn("w1", "anna", 20, "m1", ds=2),
        ],
        "reactions of two, one taken back": [
            first, reacted("r1", "ben", 10, "m1", "👍"), reacted("r2", "cem", 11, "m1", "👍"),
            reacted("r3", "ben", 12, "m1", "👍", on=False, ds=2),
        ],
        "per person and emoji the latest wins": [
            first, reacted("r1", "ben", 30, "m1", "🎉", ds=3), reacted("r2", "ben", 20, "m1", "🎉", on=False, ds=2),
        ],
        "two edits, a reply and a reaction at once": [
            first, edited("e1", "anna", 30, "m1", "drei", ds=3), edited("e2", "anna", 31, "m1", "vier", ds=4),
            reacted("r1", "cem", 15, "m1", "👀"), posted("m2", "ben", 12, "ja", "m1", reply_to=digest(b"m1")),
        ],
        "a clock that runs ahead does not": [
            posted("m1", "anna", 3_600_000, "aus der Zukunft", late=1_000), posted("m2", "ben", 90_000, "danach"),
        ],
    }  # fmt: skip


def fold(facts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows of these facts in this order, as they leave the server, without what is local to it."""
    engine = create_engine("sqlite://")
    metadata.create_all(engine)
    with engine.connect() as connection:
        tx = Tx(connection, SystemClock(), People(), Cache())
        for position, one in enumerate(facts, start=1):
            known = _fact(one, position)
            _keep(tx, known)
            projection.FOLDS[type(known.event)](tx, known)
        tx.flush()
        rows, _ = queries.messages(connection, SPACE, "", None, None, queries.MESSAGES_PAGE_MAX)
    engine.dispose()
    shapes: list[dict[str, Any]] = msgspec.to_builtins(rows)
    return [{name: value for name, value in shape.items() if name != "at"} for shape in shapes]


def chat_vectors() -> dict[str, Any]:
    """Content of protocol/vectors/chat/fold.json."""
    return {"cases": [{"name": name, "facts": facts, "rows": fold(facts)} for name, facts in cases().items()]}


def _fact(one: dict[str, Any], position: int) -> Fact:
    core = Core(
        ah=(), bh="", bk=None, bs=0, dev=one["dev"], dp=None, ds=one["ds"], k=one["kind"], mu=False,
        re=tuple(one["re"]), t=one["t"], v=1, sp=SPACE,
    )  # fmt: skip
    event = msgspec.convert(one["body"], _KINDS[one["kind"]])
    device = People().device(None, one["dev"])
    assert device is not None
    return Fact(
        CoreId(one["id"]), SPACE, "team", core, device.actor, device, event, (), one["stamp"], one["at"], position
    )


def _keep(tx: Tx, known: Fact) -> None:
    """The header in the log, for the fold of a withdrawal."""
    row = {"id": known.id, "space": SPACE, "dev": known.dev, "ds": known.ds, "kind": known.core.k, "t": known.t}
    tx.insert(tables.core, {**row, "position": known.position, "state": 0, "raw": b"", "sig": b""})
    tx.insert(tables.entry, {
        "position": known.position, "sublog": 1, "seq": known.position, "core": known.position, "chain": b"",
        "at": known.at, "void": 0,
    })  # fmt: skip
