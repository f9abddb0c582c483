"""Typing and presence between people of different providers: heard while it lasts, of members only, kept nowhere."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.flows.server import PASSWORD
from tests.partners.providers import Provider, eventually, running
from tests.partners.test_links import shared_firm
from tests.web.sockets import Socket
from verbund.accounts.schemas import Caller
from verbund.base.ids import AccountId, DeviceId, ProviderId, SpaceId, random_id
from verbund.ops.client import Person
from verbund.partners.hearing import BURST, BYTES_MAX, Hearing, Tell
from verbund.partners.here import Here
from verbund.partners.schemas import PACKED, Passing
from verbund.spaces.queries import role
from verbund.web.presence import GRACE_S


@asynccontextmanager
async def at(provider: Provider, person: Person, *follows: SpaceId) -> AsyncIterator[Socket]:
    """Somebody's browser at a provider."""
    socket = Socket()
    caller = Caller(AccountId(person.account), DeviceId(person.account), random_id())
    serving = asyncio.create_task(provider.services.sockets.serve(caller, "de", socket))
    if follows:
        socket.say({"f": "follow", "s": {space: {} for space in follows}})
        await socket.until(lambda frame: frame["f"] == "caught")
    try:
        yield socket
    finally:
        socket.leave()
        await serving


def belongs(provider: Provider, space: SpaceId, person: Person) -> bool:
    with provider.services.store.read() as connection:
        return role(connection, space, person.account) is not None


async def hears(socket: Socket, kind: str, by: str, state: str | None = None) -> Any:
    def wanted(frame: dict[str, Any]) -> bool:
        if frame["f"] != "signal" or frame["k"] != kind:
            return False
        if kind != "presence":
            return bool(frame["by"] == by)
        return by in frame["d"]["accounts"] and frame["d"]["state"] == state

    return await socket.until(wanted)


async def test_people_of_two_providers_see_each_other_come_type_and_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("verbund.web.presence.GRACE_S", GRACE_S / 20)
    werkhof = Provider(tmp_path, "werkhof")
    suednetz = Provider(tmp_path, "suednetz", werkhof.address)
    async with running(werkhof, suednetz):
        anna, team = await shared_firm(werkhof, suednetz)
        ben = Person(werkhof.address, "Ben Krause")
        await asyncio.to_thread(ben.join, await asyncio.to_thread(anna.invite, anna.organisation), "ben", PASSWORD)
        await asyncio.to_thread(ben.join_team, team)
        await eventually(lambda: belongs(suednetz, team, ben))
        async with at(werkhof, anna, team) as of_anna:
            async with at(suednetz, ben, team) as of_ben:
                await hears(of_anna, "presence", ben.account, "online")
                await eventually(lambda: suednetz.services.presence.online(AccountId(anna.account)))
                of_ben.say({"f": "signal", "sp": team, "k": "typing", "d": {"channel": None}})
                assert (await hears(of_anna, "typing", ben.account))["d"] == {"channel": None}
                of_anna.say({"f": "signal", "sp": team, "k": "typing", "d": {"channel": None}})
                await hears(of_ben, "typing", anna.account)
                async with at(werkhof, ben) as waiting:
                    await waiting.lives()
            await hears(of_anna, "presence", ben.account, "offline")
            assert not werkhof.services.presence.online(AccountId(ben.account)), "a connection that waits is nobody"
        for person in (anna, ben):
            person.close()


async def test_nobody_is_left_online_when_the_link_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("verbund.web.presence.GRACE_S", GRACE_S / 20)
    werkhof = Provider(tmp_path, "werkhof")
    suednetz = Provider(tmp_path, "suednetz", werkhof.address)
    async with running(werkhof, suednetz):
        anna, team = await shared_firm(werkhof, suednetz)
        async with at(suednetz, anna, team):
            await eventually(lambda: werkhof.services.presence.online(AccountId(anna.account)))
            await suednetz.stop()
            await eventually(lambda: not werkhof.services.presence.online(AccountId(anna.account)))
        anna.close()


async def test_a_partner_speaks_of_members_of_that_space_only(tmp_path: Path) -> None:
    werkhof = Provider(tmp_path, "werkhof")
    async with running(werkhof):
        anna = await werkhof.firm()
        firm, stranger = SpaceId(anna.organisation), AccountId(random_id())
        presence, passings = werkhof.services.presence, werkhof.partners.passings
        rogue = ProviderId(random_id())
        for data in ({"accounts": [stranger, 7, None], "state": "online"}, {"accounts": {}}, "online", None, [1]):
            await passings.hear(rogue, Tell(firm, "presence", None, data))
        assert not presence.online(stranger)
        await passings.hear(rogue, Tell(firm, "presence", None, {"accounts": [anna.account], "state": "asleep"}))
        assert not presence.online(AccountId(anna.account))
        await passings.hear(rogue, Tell(firm, "presence", None, {"accounts": [anna.account], "state": "online"}))
        assert presence.online(AccountId(anna.account))
        anna.close()


def test_what_is_too_much_is_not_heard() -> None:
    own, partner = ProviderId(random_id()), ProviderId(random_id())
    space, foreign = SpaceId(random_id()), SpaceId(random_id())
    here = Here(own, 1)
    here.holders = {space: frozenset({own, partner}), foreign: frozenset({own})}
    hearing = Hearing(here, partner, 0, PACKED)
    for frame in (
        Passing(space, "meet.people", None, {}), Passing(space, "typing", None, "x" * BYTES_MAX),
        Passing(foreign, "typing", None, {}),
    ):  # fmt: skip
        assert hearing.hear(frame, 0) == []
    heard = [hearing.hear(Passing(space, "typing", None, {}), 0) for _ in range(2 * BURST)]
    assert sum(map(len, heard)) == BURST - 3
    assert hearing.hear(Passing(space, "typing", None, {}), 1_000)
    assert hearing.say(foreign, "typing", {}, None) is None, "a space that the partner does not hold"
    assert Hearing(here, partner, 0, PACKED - 1).say(space, "typing", {}, None) is None, "it would not understand"
    assert hearing.say(space, "typing", {}, None)
