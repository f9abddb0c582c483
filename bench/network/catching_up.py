"""A partner that was away comes back: how long until it has everything."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from bench.chat.process import cpu_s
from bench.network.places import Places, equal, know_heads, messages, offline, places, until
from tests.flows.server import Server
from verbund.base.ids import SpaceId
from verbund.base.settings import Settings
from verbund.log.bulk import ENTRIES_MAX, pack
from verbund.log.entry import Entry
from verbund.partners.schemas import Bulk
from verbund.web import capabilities
from verbund.web.composition import Services

TEAMS = 10
#: What a WebSocket adds to a frame that is dialled out: header and mask.
SOCKET_BYTES = 14


def came_back(folder: Path, entries: int, seed: int) -> list[dict[str, Any]]:
    """Südnetz missed so many entries."""
    with places(folder, TEAMS) as found:
        people = found.room.people
        know_heads(people, found.teams)
        found.suednetz.stop()
        found.werkhof.stop()
        offline(found.werkhof, messages(people, found.teams, entries, seed))
        wire = on_the_wire(found.werkhof, found.teams[0])
        found.werkhof.start()
        found.suednetz.start()
        whole = timed(found, found.suednetz, entries, lambda: equal(found.werkhof, found.suednetz, found.teams))
        return [wire, {"what": "catch_up", **whole}]


def timed(found: Places, taking: Server, entries: int, done: Callable[[], bool]) -> dict[str, Any]:
    begun = time.monotonic()
    before = [cpu_s(one.pid) for one in (found.werkhof, taking)]
    until(done)
    took_s = time.monotonic() - begun
    gave, took = (cpu_s(one.pid) - was for one, was in zip((found.werkhof, taking), before, strict=True))
    return {
        "entries": entries, "s": round(took_s, 2), "cpu_giving_us": round(gave / entries * 1e6, 1),
        "cpu_taking_us": round(took / entries * 1e6, 1),
    }  # fmt: skip


def on_the_wire(server: Server, space: SpaceId) -> dict[str, Any]:
    """Bytes of a 90-character message in a frame of ENTRIES_MAX, and of one alone; all in."""
    services = Services(Settings(data=str(server.data), port=server.port, meet="off"), capabilities)
    try:
        first, _ = services.log.entries(space, {}, 100)
        opening = [msgspec.json.decode(raw, type=Entry) for raw in first]
        after = {f"{one.p}.{one.i}": one.n for one in opening}
        raws, _ = services.log.entries(space, after, ENTRIES_MAX)
    finally:
        services.store.close()
    entries = [msgspec.json.decode(raw, type=Entry) for raw in raws]
    return {
        "what": "wire", "entries": len(entries), "bulk_bytes": round(_frame(space, entries) / len(entries), 1),
        "live_bytes": _frame(space, entries[-1:]), "json_bytes": round(sum(map(len, raws)) / len(raws), 1),
    }  # fmt: skip


def _frame(space: SpaceId, entries: list[Entry]) -> int:
    packed = pack(space, entries)
    assert packed is not None
    return len(msgspec.msgpack.encode(Bulk(space, 1_000_000, packed.runs, packed.data))) + SOCKET_BYTES
