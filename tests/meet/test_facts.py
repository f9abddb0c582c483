"""Calls as facts: who may say what, and that every order folds to the same rows."""

import asyncio
import itertools
import random
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select

from tests.accounts.people import Browser, Place, running
from tests.spaces.acts import Actor, Scene
from tests.spaces.test_replica import entries, in_some_order
from verbund.accounts.commands import admit_provider_device
from verbund.base.clock import SystemClock
from verbund.base.ids import CoreId, ProviderId, SpaceId
from verbund.base.refusal import Unknown
from verbund.log.cache import Cache
from verbund.log.registry import Fact
from verbund.log.store import Store
from verbund.log.tx import Tx
from verbund.meet import events, queries, tables
from verbund.meet.projection import FOLDS
from verbund.meet.refusals import NotSetUp
from verbund.meet.schemas import CallShape

NONCE = "0123456789abcdefABCDEF"


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with running(tmp_path) as place:
        yield place


async def begun(place: Place) -> tuple[Browser, Browser, SpaceId, CoreId]:
    anna, firm = await place.firm()
    ben = await place.colleague(anna, firm, "ben")
    call = await anna.writes(firm, events.CallStarted(call=NONCE))
    return anna, ben, SpaceId(firm), call


async def test_members_begin_join_and_leave_and_see_the_call(place: Place) -> None:
    anna, ben, firm, call = await begun(place)
    for person in (anna, ben):
        await person.writes(firm, events.CallJoined(call=call), re=[call])
    await ben.writes(firm, events.CallLeft(call=call), re=[call])
    page = (await ben.get(f"/api/spaces/{firm}/calls")).json()
    assert page["more_before"] is False
    [shown] = page["calls"]
    assert (shown["id"], shown["author"], shown["seconds"]) == (call, anna.account, None)
    assert shown["people"] == [anna.account, ben.account]


async def test_only_the_provider_ends_a_call_and_nobody_joins_it_after(place: Place) -> None:
    anna, ben, firm, call = await begun(place)
    end = events.CallEnded(call=call, seconds=3, people=tuple(sorted([anna.account, ben.account])))
    refused, _ = await anna.tries(firm, end, re=[call])
    assert (refused["st"], refused["code"]) == ("refused", "base.unknown")
    log = place.services.log
    await log.author(log.provider_device, firm, end, [call])
    late, _ = await ben.tries(firm, events.CallJoined(call=call), re=[call])
    assert (late["st"], late["code"]) == ("refused", "meet.over")
    [over] = (await ben.get(f"/api/spaces/{firm}/calls")).json()["calls"]
    assert (over["seconds"], over["people"]) == (3, list(end.people))


async def test_a_fact_names_its_call_of_this_space(place: Place) -> None:
    anna, _, firm, call = await begun(place)
    unnamed, _ = await anna.tries(firm, events.CallJoined(call=call))
    assert (unnamed["st"], unnamed["code"]) == ("refused", "base.malformed")
    elsewhere, _ = await anna.tries(firm, events.CallJoined(call=CoreId(firm)), re=[firm])
    assert (elsewhere["st"], elsewhere["code"]) == ("refused", "base.unknown")


async def test_stranger_sees_no_calls_and_begins_none(place: Place) -> None:
    _, _, firm, call = await begun(place)
    wolf, _ = await place.firm("Glaserei Wolf", "wolf")
    for path in ("call", "calls"):
        assert (await wolf.get(f"/api/spaces/{firm}/{path}")).status_code == 404
    refused, _ = await wolf.tries(firm, events.CallStarted(call=NONCE), ah=[])
    assert (refused["st"], refused["code"]) == ("refused", "base.unknown")
    joined, _ = await wolf.tries(firm, events.CallJoined(call=call), re=[call], ah=[])
    assert joined["st"] != "accepted"


def history() -> list[Fact]:
    """A beginning, somebody who comes, goes and comes back, and the ends that two providers wrote."""
    anna, ben, provider = Actor("anna"), Actor("ben"), Actor("provider", "provider")
    scene = Scene(anna)
    call = scene.act(anna, events.CallStarted(call=NONCE)).id
    scene.act(ben, events.CallJoined(call=call))
    scene.act(ben, events.CallLeft(call=call))
    scene.act(ben, events.CallJoined(call=call))
    people = tuple(sorted([anna.account, ben.account]))
    scene.act(provider, events.CallEnded(call=call, seconds=7, people=people))
    scene.act(provider, events.CallEnded(call=call, seconds=5, people=people[:1]))
    return [fact for fact in scene.facts if fact.core.k.startswith("meet.")]


def moves() -> list[Fact]:
    """A call that went on at a second and at a third provider, while somebody left it."""
    anna, one, other = Actor("anna"), Actor("one", "provider"), Actor("other", "provider")
    scene = Scene(anna)
    call = scene.act(anna, events.CallStarted(call=NONCE)).id
    scene.act(anna, events.CallJoined(call=call))
    for provider in (one, other):
        scene.act(provider, events.CallMoved(call=call, to=ProviderId(provider.account)))
    scene.act(anna, events.CallLeft(call=call))
    return [fact for fact in scene.facts if fact.core.k.startswith("meet.")]


def folded(store: Store, facts: list[Fact]) -> tuple[list[object], list[CallShape]]:
    with store.engine.connect() as connection:
        nobody: Any = None
        tx = Tx(connection, SystemClock(), nobody, Cache())
        for fact in facts:
            FOLDS[type(fact.event)](tx, fact)
        tx.flush()
        rows = [sorted(map(tuple, connection.execute(select(table)).all())) for table in tables.PROJECTED]
        shown, _ = queries.calls(connection, facts[0].space)
        connection.rollback()
    return [rows], shown


def test_where_a_call_is_folds_the_same_in_every_order(database: Callable[[str], str]) -> None:
    store = Store(database("moves"))
    store.create_all()
    first, *rest = moves()
    expected = folded(store, [first, *rest])
    last = next(fact for fact in reversed(rest) if isinstance(fact.event, events.CallMoved))
    assert any(last.event.to in row for row in expected[0][0][0])  # type: ignore[index]
    for order in itertools.permutations(rest):
        assert folded(store, [first, *order]) == expected
    store.close()


def test_every_order_folds_to_the_same_rows(database: Callable[[str], str]) -> None:
    store = Store(database("calls"))
    store.create_all()
    first, *rest = history()
    expected = folded(store, [first, *rest])
    [call] = expected[1]
    assert (call.seconds, len(call.people)) == (7, 2)
    for order in itertools.permutations(rest):
        assert folded(store, [first, *order]) == expected
    store.close()


async def test_a_call_that_runs_at_a_partner_is_not_ended_here(tmp_path: Path) -> None:
    """Nobody is in a room of it here, but there; only where it began does that mean that it is over."""
    async with running(tmp_path / "one") as one, running(tmp_path / "two") as two:
        anna, _, firm, call = await begun(one)
        installation = one.services.installation
        log = two.services.log
        await log.write(lambda tx: admit_provider_device(tx, installation.provider, installation.device.public))
        await in_some_order(two, entries(one), random.Random(1))
        for place in (two, one):
            assert open_calls(place) == [call]
            place.clock.pass_s(300)
            calls = place.services.parts["meet"].calls
            calls.sweep()
            await asyncio.gather(*calls.chores)
        assert open_calls(two) == [call]
        assert open_calls(one) == []
        with two.services.store.read() as connection:
            [found] = queries.open_calls(connection, firm)
            assert found.place == installation.provider
            assert queries.open_calls(connection, SpaceId(anna.account)) == []
            assert queries.present(connection, found) == [anna.account]


async def test_who_joins_elsewhere_is_told_where_the_call_is(tmp_path: Path) -> None:
    """Unless they do not reach it; a stranger learns nothing. Calls at a partner are shown with who is in them."""
    async with running(tmp_path / "one") as one, running(tmp_path / "two") as two:
        anna, ben, firm, call = await begun(one)
        await ben.writes(firm, events.CallJoined(call=call), re=[call])
        wolf, _ = await one.firm("Glaserei Wolf", "wolf")
        installation = one.services.installation
        log = two.services.log
        await log.write(lambda tx: admit_provider_device(tx, installation.provider, installation.device.public))
        await in_some_order(two, entries(one), random.Random(1))
        join, calls = (two.services.live.handler(f"meet.{name}") for name in ("join", "calls"))
        assert join is not None
        assert calls is not None
        sockets: list[Any] = [
            SimpleNamespace(id=one.account, account=one.account, device=one.pen.dev, send_json=None)
            for one in (anna, wolf)
        ]
        assert await join(sockets[0], {"space": firm}) == {"elsewhere": installation.provider}
        with pytest.raises(NotSetUp):
            await join(sockets[0], {"space": firm, "gone": [installation.provider]})
        [shown] = (await calls(sockets[0], {}))["calls"]
        assert (shown["call"], shown["place"]) == (call, installation.provider)
        assert [one["account"] for one in shown["people"]] == [ben.account]
        assert (await calls(sockets[1], {}))["calls"] == []
        with pytest.raises(Unknown):
            await join(sockets[1], {"space": firm})


async def test_only_a_provider_moves_a_call_and_only_to_itself(place: Place) -> None:
    anna, _, firm, call = await begun(place)
    log = place.services.log
    refused, _ = await anna.tries(firm, events.CallMoved(call=call, to=log.provider), re=[call])
    assert (refused["st"], refused["code"]) == ("refused", "base.unknown")
    with pytest.raises(Unknown):
        await log.author(log.provider_device, firm, events.CallMoved(call=call, to=ProviderId(firm)), [call])
    await log.author(log.provider_device, firm, events.CallMoved(call=call, to=log.provider), [call])


def open_calls(place: Place) -> list[CoreId]:
    with place.services.store.read() as connection:
        return [row.id for row in queries.open_calls(connection)]


async def test_server_without_janus_says_so_and_does_the_rest(place: Place) -> None:
    anna, _, firm, _ = await begun(place)
    provider = (await anna.get("/api/provider")).json()
    assert provider["features"]["meet"] is False
    assert (await anna.get(f"/api/spaces/{firm}/call")).json() == {"available": False, "running": None}
    join = place.services.live.handler("meet.join")
    assert join is not None
    socket: Any = SimpleNamespace(id="socket", account=anna.account, device=anna.pen.dev, send_json=None)
    with pytest.raises(NotSetUp) as refused:
        await join(socket, {"space": firm})
    assert refused.value.sentence("de").startswith("Videoanrufe sind auf diesem Server noch nicht eingerichtet.")
