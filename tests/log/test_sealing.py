"""Sealed segments: what goes in comes out byte for byte, what is erased is gone, a crash leaves the old or the new."""

import asyncio
import random
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from unittest.mock import patch

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from tests.log import notes
from tests.log.conftest import Databases, make
from verbund.base.clock import SystemClock
from verbund.base.ids import SpaceId
from verbund.base.refusal import Refusal
from verbund.log import bulk, kept, newest, sealer, sealing, tables
from verbund.log.bulk import unpack
from verbund.log.core import Parcel
from verbund.log.entry import Entry
from verbund.log.sealed import NotSealed, Segments, packed
from verbund.log.sealer import seal
from verbund.log.service import LogService
from verbund.log.tx import Tx

NOW_MS = 2**60
FILLS = 20
LOOKS_MAX = 1_000
Logs = Callable[[int], LogService]
_entry = msgspec.json.Decoder(Entry)


@pytest.fixture(autouse=True)
def few() -> Iterator[None]:
    """A segment is full with FILLS entries."""
    with patch.object(sealing, "ENTRIES_MAX", FILLS):
        yield


async def talk(log: LogService, people: list[notes.Person], count: int) -> tuple[SpaceId, list[Parcel]]:
    """A wall with notes of these people, in turn."""
    space, first = people[0].found()
    parcels = [first] + [people[n % len(people)].note(space, f"Kirschholz {n} ist da")[1] for n in range(count)]
    for parcel in parcels:
        assert (await log.submit([parcel]))[0].refusal is None
    return space, parcels


def told(log: LogService, space: SpaceId) -> list[bytes]:
    return log.entries(space, {}, 500)[0]


def count(log: LogService, what: Any) -> int:
    with log.store.read() as connection:
        return int(connection.execute(select(func.count()).select_from(what)).scalar_one())


def contents(log: LogService) -> list[Entry]:
    """Everything that lies in segments."""
    c = tables.segment.c
    with log.store.read() as connection:
        rows = connection.execute(select(c.space, c.runs, c.data).order_by(c.first)).all()
    return [one for row in rows for one in unpack(row.space, packed(bytes(row.runs), bytes(row.data)))]


async def test_what_is_sealed_is_told_byte_for_byte(log: LogService, anna: notes.Person, ben: notes.Person) -> None:
    space, _ = await talk(log, [anna, ben], 3 * FILLS)
    before = told(log, space)
    assert await seal(log, NOW_MS) == 3
    assert told(log, space) == before
    core, entry = tables.core.c, tables.entry.c
    with log.store.read() as connection:
        # The first is authority, and some at the end fill no segment.
        assert connection.execute(select(func.count()).where(core.raw == b"")).scalar() == 3 * FILLS - 1
        assert connection.execute(select(func.count()).where(entry.chain == b"")).scalar() == 3 * FILLS
        assert [bytes(row.raw) for row in Segments(connection).wholes(rows(connection))] == [
            _entry.decode(one).c.encode() for one in before
        ]
    for cut in (1, FILLS - 1, FILLS, 2 * FILLS + 3):
        provider = _entry.decode(before[0])
        assert log.entries(space, {f"{provider.p}.{provider.i}": cut}, 500)[0] == before[cut:]


def rows(connection: Any) -> list[Any]:
    core = tables.core.c
    columns = (core.id, core.space, core.raw, core.position.label("origin"))
    return list(connection.execute(select(*columns).order_by(core.position)))


async def test_a_rebuild_from_segments_gives_the_same(log: LogService, anna: notes.Person, ben: notes.Person) -> None:
    space, _ = await talk(log, [anna, ben], 2 * FILLS)
    await seal(log, NOW_MS)
    with log.store.read() as connection:
        before = notes.rows(connection)
    await log.refold()
    with log.store.read() as connection:
        assert notes.rows(connection) == before
    assert len(told(log, space)) == 2 * FILLS + 1


async def test_a_partner_gets_the_same_and_verifies_it(logs: Logs, anna: notes.Person, ben: notes.Person) -> None:
    here, there = logs(90), logs(91)
    space, _ = await talk(here, [anna, ben], 2 * FILLS)
    before = told(here, space)
    await seal(here, NOW_MS)
    await there.accept([_entry.decode(one) for one in told(here, space)])
    with here.store.read() as one, there.store.read() as two:
        assert notes.rows(one) == notes.rows(two)
        found = newest.newest(one, space, {}, 0)
        assert found is not None
        assert sorted(found.entries) == sorted(before)
    # Sealed there too it goes on to a third, which takes nothing that does not verify.
    await seal(there, NOW_MS)
    assert [_without_order(one) for one in told(there, space)] == [_without_order(one) for one in before]


def _without_order(entry: bytes) -> Entry:
    return msgspec.structs.replace(_entry.decode(entry), o=0)


async def test_an_erased_body_is_in_no_segment(log: LogService, anna: notes.Person, ben: notes.Person) -> None:
    space, _ = await talk(log, [anna, ben], 3 * FILLS)
    before = {one.id: one for one in map(_entry.decode, told(log, space))}
    await seal(log, NOW_MS)
    gone = [one.id for one in contents(log) if one.b is not None][3 : 2 * FILLS : 3]
    await log.write(lambda tx: [tx.erase(one) for one in gone])
    left = {one.id: one.b for one in contents(log)}
    assert all(left[one] is None for one in gone)
    after = {one.id: one for one in map(_entry.decode, told(log, space))}
    for core, one in before.items():
        erased = msgspec.structs.replace(one, sa=None, b=None) if core in gone else one
        assert after[core] == erased
    assert sum(one is not None for one in left.values()) == 3 * FILLS - 1 - len(gone)


async def test_what_is_erased_with_others_in_one_go_is_in_no_segment(log: LogService, anna: notes.Person) -> None:
    """A refused piece of work takes back its own erasures, not those of others."""
    space, _ = await talk(log, [anna], 2 * FILLS)
    await seal(log, NOW_MS)
    first, second = [one.id for one in contents(log) if one.b is not None][:2]

    def refused(tx: Tx) -> None:
        tx.erase(second)
        raise notes.Rude()

    await_all = [log.write(lambda tx: tx.erase(first)), log.write(refused)]
    await await_all[0]
    with pytest.raises(Refusal):
        await await_all[1]
    left = {one.id: one.b for one in contents(log)}
    assert left[first] is None
    assert left[second] is not None
    assert _entry.decode(next(one for one in told(log, space) if second.encode() in one)).b is not None


async def test_nothing_erased_is_left_in_the_file(tmp_path: Path, people: notes.People) -> None:
    """Neither the words nor the packed bytes that held them: in the database or its write-ahead log."""
    anna = notes.Person(1, people)
    chance = random.Random(7)
    log = make(lambda name: f"sqlite:///{tmp_path / f'{name}.db'}", people)
    log.start()
    space, first = anna.found()
    words = [f"geheim{chance.randbytes(60).hex()}" for _ in range(FILLS - 1)]
    await log.submit([first, *(anna.note(space, word)[1] for word in words)])
    assert await seal(log, NOW_MS) == 1
    log.store.truncate_log()
    segment = tables.segment.c.data
    with log.store.read() as connection:
        old = bytes(connection.execute(select(segment)).scalar_one())
    assert found_of(old, disk(tmp_path)) > 50
    gone = [one.id for one in contents(log) if one.b is not None]
    await log.write(lambda tx: [tx.erase(one) for one in gone])
    await log.write(lambda tx: tx.remove(notes.note, space=space))
    log.store.truncate_log()
    with log.store.read() as connection:
        new = bytes(connection.execute(select(segment)).scalar_one())
    left = disk(tmp_path)
    assert [word for word in words if word.encode() in left] == []
    assert found_of(old, left, new) == 0
    await log.stop()
    log.store.close()


def found_of(old: bytes, raw: bytes, without: bytes = b"") -> int:
    """How many pieces of what was packed lie there, without those that are still packed."""
    pieces = (old[at : at + 16] for at in range(0, len(old) - 16, 16))
    return sum(piece in raw for piece in pieces if piece not in without)


def disk(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file())


async def test_a_crash_leaves_the_old_or_the_new(database: Databases, people: notes.People) -> None:
    """Wherever sealing is cut off, everything is told as before, and the next time it is done."""
    url = database("90")
    anna, log = notes.Person(1, people), make(lambda _: url, people)
    log.start()
    space, _ = await talk(log, [anna], FILLS)
    before = told(log, space)
    for step in ("_empty", "take_out"):
        for fails_at in (1, 2):
            with patch.object(sealing, step, failing(getattr(sealing, step), fails_at)):
                try:
                    await seal(log, NOW_MS)
                    crashed = False
                except Crashed:
                    crashed = True
            assert crashed == (step == "_empty" or fails_at == 1)
            if crashed:
                assert count(log, tables.segment) == 0
            assert told(log, space) == before
    assert count(log, tables.segment) == 1
    gone = contents(log)[5].id
    with patch.object(sealing, "pack", failing(bulk.pack, 1)), pytest.raises(Crashed):
        await log.write(lambda tx: tx.erase(gone))
    assert told(log, space) == before
    await log.stop()
    log.store.close()
    again = make(lambda _: url, people)
    assert told(again, space) == before
    again.store.close()


class Crashed(Exception):
    """Here the machine lost its power."""


def failing(call: Callable[..., Any], at: int) -> Callable[..., Any]:
    left = [at]

    def called(*given: Any) -> Any:
        left[0] -= 1
        if left[0] == 0:
            raise Crashed
        return call(*given)

    return called


async def test_what_changed_meanwhile_is_not_sealed(log: LogService, anna: notes.Person) -> None:
    space, _ = await talk(log, [anna], FILLS)
    with log.store.read() as connection:
        one = sealing.prepare(connection, space, NOW_MS)
    assert one is not None
    gone = _entry.decode(told(log, space)[4]).id
    await log.write(lambda tx: tx.erase(gone))
    assert not await log.write(lambda tx: sealing.put(tx, one))
    assert count(log, tables.segment) == 0
    assert await seal(log, NOW_MS) == 1
    assert not await log.write(lambda tx: sealing.put(tx, one))
    assert next(one.b for one in contents(log) if one.id == gone) is None


async def test_what_is_new_or_too_little_is_not_sealed(log: LogService, anna: notes.Person) -> None:
    space, _ = await talk(log, [anna], FILLS - 2)
    assert await seal(log, NOW_MS) == 0
    await log.submit([anna.note(space, "der letzte")[1]])
    at = sorted(_entry.decode(one).at for one in told(log, space))
    assert await seal(log, at[0]) == 0
    assert await seal(log, at[-1] + 1) == 1


async def test_large_bodies_make_smaller_segments(log: LogService, anna: notes.Person) -> None:
    space, first = anna.found()
    chance = random.Random(3)
    large = [anna.note(space, chance.randbytes(15_000).hex())[1] for _ in range(FILLS)]
    for parcel in (first, *large):
        await log.submit([parcel])
    before = told(log, space)
    assert await seal(log, NOW_MS) >= 1
    assert told(log, space) == before
    gone = [one.id for one in contents(log) if one.b is not None]
    await log.write(lambda tx: [tx.erase(one) for one in gone])
    assert not any(one.b for one in contents(log))


async def test_while_it_serves_it_seals_what_is_old_by_then(log: LogService, anna: notes.Person) -> None:
    space, _ = await talk(log, [anna], 2 * FILLS)
    before = told(log, space)
    with patch.object(sealer, "LOOK_S", 0.01), patch.object(sealer, "PAUSE_S", 0.0):
        for clock, days in ((SystemClock(), 7), (Later(), 0)):
            early = sealer.Sealer(log, clock, days)
            await early.start()
            await asyncio.sleep(0.2)
            await early.stop()
            assert count(log, tables.segment) == 0
        late = sealer.Sealer(log, Later(), 7)
        await late.start()
        for _ in range(LOOKS_MAX):
            await asyncio.sleep(0.02)
            if count(log, tables.segment) == 2:
                break
        await late.stop()
    assert count(log, tables.segment) == 2
    assert told(log, space) == before


class Later(SystemClock):
    """Eight days from now."""

    def now_ms(self) -> int:
        return super().now_ms() + 8 * sealer.DAY_MS


async def test_a_damaged_segment_is_no_silence(log: LogService, anna: notes.Person) -> None:
    space, _ = await talk(log, [anna], FILLS)
    await seal(log, NOW_MS)
    await log.write(lambda tx: tx.execute(tables.segment.delete()))
    with pytest.raises(NotSealed):
        told(log, space)


async def test_a_fact_alone_is_whole(log: LogService, anna: notes.Person) -> None:
    space, _ = await talk(log, [anna], FILLS)
    await seal(log, NOW_MS)
    one = _entry.decode(told(log, space)[7])

    def read(tx: Tx) -> tuple[bytes, bytes, bytes, bytes, str | None]:
        row = kept.one(tx, one.id)
        return row.raw, row.sig, row.body, row.chain, tx.previous(one.id)

    raw, _, body, chain, previous = await log.write(read)
    assert (raw.decode(), body.decode()) == (one.c, one.b)
    assert previous == _entry.decode(told(log, space)[6]).id
    assert len(chain) == 32


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
async def test_whatever_is_written_sealed_and_erased_is_told_alike(data: st.DataObject, tmp_path: Path) -> None:
    """Two stores take in and erase the same; one of them seals in between: both tell the same, before and after."""
    people = notes.People()
    writers = [notes.Person(n, people) for n in range(1, 4)]
    folder = Path(tempfile.mkdtemp(dir=tmp_path))
    plain, sealing_one = (make(lambda name: f"sqlite:///{folder / name}.db", people, n) for n in (90, 91))
    plain.start()
    sealing_one.start()
    space, first = writers[0].found()
    await plain.submit([first])
    steps = data.draw(st.lists(st.sampled_from(["write", "void", "erase", "seal", "refold"]), max_size=60))
    for step in ("write", *steps):
        ids = [_entry.decode(one).id for one in told(plain, space)]
        if step in ("write", "void"):
            text = data.draw(st.text(max_size=60)) if step == "write" else "rude"
            writer = data.draw(st.sampled_from(writers))
            outcomes = await plain.submit([writer.note(space, text)[1] for _ in range(3)])
            if outcomes[0].refusal is not None:
                writer.heads[space] = (outcomes[0].ds - 1, outcomes[0].dp) if outcomes[0].ds else writer.heads[space]
        elif step == "erase":
            gone = data.draw(st.sampled_from(ids[1:]))
            for one in (plain, sealing_one):
                await one.write(lambda tx, gone=gone: tx.erase(gone))  # type: ignore[misc]
        elif step == "seal":
            await seal(sealing_one, NOW_MS)
        else:
            await sealing_one.refold()
        await sealing_one.accept(map(_entry.decode, told(plain, space)[len(told(sealing_one, space)) :]))
        both = [[_without_order(one) for one in told(log, space)] for log in (plain, sealing_one)]
        assert both[0] == both[1]
    for one in (plain, sealing_one):
        await one.stop()
        one.store.close()


def pages(log: LogService, path: Path) -> tuple[int, int]:
    """How many the file has, and how many of them are free."""
    log.store.truncate_log()
    with closing(sqlite3.connect(path)) as connection:
        count, free = (connection.execute(f"PRAGMA {one}").fetchone()[0] for one in ("page_count", "freelist_count"))
    return count, free


def test_sealing_gives_pages_back(tmp_path: Path, people: notes.People) -> None:
    """What rows lose is free for others: pages, not holes in them."""
    anna, log = notes.Person(1, people), make(lambda name: f"sqlite:///{tmp_path / f'{name}.db'}", people)
    file = tmp_path / "90.db"
    # As many tables as there are capabilities loaded.
    empty, _ = pages(log, file)

    async def run() -> None:
        log.start()
        await talk(log, [anna], 10 * FILLS)
        await seal(log, NOW_MS)
        await log.stop()

    asyncio.run(run())
    used, free = pages(log, file)
    assert free > (used - empty) / 5
    size = log.store.size()
    log.store.compact()
    assert log.store.size() <= size - free * size / used
    log.store.close()
