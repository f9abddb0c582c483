"""Whole providers linked over real sockets: what one commits is at the other, and what is safe is told."""

import asyncio
import logging
import threading
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import event

from tests.flows.server import PASSWORD
from tests.partners.providers import Provider, browser, eventually, frame, holders_of, running, say
from verbund.base.clock import SystemClock
from verbund.base.ids import SpaceId
from verbund.log.core import Parcel
from verbund.log.tx import Tx
from verbund.ops.client import Person
from verbund.partners import taking
from verbund.partners.effects import TICK_S
from verbund.partners.state import DIGEST_MS


async def shared_firm(home: Provider, *others: Provider) -> tuple[Person, SpaceId]:
    """Anna's firm with one team, at all of these; everything that there is has arrived."""
    anna = await home.firm()
    team = await asyncio.to_thread(anna.create, "Werkstatt")
    for one in others:
        await one.named_by(anna, anna.organisation)
    await eventually(lambda: all(one.partners.here.is_shared(one.id, team) for one in (home, *others)))
    await asyncio.to_thread(anna.refresh)
    await eventually(lambda: all(equal(home, one, team) for one in others))
    return anna, team


def equal(one: Provider, other: Provider, space: SpaceId) -> bool:
    return one.vector(space) == other.vector(space) != {}


async def test_pushed_entry_arrives_and_everybody_hears_that_it_is_safe(tmp_path: Path) -> None:
    werkhof = Provider(tmp_path, "werkhof")
    suednetz = Provider(tmp_path, "suednetz", werkhof.address)
    async with running(werkhof, suednetz):
        anna, team = await shared_firm(werkhof, suednetz)
        async with browser(anna) as socket:
            before = werkhof.vector(team)
            await socket.send(msgspec.json.encode({"f": "follow", "s": {team: before}}).decode())
            first = await frame(socket, lambda one: one["f"] == "durable")
            assert first["sp"] == team
            await say(anna, team, "bei beiden")
            after = werkhof.vector(team)
            assert after != before
            safe = await frame(socket, lambda one: one["f"] == "durable" and one["v"] == after)
            assert safe["sp"] == team
            assert suednetz.vector(team) == after
        me = await asyncio.to_thread(anna.call, "GET", "/api/me")
        assert set(holders_of(me).values()) == {2}
        (status,) = werkhof.partners.status()
        assert (status.provider, status.linked, status.backlog, status.proofs) == (suednetz.id, True, 0, 0)
        assert status.equal_at is not None
        anna.close()


async def test_account_and_conversations_go_where_the_firm_is(tmp_path: Path) -> None:
    werkhof = Provider(tmp_path, "werkhof")
    suednetz = Provider(tmp_path, "suednetz", werkhof.address)
    async with running(werkhof, suednetz):
        anna, _ = await shared_firm(werkhof, suednetz)
        ben = Person(werkhof.address, "Ben Krause")
        await asyncio.to_thread(ben.join, await asyncio.to_thread(anna.invite, anna.organisation), "ben", PASSWORD)
        talk = await asyncio.to_thread(ben.direct, anna.account)
        await say(ben, talk, "unter uns")
        for space in (talk, SpaceId(anna.account), SpaceId(ben.account)):
            await eventually(lambda space=space: equal(werkhof, suednetz, space))  # type: ignore[misc]
        for person in (anna, ben):
            person.close()


async def test_partner_goes_and_comes_back_and_nothing_waits_for_it(tmp_path: Path) -> None:
    werkhof = Provider(tmp_path, "werkhof")
    suednetz = Provider(tmp_path, "suednetz", werkhof.address)
    async with running(werkhof, suednetz):
        anna, team = await shared_firm(werkhof, suednetz)
        await suednetz.stop()
        await eventually(lambda: not werkhof.partners.links)
        async with browser(anna) as socket:
            await socket.send(msgspec.json.encode({"f": "follow", "s": {team: werkhof.vector(team)}}).decode())
            known = await frame(socket, lambda one: one["f"] == "durable")
            await say(anna, team, "allein geschrieben")
            await eventually(lambda: [(one.linked, one.backlog) for one in werkhof.partners.status()] == [(False, 1)])
            assert werkhof.vector(team) != known["v"]
            assert werkhof.partners._safe.of(team) == known["v"]
            await suednetz.start()
            await frame(socket, lambda one: one["f"] == "durable" and one["v"] == werkhof.vector(team))
        assert equal(werkhof, suednetz, team)
        anna.close()


@pytest.mark.parametrize("hours", [1, -1])
async def test_a_clock_that_is_set_is_no_silence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hours: int) -> None:
    werkhof = Provider(tmp_path, "werkhof")
    suednetz = Provider(tmp_path, "suednetz", werkhof.address)
    right = SystemClock.now_ms
    async with running(werkhof, suednetz):
        anna, team = await shared_firm(werkhof, suednetz)
        (link,) = werkhof.partners.links.values()
        due = link.exchange._next_ms - werkhof.partners.now_ms()
        monkeypatch.setattr(SystemClock, "now_ms", lambda self: right(self) + hours * 3_600_000)
        await asyncio.sleep(3 * TICK_S)
        assert list(werkhof.partners.links.values()) == [link]
        assert link.exchange._next_ms - werkhof.partners.now_ms() <= max(due, DIGEST_MS)
        (status,) = werkhof.partners.status()
        assert status.equal_at is not None
        assert abs(status.equal_at - werkhof.services.clock.now_ms()) < 3_600_000
        assert equal(werkhof, suednetz, team)
        anna.close()


async def test_entries_come_over_a_third_provider(tmp_path: Path) -> None:
    mitte = Provider(tmp_path, "mitte")
    werkhof = Provider(tmp_path, "werkhof", mitte.address)
    suednetz = Provider(tmp_path, "suednetz", mitte.address)
    mitte.settings = msgspec.structs.replace(mitte.settings, partners=(werkhof.address, suednetz.address))
    async with running(mitte, werkhof, suednetz):
        anna, team = await shared_firm(werkhof, mitte, suednetz)
        assert set(werkhof.partners.links) == set(suednetz.partners.links) == {mitte.id}
        await say(anna, team, "auf Umwegen")
        await eventually(lambda: equal(werkhof, suednetz, team))
        me = await asyncio.to_thread(anna.call, "GET", "/api/me")
        assert holders_of(me)[team] == 3
        anna.close()


async def test_when_both_dial_one_link_stays(tmp_path: Path) -> None:
    werkhof, suednetz = Provider(tmp_path, "werkhof"), Provider(tmp_path, "suednetz")
    werkhof.settings = msgspec.structs.replace(werkhof.settings, partners=(suednetz.address,))
    suednetz.settings = msgspec.structs.replace(suednetz.settings, partners=(werkhof.address,))
    async with running(werkhof, suednetz):
        anna, team = await shared_firm(werkhof, suednetz)
        (here,), (there,) = werkhof.partners.links.values(), suednetz.partners.links.values()
        assert here.dialled_by == there.dialled_by
        assert equal(werkhof, suednetz, team)
        anna.close()


async def test_file_follows_its_message_and_only_then_it_is_safe(tmp_path: Path) -> None:
    werkhof = Provider(tmp_path, "werkhof")
    suednetz = Provider(tmp_path, "suednetz", werkhof.address)
    async with running(werkhof, suednetz):
        anna, team = await shared_firm(werkhof, suednetz)
        data = bytes(range(256)) * 5000
        file = await asyncio.to_thread(anna.upload, team, data, "Plan.bin")
        await asyncio.to_thread(anna.say, team, "der Plan", files=[file], blobs=[file["hash"]])
        await eventually(lambda: werkhof.partners._safe.of(team) == werkhof.vector(team))
        assert await asyncio.to_thread(suednetz.services.blobs.path_of(team, file["hash"]).read_bytes) == data
        anna.close()


async def test_new_replica_gets_a_space_of_any_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What names it as a holder stands at the end of the space: its parent has promised it before."""
    monkeypatch.setattr("verbund.partners.peer.INTRODUCED_ENTRIES_MAX", 30)
    monkeypatch.setattr("verbund.partners.taking.PAGE_MAX", 4)
    werkhof = Provider(tmp_path, "werkhof")
    suednetz = Provider(tmp_path, "suednetz", werkhof.address)
    async with running(werkhof):
        anna = await werkhof.firm()
        team = await asyncio.to_thread(anna.create, "Werkstatt")
        for n in range(60):
            await say(anna, team, f"{n}")
        async with running(suednetz):
            await suednetz.named_by(anna, anna.organisation)
            await eventually(lambda: equal(werkhof, suednetz, team))
        anna.close()


async def test_heads_are_signed_kept_and_given_on_and_a_new_key_starts_anew(tmp_path: Path) -> None:
    werkhof = Provider(tmp_path, "werkhof")
    suednetz = Provider(tmp_path, "suednetz", werkhof.address)

    def vouched(at: Provider, team: SpaceId) -> dict[str, int]:
        return {sub: seq for sub, (seq, _) in at.partners.here.vouched.last(team).items()}

    async with running(werkhof, suednetz):
        anna, team = await shared_firm(werkhof, suednetz)
        await say(anna, team, "unterschrieben")
        await eventually(lambda: vouched(suednetz, team) == vouched(werkhof, team) == werkhof.vector(team))
        before = await asyncio.to_thread(werkhof.partners.signing.load, team, werkhof.vector(team))
        assert before == ([], [])
        werkhof.services.parts["head_key"].renew(werkhof.services.clock.now_ms(), stolen=True)
        await say(anna, team, "mit dem neuen Schlüssel")
        await eventually(lambda: vouched(suednetz, team) == vouched(werkhof, team) == werkhof.vector(team))
        sub = next(iter(werkhof.vector(team)))
        for one in (werkhof, suednetz):
            certificates, heads = await asyncio.to_thread(one.partners.signing.load, team, {sub: 0})
            assert len(certificates) == 2
            assert {head.key for head in heads} == {certificates[0].number}, "nothing is left of the stolen one"
        await suednetz.stop()
        await suednetz.start()
        assert vouched(suednetz, team) == suednetz.vector(team), "they are on disk"
        anna.close()


async def test_nobody_looks_for_heads_to_sign_where_nothing_is_new(tmp_path: Path) -> None:
    """Every space is named whenever something of an authority was written."""
    werkhof = Provider(tmp_path, "werkhof")
    suednetz = Provider(tmp_path, "suednetz", werkhof.address)
    async with running(werkhof, suednetz):
        anna, team = await shared_firm(werkhof, suednetz)
        here, signing, own = werkhof.partners.here, werkhof.partners.signing, werkhof.vector(team)
        await eventually(lambda: own.items() <= {k: v for k, (v, _) in here.vouched.last(team).items()}.items())
        looked: list[Any] = []

        @event.listens_for(werkhof.services.store.engine, "before_cursor_execute")
        def note(_c: Any, _cursor: Any, statement: str, asked: Any, *_rest: Any) -> None:
            if "sublog.number, sublog.incarnation, sublog.seq" in statement:
                looked.append(asked)

        signing.due(team)
        await signing.sign()
        assert not looked
        await say(anna, team, "Neues")
        await eventually(lambda: here.vouched.seq(team, next(iter(own))) > max(own.values()))
        assert looked, "what is new is looked for"
        anna.close()


async def test_what_comes_in_parts_keeps_its_order_and_nobody_waits_for_more_than_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Much comes, then a little of the same, while the writer is busy; then somebody writes."""
    # Order and waiting are what is tried: parts as they are would take hundreds of facts to be more than one.
    monkeypatch.setattr(taking, "SHORT_MAX", 2)
    monkeypatch.setattr(taking, "PART_MAX", 2)
    werkhof = Provider(tmp_path, "werkhof")
    suednetz = Provider(tmp_path, "suednetz", werkhof.address)
    async with running(werkhof, suednetz):
        anna, team = await shared_firm(werkhof, suednetz)
        go, begun = threading.Event(), threading.Event()
        log, before = suednetz.services.log, sum(suednetz.vector(team).values())

        def hold(_: Tx) -> None:
            begun.set()
            assert go.wait(30)

        held = asyncio.create_task(log.write(hold))
        await asyncio.to_thread(begun.wait)
        for texts in (("1", "2", "3", "4", "5", "6"), ("7",)):
            parcels = [await asyncio.to_thread(parcel, anna, team, text) for text in texts]
            assert {one.st for one in await werkhof.services.log.submit(parcels)} == {"accepted"}
        await eventually(lambda: log.writer.waiting >= 4)
        there = asyncio.create_task(log.write(lambda _: sum(suednetz.vector(team).values()) - before))
        go.set()
        await held
        with caplog.at_level(logging.WARNING):
            assert await there <= 2
            await eventually(lambda: equal(werkhof, suednetz, team))
        assert not [one for one in caplog.messages if "refused" in one]
        anna.close()


def parcel(person: Person, space: SpaceId, text: str) -> Parcel:
    return person.parcel(space, "chat.message_posted.1", {"text": text})[1]
