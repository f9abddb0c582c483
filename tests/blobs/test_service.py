"""Rules and states of the blobs on a real store and writer: quotas, crashes, references, garbage."""

import asyncio
import os
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import func, select

from tests.blobs.conftest import OTHER_SPACE, ROOMS, SPACE, hash_text, plan_of
from tests.blobs.host import ANNA, BEN, STRANGER, make_blobs, make_log
from verbund.base.ids import AccountId, BlobHash, CoreId, SpaceId, digest
from verbund.base.keys import DeviceKey
from verbund.base.refusal import Refusal, TooFast, Unknown
from verbund.blobs import refusals, tables
from verbund.blobs.limits import CHUNK_BYTES, CHUNKS_AT_ONCE_PER_ACCOUNT_MAX, DAY_S, Limits
from verbund.blobs.projection import add_references, drop_references
from verbund.blobs.rules import admit_blobs
from verbund.blobs.service import Blobs
from verbund.blobs.uploads import Plan
from verbund.log.core import Core
from verbund.log.registry import Device, Fact
from verbund.log.service import LogService

ROUNDS_MAX = 3
FAMILY, FIRM = SpaceId(SPACE), SpaceId(OTHER_SPACE)
FACT, OTHER_FACT = CoreId(digest(b"fact")), CoreId(digest(b"other fact"))
LIMITS = Limits(free_bytes_min=0, space_bytes_max=10_000, uploads_unfinished_max=3)


class HandClock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.ms = 1_800_000_000_000

    def now_ms(self) -> int:
        return self.ms

    def later(self, seconds: int) -> None:
        self.ms += seconds * 1000


class Home:
    """Blobs with a log and a clock; `reopen` is a new start on the same data."""

    def __init__(self, data: Path, url: str, limits: Limits) -> None:
        self.data, self.url, self.limits, self.clock = data, url, limits, HandClock()
        self.open()

    def open(self) -> None:
        self.log: LogService = make_log(self.url, self.clock)
        self.log.start()
        self.blobs: Blobs = make_blobs(self.data, self.log, self.clock, ROOMS, self.limits)

    async def close(self) -> None:
        await self.log.stop()
        self.log.store.close()

    def rows(self, table: str) -> int:
        with self.log.store.read() as connection:
            return int(connection.execute(select(func.count()).select_from(getattr(tables, table))).scalar_one())

    async def upload(self, raw: bytes, account: AccountId = ANNA, space: SpaceId = FAMILY) -> BlobHash:
        """As the app does: when another upload of the same bytes ended meanwhile, what is missing is asked again."""
        plan = plan_for(raw)
        for _ in range(ROUNDS_MAX):
            with suppress(refusals.NotStarted):
                for index in (await self.blobs.intake.have(account, space, plan)).missing:
                    await self.send(raw[index * CHUNK_BYTES : (index + 1) * CHUNK_BYTES], account, space)
                await self.blobs.intake.commit(account, space, plan)
                return plan.hash
        raise AssertionError("the upload never began")

    async def send(self, raw: bytes, account: AccountId = ANNA, space: SpaceId = FAMILY) -> None:
        await self.blobs.intake.receive(account, space, hash_text(raw), pieces(raw))

    async def name(self, one: BlobHash, core: CoreId = FACT, space: SpaceId = FAMILY) -> None:
        await self.log.write(lambda tx: add_references(tx, space, [one], core))

    async def unname(self, core: CoreId = FACT) -> None:
        await self.log.write(lambda tx: drop_references(tx, core))


async def pieces(raw: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(raw), 50_000):
        yield raw[at : at + 50_000]


def plan_for(raw: bytes) -> Plan:
    plan = plan_of(raw)
    return Plan(BlobHash(plan["hash"]), plan["size"], tuple(plan["chunks"]), plan["type"])


@pytest.fixture
async def make_home(tmp_path: Path, database: Callable[[str], str]) -> AsyncIterator[Callable[[Limits], Home]]:
    homes: list[Home] = []

    def make(limits: Limits) -> Home:
        homes.append(Home(tmp_path / "data", database("blobs"), limits))
        return homes[-1]

    yield make
    for one in homes:
        await one.close()


@pytest.fixture
async def home(make_home: Callable[[Limits], Home]) -> Home:
    return make_home(LIMITS)


@pytest.fixture
async def roomy(make_home: Callable[[Limits], Home]) -> Home:
    return make_home(Limits(free_bytes_min=0))


async def refusal_of(awaitable: Awaitable[object]) -> str:
    with pytest.raises(Refusal) as caught:
        await awaitable
    return caught.value.code


async def test_space_quota_counts_finished_and_unfinished(home: Home) -> None:
    await home.upload(b"a" * 4_000)
    await home.blobs.intake.have(ANNA, FAMILY, plan_for(b"b" * 4_000))
    assert await refusal_of(home.blobs.intake.have(BEN, FAMILY, plan_for(b"c" * 4_000))) == "blobs.space_full"
    await home.blobs.intake.have(BEN, FIRM, plan_for(b"c" * 4_000))


async def test_taking_over_counts_against_the_quota(home: Home) -> None:
    await home.upload(b"a" * 6_000)
    await home.upload(b"b" * 6_000, STRANGER, FIRM)
    taken = home.blobs.intake.have(BEN, FIRM, plan_for(b"a" * 6_000), source=FAMILY)
    assert await refusal_of(taken) == "blobs.space_full"


async def test_file_size_has_a_bound(make_home: Callable[[Limits], Home]) -> None:
    home = make_home(Limits(free_bytes_min=0, upload_bytes_max=100))
    assert await refusal_of(home.blobs.intake.have(ANNA, FAMILY, plan_for(b"a" * 101))) == "blobs.too_large"
    await home.upload(b"a" * 100)


async def test_unfinished_uploads_have_a_bound(home: Home) -> None:
    plans = [plan_for(bytes([number])) for number in range(4)]
    for plan in plans[:3]:
        await home.blobs.intake.have(ANNA, FAMILY, plan)
    assert await refusal_of(home.blobs.intake.have(ANNA, FAMILY, plans[3])) == "blobs.too_many_uploads"
    assert (await home.blobs.intake.have(ANNA, FAMILY, plans[0])).missing == [0]
    await home.blobs.intake.have(BEN, FAMILY, plans[3])


async def test_chunks_at_once_have_a_bound(roomy: Home) -> None:
    raw = b"slow"
    await roomy.blobs.intake.have(ANNA, FAMILY, plan_for(raw))
    release = asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        await release.wait()
        yield raw

    def receive() -> "asyncio.Task[None]":
        return asyncio.create_task(roomy.blobs.intake.receive(ANNA, FAMILY, hash_text(raw), slow()))

    waiting = [receive() for _ in range(CHUNKS_AT_ONCE_PER_ACCOUNT_MAX)]
    await asyncio.sleep(0)
    with pytest.raises(TooFast):
        await receive()
    release.set()
    await asyncio.gather(*waiting)
    await roomy.send(raw)


async def test_parallel_identical_uploads_are_one_blob(roomy: Home) -> None:
    raw = random.Random(1).randbytes(CHUNK_BYTES + 100)
    found = await asyncio.gather(*(roomy.upload(raw, account) for account in (ANNA, ANNA, BEN, BEN)))
    assert len(set(found)) == 1
    assert roomy.blobs.path_of(FAMILY, found[0]).read_bytes() == raw
    assert (roomy.rows("blob"), roomy.rows("blob_holding")) == (1, 1)
    await roomy.upload(raw, STRANGER, FIRM)
    assert (roomy.rows("blob"), roomy.rows("blob_holding"), roomy.rows("blob_upload")) == (1, 2, 0)


async def test_crash_between_rename_and_row_goes_on(roomy: Home) -> None:
    raw = b"renamed, and then the power went"
    plan = plan_for(raw)
    await roomy.blobs.intake.have(ANNA, FAMILY, plan)
    await roomy.send(raw)
    part = roomy.blobs.intake.upload_folder(plan.upload(FAMILY, ANNA)).part
    roomy.blobs.shelf.take(part, plan.hash)
    await roomy.close()
    roomy.open()
    assert await roomy.blobs.intake.have(ANNA, FAMILY, plan) == ([], False)
    await roomy.blobs.intake.commit(ANNA, FAMILY, plan)
    assert roomy.blobs.path_of(FAMILY, plan.hash).read_bytes() == raw


async def test_crash_and_lost_file_begins_anew(roomy: Home) -> None:
    raw = b"row without bytes"
    plan = plan_for(raw)
    await roomy.blobs.intake.have(ANNA, FAMILY, plan)
    await roomy.send(raw)
    roomy.blobs.intake.upload_folder(plan.upload(FAMILY, ANNA)).part.unlink()
    assert await refusal_of(roomy.blobs.intake.commit(ANNA, FAMILY, plan)) == "blobs.not_started"
    assert await roomy.upload(raw) == plan.hash


async def test_bytes_lost_by_a_power_cut_are_asked_for_again(roomy: Home) -> None:
    """The map says a chunk is there, the disk has zeros: the hash of the whole finds out which."""
    raw = random.Random(2).randbytes(3 * CHUNK_BYTES)
    plan = plan_for(raw)
    await roomy.blobs.intake.have(ANNA, FAMILY, plan)
    for index in range(3):
        await roomy.send(raw[index * CHUNK_BYTES : (index + 1) * CHUNK_BYTES])
    part = roomy.blobs.intake.upload_folder(plan.upload(FAMILY, ANNA)).part
    with part.open("r+b") as file:
        file.seek(CHUNK_BYTES + 7)
        file.write(bytes(1000))
    assert await refusal_of(roomy.blobs.intake.commit(ANNA, FAMILY, plan)) == "blobs.chunks_missing"
    assert (await roomy.blobs.intake.have(ANNA, FAMILY, plan)).missing == [1]
    assert await roomy.upload(raw) == plan.hash


async def test_plan_with_lying_lengths_never_finishes(roomy: Home) -> None:
    """Right hashes at places where their lengths do not fit."""
    first, second = b"x" * 10, b"y" * CHUNK_BYTES
    honest = plan_for(second + first)
    lying = Plan(honest.hash, honest.size, tuple(reversed(honest.chunks)), honest.type)
    await roomy.blobs.intake.have(ANNA, FAMILY, lying)
    await roomy.send(first)
    await roomy.send(second)
    assert (await roomy.blobs.intake.have(ANNA, FAMILY, lying)).missing == [0, 1]
    assert await refusal_of(roomy.blobs.intake.commit(ANNA, FAMILY, lying)) == "blobs.chunks_missing"


async def test_idle_uploads_expire(roomy: Home) -> None:
    raw = b"never finished"
    plan = plan_for(raw)
    await roomy.blobs.intake.have(ANNA, FAMILY, plan)
    folder = roomy.data / "uploads" / plan.upload(FAMILY, ANNA)
    await roomy.blobs.collector.collect()
    assert folder.exists()
    os.utime(folder / "map", (time.time() - 8 * DAY_S,) * 2)
    await roomy.blobs.collector.collect()
    assert not folder.exists()
    assert roomy.rows("blob_upload") == 0
    assert await refusal_of(roomy.send(raw)) == "blobs.not_started"
    await roomy.upload(raw)


async def test_loose_blob_goes_after_its_grace_and_a_named_one_stays(roomy: Home) -> None:
    loose, named = await roomy.upload(b"loose"), await roomy.upload(b"named")
    await roomy.name(named)
    await roomy.blobs.collector.collect()
    roomy.clock.later(DAY_S - 10)
    await roomy.blobs.collector.collect()
    assert roomy.blobs.path_of(FAMILY, loose).exists()
    roomy.clock.later(20)
    await roomy.blobs.collector.collect()
    assert not roomy.blobs.shelf.path(loose).exists()
    with pytest.raises(Unknown):
        roomy.blobs.find(FAMILY, loose, ANNA)
    assert roomy.blobs.find(FAMILY, named, ANNA).size == 5
    assert await roomy.upload(b"loose") == loose


async def test_named_within_the_grace_stays(roomy: Home) -> None:
    one = await roomy.upload(b"wanted after all")
    await roomy.blobs.collector.collect()
    roomy.clock.later(DAY_S // 2)
    await roomy.name(one)
    await roomy.blobs.collector.collect()
    roomy.clock.later(DAY_S)
    await roomy.blobs.collector.collect()
    assert roomy.blobs.path_of(FAMILY, one).exists()


async def test_rebuild_empties_references_and_loses_nothing(roomy: Home) -> None:
    """A rebuild that is interrupted by the collector: what was named before is only loose, and has its grace."""
    one = await roomy.upload(b"long here")
    await roomy.name(one)
    roomy.clock.later(30 * DAY_S)
    await roomy.log.write(lambda tx: tx.execute(tables.blob_reference.delete()))
    await roomy.blobs.collector.collect()
    await roomy.name(one)
    roomy.clock.later(30 * DAY_S)
    await roomy.blobs.collector.collect()
    assert roomy.blobs.find(FAMILY, one, ANNA).hash == one


async def test_erased_bytes_are_unreadable_at_once_and_gone_at_the_next_round(roomy: Home) -> None:
    one = await roomy.upload(b"sent by mistake")
    await roomy.name(one)
    await roomy.name(one, OTHER_FACT)
    await roomy.unname()
    assert roomy.blobs.find(FAMILY, one, ANNA).hash == one
    await roomy.unname(OTHER_FACT)
    with pytest.raises(Unknown):
        roomy.blobs.find(FAMILY, one, ANNA)
    with pytest.raises(refusals.NotHeld):
        await roomy.log.write(lambda tx: admit_blobs(fact_naming(one), tx))
    await roomy.blobs.collector.collect()
    assert not roomy.blobs.shelf.path(one).exists()


async def test_erased_and_brought_again_before_the_round_stays(roomy: Home) -> None:
    one = await roomy.upload(b"sent by mistake")
    await roomy.name(one)
    await roomy.unname()
    assert await roomy.upload(b"sent by mistake", BEN) == one
    await roomy.blobs.collector.collect()
    assert roomy.blobs.find(FAMILY, one, ANNA).hash == one


async def test_order_of_erasing_and_naming_does_not_matter(roomy: Home) -> None:
    """A rebuild may erase one fact before it folds another that names the same bytes."""
    one = await roomy.upload(b"named by two")
    await roomy.name(one)
    await roomy.unname()
    await roomy.name(one, OTHER_FACT)
    await roomy.blobs.collector.collect()
    assert roomy.blobs.find(FAMILY, one, ANNA).hash == one


async def test_fact_may_name_only_what_its_space_holds(roomy: Home) -> None:
    ours, theirs = await roomy.upload(b"ours"), await roomy.upload(b"theirs", STRANGER, FIRM)
    nobodys = BlobHash(hash_text(b"nobody's"))
    await roomy.log.write(lambda tx: admit_blobs(fact_naming(ours), tx))
    await roomy.log.write(lambda tx: admit_blobs(fact_naming(), tx))
    for foreign in (theirs, nobodys):
        with pytest.raises(refusals.NotHeld) as caught:
            await roomy.log.write(lambda tx, one=foreign: admit_blobs(fact_naming(ours, one), tx))  # type: ignore[misc]
        assert caught.value.fields == {}


def fact_naming(*hashes: BlobHash) -> Fact:
    """A fact of the family's space, as the log hands it to the rules; only its space and blobs matter here."""
    key = DeviceKey(bytes(32))
    core = Core((), "", None, 0, key.device, None, 1, "chat.message_posted.1", False, (), "", 1)
    return Fact(FACT, FAMILY, "team", core, ANNA, Device(key.public, ANNA, "person"), None, hashes, "", 0, 0)


async def test_last_of_several_references_counts(roomy: Home) -> None:
    one = await roomy.upload(b"named twice")
    await roomy.name(one)
    await roomy.name(one)
    await roomy.name(one, OTHER_FACT)
    await roomy.unname()
    assert roomy.rows("blob_reference") == 1
    await roomy.unname(OTHER_FACT)
    assert roomy.rows("blob_reference") == 0


async def test_bytes_stay_while_another_space_holds_them(roomy: Home) -> None:
    one = await roomy.upload(b"in two spaces")
    await roomy.upload(b"in two spaces", STRANGER, FIRM)
    await roomy.name(one, FACT, FIRM)
    await roomy.blobs.collector.collect()
    roomy.clock.later(DAY_S + 10)
    await roomy.blobs.collector.collect()
    with pytest.raises(Unknown):
        roomy.blobs.find(FAMILY, one, ANNA)
    assert roomy.blobs.path_of(FIRM, one).read_bytes() == b"in two spaces"


async def test_files_without_a_row_are_swept(roomy: Home) -> None:
    stray, fresh = BlobHash(hash_text(b"stray")), BlobHash(hash_text(b"fresh"))
    known = await roomy.upload(b"known")
    roomy.blobs.shelf.put(b"stray", stray)
    roomy.blobs.shelf.put(b"fresh", fresh)
    for one in (stray, known):
        os.utime(roomy.blobs.shelf.path(one), (time.time() - DAY_S,) * 2)
    for _ in range(64):
        await roomy.blobs.collector.collect()
    assert [roomy.blobs.shelf.path(one).exists() for one in (stray, fresh, known)] == [False, True, True]


async def test_server_puts_bytes_and_files(roomy: Home, tmp_path: Path) -> None:
    one = await roomy.blobs.put_bytes(FAMILY, b"made here", "text/plain")
    made = tmp_path / "made"
    made.write_bytes(b"a film")
    other = await roomy.blobs.take_file(FAMILY, made, "video/mp4")
    assert not made.exists()
    with roomy.blobs.open(one) as file:
        assert file.read() == b"made here"
    assert roomy.blobs.find(FAMILY, other, BEN).type == "video/mp4"
    with pytest.raises(Unknown):
        roomy.blobs.open(BlobHash("../../etc/passwd"))
    with pytest.raises(Unknown):
        roomy.blobs.path_of(FIRM, one)


async def test_kept_previews_have_a_bound(make_home: Callable[[Limits], Home], tmp_path: Path) -> None:
    from PIL import Image

    home = make_home(Limits(free_bytes_min=0, previews_bytes_max=60_000))
    for seed in range(6):
        source = tmp_path / f"{seed}.png"
        Image.frombytes("RGB", (200, 200), random.Random(seed).randbytes(120_000)).save(source)
        one = await home.upload(source.read_bytes())
        found = home.blobs.find(FAMILY, one, ANNA)
        path = await home.blobs.previews.path(one, found.size, found.picture, 320)
        assert path.exists()
        kept = sum(path.stat().st_size for path in (home.data / "cache").rglob("*.webp"))
        assert kept <= 60_000


def test_every_refusal_says_what_to_do_in_both_languages() -> None:
    for kind in Refusal.__subclasses__():
        if kind.__module__ == refusals.__name__:
            one = kind(size=1, missing=2, gib_max=3, uploads_max=4)
            assert len(one.sentence("de")) > 20
            assert len(one.sentence("en")) > 20
            assert "{" not in one.sentence("de") + one.sentence("en")
