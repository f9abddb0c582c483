"""The way in for facts: too many, too fast, a fault of ours, a full disk; nobody else suffers, nothing is used up."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from tests.accounts.people import Browser, Place, running
from tests.web.sockets import connected
from verbund.accounts.events import AgentGranted, ProfileChanged
from verbund.base.ids import CoreId, b64
from verbund.chat.events import MessagePosted
from verbund.log import tables
from verbund.log.core import Parcel
from verbund.log.service import PARCELS_MAX
from verbund.log.tx import Tx


@pytest.fixture
async def slow(tmp_path: Path) -> AsyncIterator[Place]:
    """A provider that takes one fact per second from a device, and one full batch at once."""
    async with running(tmp_path, facts_per_s=1) as place:
        yield place


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with running(tmp_path) as place:
        yield place


def names(browser: Browser, count: int) -> list[tuple[CoreId, Parcel]]:
    """Facts of a browser that anybody may write."""
    account = browser.account
    return [browser.pen.write(account, ProfileChanged(name=f"Anna {one}"), [account]) for one in range(count)]


def parcels(written: list[tuple[CoreId, Parcel]]) -> list[Parcel]:
    return [parcel for _, parcel in written]


def kept(place: Place, *cores: CoreId) -> int:
    """How many of these have left a trace here, voids included."""
    with place.services.store.read() as connection:
        core = tables.core.c
        query = select(func.count()).select_from(tables.core).where(core.id.in_(cores))
        return int(connection.execute(query).scalar_one())


async def test_device_that_is_too_fast_is_told_how_long_to_wait(slow: Place) -> None:
    anna, _ = await slow.firm()
    written = names(anna, PARCELS_MAX)
    assert {one["st"] for one in await anna.send(*parcels(written))} == {"accepted"}

    core, parcel = names(anna, 1)[0]
    answer = await anna.post("/api/log", {"parcels": [parcel]})
    assert answer.status_code == 429
    assert (answer.json()["code"], answer.json()["retry_after_s"]) == ("base.too_fast", 1)
    assert answer.headers["retry-after"] == "1"
    assert kept(slow, core) == 0

    slow.clock.pass_s(answer.json()["retry_after_s"])
    assert [one["st"] for one in await anna.send(parcel)] == ["accepted"], "the same fact, number and all"


async def test_a_batch_is_taken_whole_or_not_at_all(slow: Place) -> None:
    anna, _ = await slow.firm()
    first, then = names(anna, PARCELS_MAX - 10), names(anna, 20)
    await anna.send(*parcels(first))
    answer = await anna.post("/api/log", {"parcels": parcels(then)})
    assert (answer.status_code, answer.json()["retry_after_s"]) == (429, 10)
    assert kept(slow, *(core for core, _ in then)) == 0
    assert [one["st"] for one in await anna.send(*parcels(then[:10]))] == ["accepted"] * 10


async def test_other_devices_do_not_wait_for_the_fast_one(slow: Place) -> None:
    anna, firm = await slow.firm()
    ben = await slow.colleague(anna, firm, "ben")
    second = slow.browser()
    await second.signs_in("anna")
    slow.clock.pass_s(PARCELS_MAX)
    await anna.send(*parcels(names(anna, PARCELS_MAX)))
    assert (await anna.post("/api/log", {"parcels": parcels(names(anna, 1))})).status_code == 429
    for other in (ben, second):
        assert [one["st"] for one in await other.send(*parcels(names(other, 1)))] == ["accepted"]


async def test_what_an_agent_wrote_counts_for_who_brings_it(slow: Place) -> None:
    anna, firm = await slow.firm()
    agent = slow.browser()
    granted = AgentGranted(
        dev=agent.pen.dev, alg="ed25519", key=b64(agent.pen.key.public.raw), label="Import",
        kinds=(MessagePosted.kind,), spaces=(firm,),
    )  # fmt: skip
    await anna.writes(anna.account, granted)
    heads = await anna.heads(firm)
    written = [agent.pen.write(firm, MessagePosted(text=f"Zeile {one}"), heads) for one in range(PARCELS_MAX)]
    outcomes = await anna.send(*parcels(written[:-1]))
    assert {one["st"] for one in outcomes} == {"accepted"}
    core, parcel = written[-1]
    assert (await anna.post("/api/log", {"parcels": [parcel]})).json()["code"] == "base.too_fast"
    assert kept(slow, core) == 0


async def test_socket_of_the_fast_one_lives_and_the_fact_goes_through_later(slow: Place) -> None:
    anna, _ = await slow.firm()
    async with connected(anna) as live:
        live.submit(1, *parcels(names(anna, PARCELS_MAX)))
        assert (await live.answer(1))["f"] == "ack"
        core, parcel = names(anna, 1)[0]
        live.submit(2, parcel)
        refused = await live.answer(2)
        assert refused["f"] == "error"
        assert (refused["e"]["code"], refused["e"]["retry_after_s"]) == ("base.too_fast", 1)
        assert refused["e"]["detail"] == "Das war sehr schnell hintereinander. Bitte warten Sie 1 Sekunden."
        assert kept(slow, core) == 0
        await live.lives()
        slow.clock.pass_s(1)
        live.submit(3, parcel)
        assert (await live.answer(3))["r"] == [{"id": core, "st": "accepted"}]


async def test_both_ways_in_share_one_measure(slow: Place) -> None:
    anna, _ = await slow.firm()
    await anna.send(*parcels(names(anna, PARCELS_MAX)))
    async with connected(anna) as live:
        live.submit(1, *parcels(names(anna, 1)))
        assert (await live.answer(1))["e"]["code"] == "base.too_fast"


async def test_more_parcels_than_a_batch_may_hold_are_refused(place: Place) -> None:
    anna, _ = await place.firm()
    written = names(anna, PARCELS_MAX + 1)
    assert (await anna.post("/api/log", {"parcels": parcels(written)})).json()["code"] == "base.malformed"
    async with connected(anna) as live:
        live.submit(1, *parcels(written))
        assert (await live.answer(1))["e"]["code"] == "base.malformed"
        await live.lives()
    assert kept(place, *(core for core, _ in written)) == 0


def plant_a_bug(place: Place, name: str) -> None:
    """From now on a profile of this name makes its fold fail."""
    kinds: Any = place.services.registry
    kind = kinds.kind(ProfileChanged.kind)

    def fold(tx: Tx, fact: Any) -> None:
        kind.fold(tx, fact)
        if fact.event.name == name:
            raise KeyError(name)

    kinds._kinds[ProfileChanged.kind] = kind._replace(fold=fold)


async def test_a_bug_in_one_fold_fails_its_fact_alone(place: Place) -> None:
    """Its batch is answered, what came before it stays, other people's facts go through."""
    anna, firm = await place.firm()
    ben = await place.colleague(anna, firm, "ben")
    plant_a_bug(place, "Anna 1")
    (first, one), (crashing, two), (_, three) = names(anna, 3)
    async with connected(anna) as live, connected(ben) as bens:
        live.submit(1, one, two, three)
        bens.submit(1, *parcels(names(ben, 1)))
        answer = await live.answer(1)
        assert [(told["id"], told["st"]) for told in answer["r"][:2]] == [(first, "accepted"), (crashing, "refused")]
        assert (answer["r"][1]["code"], answer["r"][2]["st"]) == ("base.broken", "ask")
        assert [told["st"] for told in (await bens.answer(1))["r"]] == ["accepted"]
        assert kept(place, crashing) == 0
        await live.lives()
        await bens.lives()
    assert (await anna.get("/api/me")).json()["account"]["name"] == "Anna 0"


async def test_a_full_disk_is_no_fault_of_the_facts(place: Place) -> None:
    """The batch is answered with an error frame, the sockets live, and the same facts go through when there is room."""
    anna, firm = await place.firm()
    ben = await place.colleague(anna, firm, "ben")

    def fill(tx: Tx) -> None:
        pages = tx.connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        tx.connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")

    def make_room(tx: Tx) -> None:
        tx.connection.exec_driver_sql("PRAGMA max_page_count=1000000")

    written = names(anna, PARCELS_MAX)
    async with connected(anna) as live, connected(ben) as bens:
        await place.services.log.write(fill)
        live.submit(1, *parcels(written))
        answer = await live.answer(1)
        assert (answer["f"], answer["e"]["code"]) == ("error", "base.broken")
        assert kept(place, *(core for core, _ in written)) == 0
        assert (await anna.post("/api/log", {"parcels": parcels(written)})).status_code == 500
        await live.lives()
        await bens.lives()
        await place.services.log.write(make_room)
        live.submit(2, *parcels(written))
        assert {told["st"] for told in (await live.answer(2))["r"]} == {"accepted"}
        bens.submit(1, *parcels(names(ben, 1)))
        assert [told["st"] for told in (await bens.answer(1))["r"]] == ["accepted"]
