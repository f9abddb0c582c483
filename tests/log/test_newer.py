"""Kinds that a release does not know: carried, passed on, told of, and folded by the release that knows them."""

import asyncio
from collections.abc import Callable
from typing import ClassVar

import msgspec
import pytest

from tests.log import notes
from tests.log.test_accept import entries_of
from verbund.base.ids import SpaceId
from verbund.log import newer
from verbund.log.entry import NEWER, QUARANTINED, SETTLED
from verbund.log.registry import Event, rule
from verbund.log.service import LogService

Logs = Callable[[int], LogService]


class Painted(Event):
    """A note in colour: of the next release. Copies are notes of their own."""

    kind: ClassVar[str] = "test.painted.1"
    sorts: ClassVar[frozenset[str]] = frozenset({"wall"})
    text: str
    channel: str = ""


def update(log: LogService) -> None:
    """The next release is installed."""
    rules, folds = {Painted: rule(notes.nothing)}, {Painted: notes.noted}
    log.core.registry.register((Painted,), rules, folds, ())


def rows_of(log: LogService) -> object:
    with log.store.read() as connection:
        return notes.rows(connection)


def told_of(log: LogService, space: str) -> list[tuple[str, str]]:
    with log.store.read() as connection:
        return [(core, named) for core, named, _ in newer.told(connection, SpaceId(space))]


def states(log: LogService, space: str) -> list[int]:
    return [one.x for one in entries_of(log, space)]


async def test_what_only_a_newer_release_knows_is_kept_passed_on_and_folded_by_it(
    logs: Logs, anna: notes.Person, ben: notes.Person
) -> None:
    modern, old, third = (logs(one) for one in (95, 96, 97))
    update(modern)
    space, genesis = anna.found()
    painted, parcel = anna.write(space, Painted.kind, {"text": "bunt", "channel": ""})
    _, later = anna.note(space, "danach", re=[painted])
    await modern.submit([genesis, parcel, later])
    await old.accept(entries_of(modern, space))
    assert old.vector(space) == modern.vector(space), "as durable as anything else"
    assert states(old, space) == [SETTLED, NEWER, SETTLED], "what builds on it counts"
    assert told_of(old, space) == [(painted, "")]
    await third.accept(entries_of(old, space))
    assert [one.b for one in entries_of(third, space)] == [one.b for one in entries_of(modern, space)]
    await old.refold()
    assert states(old, space) == [SETTLED, NEWER, SETTLED]
    for one in (old, third):
        update(one)
        await one.write(lambda tx, one=one: newer.learn(tx, one.core.registry))  # type: ignore[misc]
        assert rows_of(one) == rows_of(modern)
        assert states(one, space) == [SETTLED] * 3
        assert told_of(one, space) == []


async def test_followers_are_told_when_it_comes_and_when_it_is_known(logs: Logs, anna: notes.Person) -> None:
    modern, old = logs(95), logs(96)
    update(modern)
    space, genesis = anna.found()
    painted, parcel = anna.write(space, Painted.kind, {"text": "bunt", "channel": ""})
    await modern.submit([genesis, parcel])
    heard: list[tuple[bool, bool]] = []
    old.told.append(lambda new: heard.extend((painted == one.entry.id, fact is not None) for _, one, fact in new))
    await old.accept(entries_of(modern, space))
    update(old)
    await old.write(lambda tx: newer.learn(tx, old.core.registry))
    async with asyncio.timeout(10):
        while len(found := [fact for is_it, fact in heard if is_it]) < 2:  # noqa: ASYNC110  # told by the loop's next turn
            await asyncio.sleep(0.01)
    assert found == [False, True]


async def test_of_who_does_not_belong_nothing_is_told(
    logs: Logs, anna: notes.Person, people: notes.People, monkeypatch: pytest.MonkeyPatch
) -> None:
    modern, old = logs(95), logs(96)
    update(modern)
    space, genesis = anna.found()
    _, parcel = anna.write(space, Painted.kind, {"text": "Werbung", "channel": ""})
    await modern.submit([genesis, parcel])
    monkeypatch.setattr(notes.Wall, "role_of", lambda self, account: None)
    await old.accept(entries_of(modern, space))
    assert states(old, space) == [SETTLED, QUARANTINED], "kept all the same"
    assert told_of(old, space) == []
    monkeypatch.undo()
    update(old)
    await old.write(lambda tx: newer.learn(tx, old.core.registry))
    assert rows_of(old) == rows_of(modern), "and judged anew by who knows what it is"


async def test_forged_one_is_refused_like_everything_else(logs: Logs, anna: notes.Person) -> None:
    modern, old = logs(95), logs(96)
    update(modern)
    space, genesis = anna.found()
    _, parcel = anna.write(space, Painted.kind, {"text": "bunt", "channel": ""})
    await modern.submit([genesis, parcel])
    first, second = entries_of(modern, space)
    with pytest.raises(Exception, match=r"log\."):
        await old.accept([first, msgspec.structs.replace(second, b='{"channel":"","text":"anders"}')])
    assert old.vector(space) == {}
