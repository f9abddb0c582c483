"""`python -m bench.drill films`: the provider of a film dies in five ways while three people watch it.

Werkhof is reached through a line (bench/town/line.py) that refuses, answers 404 or 503, swallows everything, or stops
in the middle of a segment. Two watch on, until long after what was loaded ahead is used up; one jumps at once to where
nothing is loaded. Writes bench/results/drill-films.json, anew after every death.
"""

import argparse
import functools
import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from bench.drill.kills import APP, RESULTS, quantile, table, versions
from bench.drill.rounds import NEVER_MS
from bench.drill.unattended import Play, Round, driven, failures
from bench.drill.watch import FILM
from bench.town.line import BLACK_HOLE, CLEAR, MID_SEGMENT, REFUSED, Line, answering
from tests.flows.browser import Person, chromium
from tests.flows.pair import Pair, at_work, two_providers
from tests.flows.test_partners import eventually
from tests.media.films import browser_film, make
from tests.media.test_in_product import add, settled, until
from tests.ports import free_port

ROUNDS, MINUTES, PIECE_S = 2, 10, 20
#: Who watches on, and who jumps.
ON, JUMPS = 2, 1
DEATHS = {
    "refused": REFUSED, "404": answering("404 Not Found"), "503": answering("503 Service Unavailable"),
    "black_hole": BLACK_HOLE, "mid_segment": MID_SEGMENT,
}  # fmt: skip
BARS = {
    "film_stall_ms_p95": 0.0, "film_stall_ms_max": 1000.0, "film_seek_stall_ms_p95": 2500.0, "gave_up": 0.0,
    "rounds_failed": 0.0,
}  # fmt: skip
#: It plays so long before, and longer afterwards than was loaded ahead (30 s: `maxBufferLength` in app/src/lib/media).
PLAYED_S, DEAD_S = 4.0, 40.0
WAIT_S = 30.0
#: Jump, and the moment in which the picture moves on from there; null when it does not.
JUMP = """(share) => new Promise((done) => {
    const film = document.querySelector('video');
    const to = film.duration * share;
    const began = Date.now();
    film.currentTime = to;
    const look = () => {
        if (film.currentTime > to + 0.05 && !film.seeking) return done(Date.now() - began);
        if (Date.now() - began > 30000) return done(null);
        setTimeout(look, 10);
    };
    look();
})"""
POSITION = "() => document.querySelector('video')?.currentTime ?? 0"


def main() -> int:
    """0 when every bar is met."""
    parser = argparse.ArgumentParser(prog="bench.drill films")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--only", nargs="+", choices=[*DEATHS])
    parser.add_argument("--dead", type=float, default=DEAD_S, help="Sekunden, die er tot bleibt")
    parser.add_argument("--minutes", type=float, default=0, help="so lange höchstens; 0: bis alle Runden getan sind")
    asked = parser.parse_args()
    planned = [
        {"round": number, "death": name, "dead_s": asked.dead}
        for number in range(asked.rounds) for name in asked.only or DEATHS
    ]  # fmt: skip
    keep = functools.partial(write, len(planned))
    samples = driven(
        "bench.drill.films", planned, keep, minutes=asked.minutes, round_s_max=asked.dead + 2 * WAIT_S + 60
    )
    return table(sums(samples), BARS, RESULTS / "drill-films.json")


@contextmanager
def world(folder: Path) -> Iterator[Play]:
    """A film at two providers, and people at the first of them, which is reached through a line."""
    front, behind = free_port(), free_port()
    line = Line(("localhost", front), ("127.0.0.1", behind)).start()
    with two_providers(folder, behind, front, app=str(APP)) as pair, chromium(whole=True) as browser:
        film = shown(pair, folder)
        people = [at_work(browser, pair, "ben") for _ in range(ON + JUMPS)]
        yield lambda round_: death(people, film, line, round_)
    line.stop()


def write(planned: int, samples: list[dict[str, Any]]) -> None:
    run = {
        "n": len(samples), "planned": planned, "command": "python -m bench.drill films", "versions": versions(),
        "load": os.getloadavg()[0], "samples": samples,
        "configuration": {
            "played_s": PLAYED_S, "minutes": MINUTES, "watch_on": ON, "jump": JUMPS,
            "stall": "the longest time in which the film's position did not move; up to 100 ms count as none",
            "seek_stall": "jump to where nothing is loaded, at the moment of death → the picture moves on there",
        },
    }  # fmt: skip
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "drill-films.json").write_text(json.dumps({"figures": sums(samples), "runs": [run]}, indent=1) + "\n")


def shown(pair: Pair, folder: Path) -> str:
    """A film of some minutes that both providers have, whole."""
    piece = browser_film(folder / "piece.mp4", PIECE_S, rate=25)
    repeats = str(MINUTES * 60 // PIECE_S - 1)
    path = make(folder / "film.mp4", "-stream_loop", repeats, "-i", str(piece), "-c", "copy")
    film = add(pair.firm.anna, pair.workshop, path, "Die Kunst der Treppe")
    found = until(pair.firm.anna, film, settled)
    assert found["state"] == "ready", found
    eventually(lambda: sizes(pair.suednetz.data, film) == sizes(pair.werkhof.data, film) != {})
    return film


def sizes(data: Path, film: str) -> dict[str, int]:
    folder = data / "media" / film
    return {str(file.relative_to(folder)): file.stat().st_size for file in folder.rglob("*") if file.is_file()}


def death(people: list[Person], film: str, line: Line, round_: Round) -> dict[str, Any]:
    """One death: how long the film stood still for each, and how long the jumps took; then Werkhof is well again."""
    play(people, film)
    for one in people:
        one.page.evaluate("() => { window.still = 0; }")
    line.become(DEATHS[round_["death"]])
    began = time.monotonic()
    try:
        jumps = [one.page.evaluate(JUMP, 0.6) for one in people[ON:]]
        time.sleep(max(0.0, round_["dead_s"] + began - time.monotonic()))
        stalls = [one.page.evaluate("() => window.still") for one in people[:ON]]
    finally:
        line.become(CLEAR)
    return {
        "stalls_ms": stalls, "seeks_ms": [NEVER_MS if one is None else one for one in jumps],
        "gave_up": sum(one is None for one in jumps),
    }  # fmt: skip


def play(people: list[Person], film: str) -> None:
    """From the beginning, at Werkhof, until it has played for a while, for everybody at once."""
    for one in people:
        one.go(f"/mediathek/{film}")
    for one in people:
        moved(one.page, 0, MINUTES * 60)
    for one in people:
        one.page.evaluate("() => { document.querySelector('video').currentTime = 0; }")
        one.page.evaluate(FILM)
    for one in people:
        moved(one.page, PLAYED_S, PLAYED_S + WAIT_S)


def moved(page: Page, after: float, before: float) -> None:
    deadline = time.monotonic() + WAIT_S
    while not after < page.evaluate(POSITION) < before:
        assert time.monotonic() < deadline, "the film does not play"
        time.sleep(0.05)


def sums(samples: list[dict[str, Any]]) -> dict[str, float]:
    """A death whose round failed counts as never for everybody."""
    stalls = [ms for one in samples for ms in one.get("stalls_ms", [NEVER_MS] * ON)]
    jumps = [ms for one in samples for ms in one.get("seeks_ms", [NEVER_MS] * JUMPS)]
    return {
        "film_stall_ms_p95": quantile(stalls, 0.95), "film_stall_ms_max": max(stalls, default=0),
        "film_seek_stall_ms_p50": quantile(jumps, 0.5), "film_seek_stall_ms_p95": quantile(jumps, 0.95),
        "gave_up": sum(one.get("gave_up", 0) for one in samples), "rounds_failed": failures(samples),
    }  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
