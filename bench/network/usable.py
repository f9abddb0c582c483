"""A replica that has nothing yet, of a firm with a long conversation: how soon people can work there."""

import asyncio
import time
from pathlib import Path
from typing import Any

import httpx
import msgspec
from websockets.asyncio.client import ClientConnection

from bench.chat.process import cpu_s
from bench.network.people import client, come_over
from bench.network.places import FACTS_PER_S, LOOK_S, WAIT_S, until, vectors
from bench.network.prepared import Firm, opened, person_of
from tests.flows.server import Server, free_port
from tests.flows.test_partners import name_partner
from verbund.base.ids import SpaceId
from verbund.ops.client import Declined, Person

PAGE = 50
#: What people cannot do yet is tried again after so long.
TRY_S = 0.05


class _Entry(msgspec.Struct):
    id: str
    p: str
    i: int
    n: int


class _Frame(msgspec.Struct):
    f: str
    e: list[_Entry] = []
    v: dict[str, int] = {}


_frame = msgspec.json.Decoder(_Frame)


def new_replica(folder: Path, is_whole: bool) -> dict[str, Any]:
    """From the fact that names it until a member signed in there, sees the newest, has written, and it is safe."""
    firm = opened(folder)
    team = SpaceId(firm.team)
    werkhof = Server(folder / "werkhof", firm.port, name="Werkhof", facts_per_s=FACTS_PER_S).start()
    new = Server(folder / f"nordhof-{time.time_ns()}", free_port(), name="Nordhof", partners=werkhof.address)
    new.start()
    try:
        owner = person_of(firm, firm.members[0], werkhof.address)
        owner.come_in(owner.account)
        newest = messages(owner, team)
        before = [cpu_s(one.pid) for one in (werkhof, new)]
        name_partner(owner, SpaceId(firm.organisation), new)
        begun = time.monotonic()
        found = asyncio.run(works(firm, new, newest, begun))
        cpu = [cpu_s(one.pid) - was for one, was in zip((werkhof, new), before, strict=True)]
        found |= {"here": sum(vectors(new, [team])[team].values()), "cpu_s": [round(one, 2) for one in cpu]}
        if is_whole:
            until(lambda: covers(vectors(new, [team])[team], vectors(werkhof, [team])[team]))
            cpu = [cpu_s(one.pid) - was for one, was in zip((werkhof, new), before, strict=True)]
            found |= {"all_s": round(time.monotonic() - begun, 2)}
            found |= {"all_cpu_us": [round(one / firm.entries * 1e6, 1) for one in cpu]}
        return {"what": "new_replica", "entries": firm.entries, **found}
    finally:
        new.stop()
        werkhof.stop()


async def works(firm: Firm, new: Server, newest: list[str], begun: float) -> dict[str, float]:
    """What somebody does there, one after the other; when each was done (s)."""
    team, member = SpaceId(firm.team), firm.members[1]
    person = person_of(firm, member, new.address)
    at: dict[str, float] = {}
    async with client() as http:
        came = await tried(lambda: come_over(http, person, new.address))
    await tried(lambda: asyncio.to_thread(person.come_in, person.account))
    at["signed_in_s"] = time.monotonic() - begun
    await tried(lambda: asyncio.to_thread(sees, person, team, newest))
    at["seen_s"] = time.monotonic() - begun
    vector = await asyncio.to_thread(lambda: person.call("GET", f"/api/spaces/{team}/head")["vector"])
    await came.socket.send(msgspec.json.encode({"f": "follow", "s": {team: vector}}).decode())
    core = await asyncio.to_thread(person.post, team, "chat.message_posted.1", {"text": "Hier bin ich."})
    at["written_s"] = time.monotonic() - begun
    async with asyncio.timeout(WAIT_S):
        await is_safe(came.socket, core)
    at["usable_s"] = time.monotonic() - begun
    came.socket.transport.abort()
    return {name: round(value, 2) for name, value in at.items()}


async def is_safe(socket: ClientConnection, core: str) -> None:
    """Until the provider says that this fact is safe."""
    place, safe = ("", 0), dict[str, int]()
    async for raw in socket:
        frame = _frame.decode(raw)
        place = next(((f"{one.p}.{one.i}", one.n) for one in frame.e if one.id == core), place)
        safe = frame.v if frame.f == "durable" else safe
        if place[0] and safe.get(place[0], 0) >= place[1]:
            return


def sees(person: Person, space: SpaceId, newest: list[str]) -> None:
    """Raises KeyError while these are not what is shown."""
    if messages(person, space) != newest:
        raise KeyError(space)


def messages(person: Person, space: SpaceId) -> list[str]:
    return [one["id"] for one in person.call("GET", f"/api/spaces/{space}/messages?limit={PAGE}")["messages"]]


async def tried(what: Any) -> Any:
    """Again until it works."""
    deadline = time.monotonic() + WAIT_S
    while True:
        try:
            return await what()
        except (Declined, ConnectionError, KeyError, httpx.HTTPError):
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(TRY_S)


def covers(here: dict[str, int], there: dict[str, int]) -> bool:
    time.sleep(LOOK_S)
    return all(here.get(sub, 0) >= seq for sub, seq in there.items())
