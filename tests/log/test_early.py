"""What goes ahead of its place: shown before all that came before, and in the end the same as if it had not."""

from collections.abc import Callable

import msgspec
import pytest
from sqlalchemy import select

from tests.log import notes
from tests.log.test_accept import entries_of
from verbund.base.ids import CoreId, SpaceId
from verbund.log import early, newest, tables
from verbund.log.core import WrongSignature
from verbund.log.entry import QUARANTINED, SETTLED, VOID, Entry
from verbund.log.registry import Fact, rule
from verbund.log.service import LogService

Logs = Callable[[int], LogService]


def ahead(log: LogService, space: str, since: int = 0) -> tuple[list[Entry], int]:
    """What this log gives ahead of the rest, and how far it looked."""
    with log.store.read() as connection:
        found = newest.newest(connection, SpaceId(space), {}, since)
    assert found is not None
    return [msgspec.json.decode(one, type=Entry) for one in found.entries], found.reached


async def take(log: LogService, entries: list[Entry]) -> list[bool]:
    return await log.write(lambda tx: [early.take(log.core, tx, one) for one in entries])


def texts(log: LogService) -> list[str]:
    with log.store.read() as connection:
        return sorted(connection.execute(select(notes.note.c.text)).scalars())


def states(log: LogService) -> dict[str, int]:
    core = tables.core.c
    with log.store.read() as connection:
        return {row.id: row.state for row in connection.execute(select(core.id, core.state))}


def rows(log: LogService) -> bytes:
    with log.store.read() as connection:
        return notes.rows(connection)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(newest, "NEWEST_MAX", 3)


async def said(log: LogService, *people: notes.Person, count: int = 20) -> SpaceId:
    """A wall on which these people wrote in turn."""
    space, genesis = people[0].found()
    parcels = [people[n % len(people)].note(space, f"{n:02}")[1] for n in range(count)]
    await log.submit([genesis, *parcels])
    return space


@pytest.mark.usefixtures("few")
async def test_newest_is_shown_first_and_the_rest_makes_it_whole(
    logs: Logs, log: LogService, anna: notes.Person, ben: notes.Person
) -> None:
    space = await said(log, anna, ben)
    replica = logs(91)
    given, _ = ahead(log, space)
    assert await take(replica, given) == [True] * 4
    assert texts(replica) == ["17", "18", "19"]
    assert replica.vector(space) == {f"{replica.provider}.1": 4}
    for one in entries_of(log, space):
        await replica.accept([one])
    assert rows(replica) == rows(log)
    assert states(replica) == states(log)
    with replica.store.read() as connection:
        assert connection.execute(select(tables.waiting)).all() == []
    before = rows(replica)
    await replica.refold()
    assert rows(replica) == before


@pytest.mark.usefixtures("few")
async def test_fold_again_while_the_rest_is_missing_shows_the_same(
    logs: Logs, log: LogService, anna: notes.Person, ben: notes.Person
) -> None:
    space = await said(log, anna, ben)
    replica = logs(91)
    await take(replica, ahead(log, space)[0])
    await replica.accept(entries_of(log, space)[:9])
    before = rows(replica), states(replica)
    await replica.refold()
    assert (rows(replica), states(replica)) == before
    await replica.accept(entries_of(log, space))
    assert rows(replica) == rows(log)


@pytest.mark.usefixtures("few")
async def test_people_go_on_where_they_were(logs: Logs, log: LogService, anna: notes.Person, ben: notes.Person) -> None:
    """Whose last fact is long ago, or was refused, too."""
    space = await said(log, anna)
    old = [ben.note(space, "von Ben")[1], ben.note(space, "rude")[1]]
    await log.submit([*old, *(anna.note(space, f"{n}")[1] for n in range(20, 30))])
    replica = logs(91)
    given, _ = ahead(log, space)
    assert VOID in [one.x for one in given]
    await take(replica, given)
    outcomes = await replica.submit([ben.note(space, "weiter")[1], anna.note(space, "auch")[1]])
    assert [one.st for one in outcomes] == ["accepted", "accepted"]
    await log.accept([one for one in entries_of(replica, space) if one.p == replica.provider])
    await replica.accept([one for one in entries_of(log, space) if one.p == log.provider])
    assert rows(replica) == rows(log)
    assert states(replica) == states(log)


@pytest.mark.usefixtures("few")
async def test_what_is_referred_to_comes_along(
    logs: Logs, log: LogService, anna: notes.Person, ben: notes.Person
) -> None:
    space = await said(log, anna, count=1)
    core, old = ben.note(space, "alt")
    others = [anna.note(space, f"{n}")[1] for n in range(10)]
    change = ben.write(space, notes.Rewritten.kind, {"note": core, "text": "neu"}, re=[core])[1]
    await log.submit([old, *others, change])
    replica = logs(91)
    await take(replica, ahead(log, space)[0])
    assert texts(replica) == ["8", "9", "neu"]


@pytest.mark.usefixtures("few")
async def test_new_since_comes_from_where_one_was(logs: Logs, log: LogService, anna: notes.Person) -> None:
    space = await said(log, anna)
    replica = logs(91)
    given, reached = ahead(log, space)
    await take(replica, given)
    assert ahead(log, space, reached)[0] == []
    await log.submit([anna.note(space, f"{n}")[1] for n in range(20, 25)])
    while True:
        given, reached = ahead(log, space, reached)
        if not given:
            break
        assert await take(replica, given) == [True] * len(given)
    assert texts(replica) == ["17", "18", "19", "20", "21", "22", "23", "24"]


async def test_what_cannot_be_told_yet_leaves_nothing(
    logs: Logs, log: LogService, anna: notes.Person, ben: notes.Person, people: notes.People
) -> None:
    space = await said(log, anna, count=1)
    core, parcel = anna.note(space, "alt")
    change = ben.write(space, notes.Rewritten.kind, {"note": core, "text": "neu"}, re=[core])[1]
    stranger = notes.Person(77, people)
    await log.submit([parcel, change, stranger.note(space, "fremd")[1]])
    genesis, _, alt, neu, fremd = entries_of(log, space)
    del people.keys[stranger.key.device]
    replica = logs(91)
    assert await take(replica, [genesis, neu, fremd]) == [True, False, False]
    assert texts(replica) == []
    with pytest.raises(WrongSignature):
        await take(replica, [msgspec.structs.replace(alt, s=neu.s)])
    assert len(states(replica)) == 1


async def test_what_its_device_wrote_before_has_the_last_word(logs: Logs, log: LogService, anna: notes.Person) -> None:
    """A partner left out the fact by which Anna closed the wall: what she wrote after it vanishes when that comes."""
    space = await said(log, anna, count=1)
    closing, closed = anna.write(space, notes.WallOpened.kind, {})
    _, after = anna.note(space, "danach")
    await log.submit([closed, after])
    replica = logs(91)
    _close_by(replica, closing)
    entries = entries_of(log, space)
    assert await take(replica, [entries[0], entries[3]]) == [True, True]
    assert texts(replica) == ["danach"]
    await replica.accept(entries)
    assert texts(replica) == ["00"]
    assert states(replica)[entries[3].id] == QUARANTINED
    assert states(replica)[closing] == SETTLED


def _close_by(log: LogService, closing: CoreId) -> None:
    """At this log nobody writes who has seen this fact."""

    def while_open(fact: Fact, authority: notes.Wall) -> None:
        if authority.includes(closing):
            raise notes.Rude()

    kinds = log.core.registry._kinds
    kinds[notes.Noted.kind] = kinds[notes.Noted.kind]._replace(rule=rule(while_open))
