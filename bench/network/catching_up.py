"""A partner that was away comes back, and one that is new: how long until it has everything, or what people need."""

import time
from pathlib import Path
from typing import Any

from bench.chat.process import cpu_s
from bench.network.places import Places, equal, fill, know_heads, places, until

TEAMS = 10


def came_back(folder: Path, entries: int, seed: int) -> dict[str, Any]:
    """Südnetz missed so many entries: from the moment that it runs until it has them all."""
    with places(folder, TEAMS) as found:
        know_heads(found.people, found.teams)
        found.suednetz.stop()
        found.werkhof.stop()
        begun = time.monotonic()
        fill(found.werkhof, found.people, found.teams, entries, seed)
        filled_s = time.monotonic() - begun
        found.werkhof.start()
        found.suednetz.start()
        return {"what": "catch_up", "entries": entries, "fill_s": round(filled_s, 1), **_timed(found, entries)}


def _timed(found: Places, entries: int) -> dict[str, Any]:
    begun = time.monotonic()
    before = [cpu_s(one.pid) for one in (found.werkhof, found.suednetz)]
    until(lambda: equal(found.werkhof, found.suednetz, found.teams))
    took_s = time.monotonic() - begun
    gave, took = (cpu_s(one.pid) - was for one, was in zip((found.werkhof, found.suednetz), before, strict=True))
    return {
        "s": round(took_s, 2), "cpu_giving_us": round(gave / entries * 1e6, 1),
        "cpu_taking_us": round(took / entries * 1e6, 1),
    }  # fmt: skip
