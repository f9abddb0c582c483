"""What is said while both providers are well, and while one is dead: how late it is at the other, and at home."""

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec

from bench.chat.load import Count, open_loop
from bench.chat.ours import Verbund
from bench.chat.process import cpu_s
from bench.network.arriving import Asked, Told
from bench.network.people import client, come_over, listen
from bench.network.places import Places, equal, offline, places, sentence, until, vectors
from verbund.base.ids import SpaceId, b64
from verbund.ops.client import Person

MEMBERS = 10
LAG_RATE, LAG_S = 200.0, 10.0
LOCAL_RATE, LOCAL_S = 50.0, 10.0
ROUNDS = 5
#: After a partner has caught up, until it is as if it had never been away.
SETTLED_S = 3.0
#: After so long without a word the link is ended, and dialling begins.
UNTIL_GIVEN_UP_S = 9.0
HERD, HERD_WITHIN_S = 500, 2.0
MESSAGE = "chat.message_posted.1"
#: So much was said in the room of those who come over: more than one page.
SAID = 100
#: Two providers are at rest that together use less processor than this for a second: all is signed, all is told.
AT_REST_CPU_S, WATCHED_S = 0.08, 1.0


def measured(folder: Path, seed: int) -> list[dict[str, Any]]:
    """Lag, a dead partner."""
    draw = random.Random(seed)
    found: list[dict[str, Any]] = []
    with places(folder / "pair", members=MEMBERS) as pair:
        room = pair.room
        found.append(asyncio.run(lag(pair, room, draw)))
        found += in_turn(pair, draw)
    return found


def herd(folder: Path, seed: int, people: int) -> dict[str, Any]:
    """So many people who were at a provider for a while come over from it."""
    draw = random.Random(seed)
    with places(folder, members=MEMBERS) as pair:
        for number in range(SAID):
            pair.room.people[number % MEMBERS].post(pair.organisation, MESSAGE, {"text": sentence(draw)})
        guests = invite(pair, people)
        arriving = [pair.organisation, *(SpaceId(one.account) for one in guests)]
        until(lambda: equal(pair.werkhof, pair.suednetz, arriving))
        until(lambda: at_rest(pair))
        return came_over(pair, guests)


def at_rest(pair: Places) -> bool:
    """Whether neither has anything left to do: who has just joined is still being signed for, told of, counted."""
    before = [cpu_s(one.pid) for one in (pair.werkhof, pair.suednetz)]
    time.sleep(WATCHED_S)  # the time over which it is measured; nothing is waited for
    used = sum(cpu_s(one.pid) - was for one, was in zip((pair.werkhof, pair.suednetz), before, strict=True))
    return used < AT_REST_CPU_S


def in_turn(pair: Places, draw: random.Random) -> list[dict[str, Any]]:
    """The same room with a partner that is well and with a black hole, in turn and the other way round: what the
    machine does beside it comes to both."""
    found: list[dict[str, Any]] = []
    for number in range(ROUNDS):
        for partner in ("live", "black hole") if number % 2 == 0 else ("black hole", "live"):
            if partner == "black hole":
                os.kill(pair.suednetz.pid, signal.SIGSTOP)
                time.sleep(UNTIL_GIVEN_UP_S)
            found.append({"round": number, "partner": partner, **asyncio.run(local(pair.room, draw))})
            if partner == "black hole":
                os.kill(pair.suednetz.pid, signal.SIGCONT)
                until(lambda: equal(pair.werkhof, pair.suednetz, [pair.organisation]))
                time.sleep(SETTLED_S)
    return found


async def lag(pair: Places, room: Verbund, draw: random.Random) -> dict[str, Any]:
    """From the moment that a member sends at Werkhof until one who works at Südnetz has it."""
    count = Count()
    await asyncio.to_thread(room.sign, MEMBERS, int(LAG_RATE * LAG_S) // MEMBERS + 1, lambda *_: sentence(draw))
    await room.open(follow=False)
    async with client() as http:
        came = await come_over(http, room.people[0], pair.suednetz.address)
    vector = room.people[0].call("GET", f"/api/spaces/{room.space}/head")["vector"]
    listening = asyncio.create_task(listen(came, room.space, vector, count.delivered))
    sent = await open_loop(_timed(room, count), MEMBERS, LAG_RATE, LAG_S)
    await count.drain(sent)
    await came.socket.close()
    await asyncio.gather(listening, return_exceptions=True)
    await room.close()
    return {"what": "lag", "rate": LAG_RATE, "messages": sent, **_quantiles(count)}


async def local(room: Verbund, draw: random.Random) -> dict[str, Any]:
    """From sending until another member at the same provider has it."""
    count = Count()
    await asyncio.to_thread(room.sign, MEMBERS, int(LOCAL_RATE * LOCAL_S) // MEMBERS + 1, lambda *_: sentence(draw))
    await room.open()
    room.delivered = count.delivered
    sent = await open_loop(_timed(room, count), MEMBERS, LOCAL_RATE, LOCAL_S)
    await count.drain(sent * MEMBERS)
    await room.close()
    return {"what": "local", "rate": LOCAL_RATE, "messages": sent, **_quantiles(count)}


def came_over(pair: Places, guests: list[Person]) -> dict[str, Any]:
    """Their provider dies, and they come, with everything that was there; what it costs who takes them in, and them."""
    space, there = pair.organisation, pair.suednetz
    vector, seeds = vectors(there, [space])[space], [b64(one.key.seed) for one in guests]
    pair.werkhof.kill()
    before = cpu_s(there.pid)
    asked = Asked(there.address, pair.werkhof.address, space, vector, HERD_WITHIN_S, seeds)
    command = [sys.executable, "-m", "bench.network.arriving"]
    done = subprocess.run(command, input=msgspec.json.encode(asked), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    told, used_s = msgspec.json.decode(done.stdout, type=Told), cpu_s(there.pid) - before
    pair.werkhof.start()
    took = sorted(told.took_s)
    return {
        "what": "herd", "people": len(guests), "s": round(told.s, 2), "p50_s": round(took[len(took) // 2], 2),
        "last_s": round(took[-1], 2), "cpu_each_ms": round(used_s / len(guests) * 1000, 1),
        "cpu_each_browser_ms": round(told.cpu_s / len(guests) * 1000, 1), "let_go": told.statuses.get(0, 0),
        "asked_to_wait": told.statuses.get(429, 0),
        "errors_5xx": sum(count for status, count in told.statuses.items() if status >= 500),
    }  # fmt: skip


def invite(pair: Places, count: int) -> list[Person]:
    """So many members more, with accounts at Werkhof; they never showed a password."""
    first = pair.room.people[0]
    first.refresh()
    link = first.invite(pair.organisation)
    people = [Person(first.address, f"Gast {number}") for number in range(count)]
    pair.werkhof.stop()
    offline(pair.werkhof, [parcel for person in people for parcel in person.joining(link)[0]])
    pair.werkhof.start()
    return people


def _timed(room: Verbund, count: Count) -> Callable[[int, int], Awaitable[object]]:
    async def send(member: int, at: int) -> None:
        count.sent_at[room.identifier(member, at)] = time.perf_counter()
        await room.send(member, at)

    return send


def _quantiles(count: Count) -> dict[str, float]:
    ordered = sorted(count.latencies_ms)
    return {
        "deliveries": len(ordered), "p50_ms": round(ordered[len(ordered) // 2], 1),
        "p99_ms": round(ordered[int(len(ordered) * 0.99)], 1),
    }  # fmt: skip
