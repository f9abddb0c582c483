"""Followers: each fact at least once, also what waited for its cause or was set aside and counts after all."""

import asyncio
from collections.abc import Callable

import msgspec
import pytest
from sqlalchemy import func, select

from tests.log import notes
from tests.log.test_accept import entries_of
from verbund.base.ids import CoreId, DeviceId
from verbund.log import cursors, tables
from verbund.log.appended import Appended
from verbund.log.cursors import Follower
from verbund.log.entry import QUARANTINED, SETTLED, WAITING, Entry
from verbund.log.log import Log
from verbund.log.registry import Fact
from verbund.log.service import LogService

Logs = Callable[[int], LogService]
KINDS = frozenset({notes.Noted.kind, notes.Rewritten.kind})
WAIT_S = 30.0


class Reading:
    """A follower that writes down what it gets; `fails` is how often its effect breaks first."""

    def __init__(self, log: LogService, name: str = "reading", fails: int = 0) -> None:
        self.got: list[CoreId] = []
        self._fails, self._more = fails, asyncio.Event()
        self._log = log
        self.follower = Follower(log, name, KINDS, self._effect)
        self.follower.start()

    async def _effect(self, fact: Fact) -> None:
        self._more.set()
        if self._fails > 0:
            self._fails -= 1
            raise OSError("the disk of the effect is full")
        self.got.append(fact.id)

    async def until(self, core: CoreId) -> None:
        """It got this one."""
        async with asyncio.timeout(WAIT_S):
            while core not in self.got:
                await self._more.wait()
                self._more.clear()

    async def until_called(self) -> None:
        """Its effect has begun, however it went on."""
        async with asyncio.timeout(WAIT_S):
            await self._more.wait()

    async def until_saved(self) -> None:
        """Its cursor is at the end of the log."""
        await eventually(lambda: cursor(self._log) >= end(self._log))


async def eventually(check: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not check():  # noqa: ASYNC110  # what others wrote into the store tells nobody
            await asyncio.sleep(0.01)


def cursor(log: LogService, name: str = "reading") -> int:
    with log.store.read() as connection:
        c = tables.cursor.c
        return int(connection.execute(select(c.position).where(c.name == name)).scalar() or 0)


def end(log: LogService) -> int:
    with log.store.read() as connection:
        found = (connection.execute(select(func.max(one.c.position))).scalar() for one in (tables.entry, tables.late))
        return max(one or 0 for one in found)


def late(log: LogService) -> list[int]:
    with log.store.read() as connection:
        return list(connection.execute(select(tables.late.c.position).order_by(tables.late.c.position)).scalars())


class Scene:
    """Ben changes at one provider what Anna wrote at another; a third one hears of the change first."""

    def __init__(self, first: LogService, between: LogService, anna: notes.Person, ben: notes.Person) -> None:
        self._first, self._between, self._anna, self._ben = first, between, anna, ben

    async def play(self) -> tuple[CoreId, list[Entry], list[Entry]]:
        """(the change, the entry that holds it, the entries that it waits for)."""
        space, genesis = self._anna.found()
        core, parcel = self._anna.note(space, "alt")
        await self._first.submit([genesis, parcel])
        causes = entries_of(self._first, space)
        await self._between.accept(causes)
        change, changed = self._ben.write(space, notes.Rewritten.kind, {"note": core, "text": "neu"}, re=[core])
        await self._between.submit([changed])
        own = [one for one in entries_of(self._between, space) if one.p == self._between.provider]
        return change, own, causes


@pytest.fixture
async def scene(logs: Logs, anna: notes.Person, ben: notes.Person) -> Scene:
    return Scene(logs(94), logs(95), anna, ben)


async def another_wall(log: LogService, person: notes.Person) -> CoreId:
    """Something else that happens here meanwhile."""
    space, genesis = person.found()
    core, parcel = person.note(space, "nebenan")
    await log.submit([genesis, parcel])
    return core


async def test_follower_gets_what_waited_although_it_is_past_it(
    log: LogService, scene: Scene, anna: notes.Person
) -> None:
    change, effect, causes = await scene.play()
    reading = Reading(log)
    await log.accept(effect)
    await reading.until(await another_wall(log, anna))
    await reading.until_saved()
    assert change not in reading.got
    await log.accept(causes)
    await reading.until(change)
    assert reading.got.count(change) == 1
    await reading.follower.stop()


async def test_follower_that_was_away_gets_it_when_it_comes_back(
    log: LogService, scene: Scene, anna: notes.Person
) -> None:
    change, effect, causes = await scene.play()
    before = Reading(log)
    await log.accept(effect)
    await before.until(await another_wall(log, anna))
    await before.until_saved()
    await before.follower.stop()
    await log.accept(causes)
    again = Reading(log)
    await again.until(change)
    await again.until_saved()
    await again.follower.stop()
    assert await another_wall(log, anna) not in (before.got + again.got)
    last = Reading(log)
    await last.until_saved()
    assert change not in last.got
    await last.follower.stop()


async def test_effect_that_fails_is_tried_again(
    log: LogService, scene: Scene, anna: notes.Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cursors, "RETRY_S", 0.01)
    change, effect, causes = await scene.play()
    await log.accept(effect)
    seen = await another_wall(log, anna)
    await log.accept(causes)
    reading = Reading(log, fails=3)
    await reading.until(change)
    assert reading.got.index(seen) < len(reading.got) - 1 - reading.got[::-1].index(change)
    await reading.until_saved()
    await reading.follower.stop()


async def test_follower_that_dies_before_it_could_remember_gets_it_again(
    log: LogService, scene: Scene, anna: notes.Person
) -> None:
    change, effect, causes = await scene.play()
    first = Reading(log)
    await log.accept(effect)
    await first.until(await another_wall(log, anna))
    await first.until_saved()
    await first.follower.stop()
    before = cursor(log)
    dying = Reading(log, fails=1)
    await log.accept(causes)
    await dying.until_called()
    await dying.follower.stop()
    assert cursor(log) == before
    again = Reading(log)
    await again.until(change)
    await again.follower.stop()


async def test_followers_and_listeners_hear_of_what_counts_again(log: LogService, anna: notes.Person) -> None:
    """A cut sets a note aside, then the cut goes: whoever is here hears both, whoever reads on gets it again."""
    space, genesis = anna.found()
    core, parcel = anna.note(space, "bleibt")
    await log.submit([genesis, parcel])
    told: list[tuple[str, int, bool]] = []

    def listen(appended: Appended) -> None:
        for _, written, fact in appended:
            entry = msgspec.json.decode(written.raw, type=Entry)
            told.append((entry.id, entry.x, fact is not None))

    reading = Reading(log)
    await reading.until(core)
    await reading.until_saved()
    log.told.append(listen)
    dev, by = DeviceId(anna.key.device), CoreId("x" * 43)
    await log.write(lambda tx: tx.cut(space, dev, 1, by))
    reading.got.clear()
    await log.write(lambda tx: tx.uncut(by, space))
    await reading.until(core)
    assert told == [(core, QUARANTINED, False), (core, SETTLED, True)]
    await reading.follower.stop()


async def test_listeners_hear_of_what_waited(log: LogService, scene: Scene) -> None:
    change, effect, causes = await scene.play()
    told: list[tuple[str, int, bool]] = []
    log.told.append(
        lambda appended: told.extend(
            (one.id, one.x, fact is not None) for one, fact in ((written.entry, fact) for _, written, fact in appended)
        )
    )
    await log.accept(effect)
    await log.accept(causes)
    await eventually(lambda: len(told) == 1 + len(causes) + 1)
    assert told[0] == (change, WAITING, False)
    assert told[-1] == (change, SETTLED, True)


async def test_noted_lateness_is_swept_once_everybody_has_passed(
    log: LogService, logs: Logs, people: notes.People, anna: notes.Person
) -> None:
    """The newest stays, for the count of positions goes on from it."""
    sources = [(logs(100 + 2 * number), logs(101 + 2 * number)) for number in range(3)]
    scenes = [Scene(*pair, notes.Person(10 + number, people), notes.Person(20 + number, people))
              for number, pair in enumerate(sources)]  # fmt: skip
    slow = Reading(log, "slow")
    await slow.until(await another_wall(log, anna))
    await slow.follower.stop()
    quick = Reading(log)
    for scene in scenes:
        change, effect, causes = await scene.play()
        await log.accept(effect)
        await log.accept(causes)
        await quick.until(change)
    await quick.until_saved()
    assert len(late(log)) == 3, "the slow one still needs them"
    slow = Reading(log, "slow")
    await slow.until(change)
    await eventually(lambda: len(late(log)) == 1)
    assert late(log) == [end(log)]
    await slow.follower.stop()
    await quick.follower.stop()
    old = log.core
    again = LogService(
        log.store, Log(old.clock, old.registry, old.authorities, people, old.provider, old.incarnation),
        log.provider_device,
    )  # fmt: skip
    await log.stop()
    again.start()
    after = Reading(again)
    await after.until(await another_wall(again, anna))
    await after.follower.stop()
    await again.stop()


async def test_backlog_of_many_pages_comes_whole_and_in_order(
    log: LogService, anna: notes.Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cursors, "PAGE_MAX", 7)
    space, genesis = anna.found()
    written = [anna.note(space, str(number)) for number in range(40)]
    await log.submit([genesis, *(parcel for _, parcel in written)])
    reading = Reading(log)
    await reading.until(written[-1][0])
    assert reading.got == [core for core, _ in written]
    await reading.follower.stop()
