"""`python -m bench.drill films`: the provider of a film dies in five ways while somebody watches.

Werkhof is reached through a line (bench/town/line.py) that refuses, answers 404 or 503, swallows everything, or stops
in the middle of a segment. Each death is watched twice: in play, until long after what was loaded ahead is used up; and
with a jump to where nothing is loaded, at once. Writes bench/results/drill-films.json.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from bench.drill.kills import APP, RESULTS, quantile, versions
from bench.drill.watch import FILM
from bench.town.line import BLACK_HOLE, CLEAR, MID_SEGMENT, REFUSED, Line, answering
from tests.flows.browser import Person, chromium
from tests.flows.pair import Pair, at_work, two_providers
from tests.flows.test_partners import eventually
from tests.media.films import browser_film, make
from tests.media.test_in_product import add, settled, until
from tests.ports import free_port

ROUNDS, MINUTES, PIECE_S = 4, 10, 20
DEATHS = {
    "refused": REFUSED, "404": answering("404 Not Found"), "503": answering("503 Service Unavailable"),
    "black_hole": BLACK_HOLE, "mid_segment": MID_SEGMENT,
}  # fmt: skip
BARS = {"film_stall_ms_p95": 0.0, "film_stall_ms_max": 1000.0, "film_seek_stall_ms_p95": 2500.0, "gave_up": 0.0}
#: It plays so long before, and longer afterwards than was loaded ahead.
PLAYED_S, DEAD_S = 4.0, 42.0
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
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        samples = watched(Path(folder), asked.rounds, asked.only or [*DEATHS], asked.dead)
    figures = sums(samples)
    run = {
        "n": len(samples), "command": "python -m bench.drill films", "versions": versions(),
        "load": os.getloadavg()[0], "samples": samples,
        "configuration": {
            "played_s": PLAYED_S, "dead_s": asked.dead, "minutes": MINUTES,
            "stall": "the longest time in which the film's position did not move; up to 100 ms count as none",
            "seek_stall": "jump to where nothing is loaded, at the moment of death → the picture moves on there",
        },
    }  # fmt: skip
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "drill-films.json").write_text(json.dumps({"figures": figures, "runs": [run]}, indent=1) + "\n")
    for name, value in figures.items():
        sys.stdout.write(f"{name:24} {value:>9.1f}" + (f"  ≤ {BARS[name]:.0f}\n" if name in BARS else "\n"))
    return int(any(figures[name] > bar for name, bar in BARS.items()))


def watched(folder: Path, rounds: int, deaths: list[str], dead_s: float) -> list[dict[str, Any]]:
    front, behind = free_port(), free_port()
    line = Line(("localhost", front), ("127.0.0.1", behind)).start()
    samples = []
    with two_providers(folder, behind, front, app=str(APP)) as pair, chromium() as browser:
        film = shown(pair, folder)
        ben = at_work(browser, pair, "ben")
        for number in range(rounds):
            for name in deaths:
                for jump in (False, True):
                    samples.append({"round": number, **death(ben, film, line, name, jump, dead_s)})
                    sys.stdout.write(f"{samples[-1]}\n")
                    sys.stdout.flush()
        ben.close()
    line.stop()
    return samples


def shown(pair: Pair, folder: Path) -> str:
    """A film of some minutes that both providers have, whole."""
    piece = browser_film(folder / "piece.mp4", PIECE_S)
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


def death(ben: Person, film: str, line: Line, name: str, jump: bool, dead_s: float) -> dict[str, Any]:
    """One death: how long the film stood still, and how long the jump took. Afterwards Werkhof is well again."""
    play(ben, film)
    ben.page.evaluate("() => { window.still = 0; }")
    line.become(DEATHS[name])
    try:
        if jump:
            took = ben.page.evaluate(JUMP, 0.6)
            return {"death": name, "seek_ms": took, "load": round(os.getloadavg()[0], 1)}
        time.sleep(dead_s)
        return {
            "death": name,
            "stall_ms": ben.page.evaluate("() => window.still"),
            "load": round(os.getloadavg()[0], 1),
        }
    finally:
        line.become(CLEAR)


def play(ben: Person, film: str) -> None:
    """From the beginning, at Werkhof, until it has played for a while."""
    ben.go(f"/mediathek/{film}")
    moved(ben.page, 0, MINUTES * 60)
    ben.page.evaluate("() => { document.querySelector('video').currentTime = 0; }")
    ben.page.evaluate(FILM)
    moved(ben.page, PLAYED_S, PLAYED_S + WAIT_S)


def moved(page: Page, after: float, before: float) -> None:
    deadline = time.monotonic() + WAIT_S
    while not after < page.evaluate(POSITION) < before:
        assert time.monotonic() < deadline, "the film does not play"
        time.sleep(0.05)


def sums(samples: list[dict[str, Any]]) -> dict[str, float]:
    stalls = [one["stall_ms"] for one in samples if "stall_ms" in one]
    jumps = [one["seek_ms"] for one in samples if one.get("seek_ms") is not None]
    return {
        "film_stall_ms_p95": quantile(stalls, 0.95), "film_stall_ms_max": max(stalls, default=0),
        "film_seek_stall_ms_p50": quantile(jumps, 0.5), "film_seek_stall_ms_p95": quantile(jumps, 0.95),
        "gave_up": sum(1 for one in samples if one.get("seek_ms", 0) is None),
    }  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
