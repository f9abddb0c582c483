"""Every fault that a provider can have, one after the other, under people at work. Writes the readable report.

Werkhof and Südnetz stand in a town of their own (bench/town); Anna types and Ben reads at Werkhof, somebody signs in
wherever it goes. Each fault lasts a while; then it is waited until all providers hold the same again.
"""

import argparse
import functools
import json
import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from playwright.sync_api import Browser

from bench.drill.kills import APP, RESULTS, versions
from bench.drill.report import page, seconds
from bench.drill.rounds import WATCH, heard, missing
from bench.drill.unattended import PLAN, Play, Round, driven, failures
from bench.drill.watch import CADENCE_MS, Door, Messages, longest, now_ms, told
from bench.town import ground
from bench.town.faults import FAULTS, Known
from bench.town.town import Town, town
from tests.flows.browser import Person, chromium
from tests.flows.pair import at_work
from tests.flows.test_partners import eventually

IN_TOWN = True
BEFORE_S, HOLD_S, AFTER_S = 4.0, 15.0, 6.0
#: Until everything that was typed has been read, and until all are equal again.
READ_S, EQUAL_S = 60.0, 120.0
LOOK_S = 0.2
REPORT, DATA = "drill-faults.html", "drill-faults.json"


class Scene(NamedTuple):
    """Who is there."""

    town: Town
    anna: Person
    ben: Person


def main() -> int:
    """0 when nothing was lost and everything became equal again."""
    asked = arguments()
    if why := ground.missing():
        sys.stderr.write(f"{why}\n")
        return 2
    if not (APP / "index.html").exists():
        sys.stderr.write("Die App ist nicht gebaut: zuerst `make setup`. / The app is not built: `make setup` first.\n")
        return 2
    planned = [{"name": name, "hold_s": asked.hold, "houses": asked.houses} for name in asked.only or FAULTS]
    keep = functools.partial(write, asked)
    runs = driven("bench.drill.faults", planned, keep, round_s_max=asked.hold + READ_S + EQUAL_S + 180)
    figures = sums(runs)
    sys.stdout.write(f"{figures}\n{asked.out / REPORT}\n")
    return int(any(figures[name] for name in ("lost", "never_equal", "rounds_failed")))


@contextmanager
def world(folder: Path) -> Iterator[Play]:
    """One town for all faults; how many houses it has is known from the plan only."""
    [first, *_] = json.loads((folder / PLAN).read_text("utf-8"))
    with stage(folder, first["houses"]) as scene:

        def play(round_: Round) -> dict[str, Any]:
            return one(scene, round_["name"], FAULTS[round_["name"]], round_["hold_s"])

        yield play


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.drill faults")
    parser.add_argument("--only", nargs="+", choices=[*FAULTS], help="nur diese")
    parser.add_argument("--hold", type=float, default=HOLD_S, help="Sekunden, die eine Störung dauert")
    parser.add_argument("--houses", type=int, default=2, choices=(2, 3))
    parser.add_argument("--out", type=Path, default=RESULTS, help="Ordner für den Bericht")
    return parser.parse_args()


@contextmanager
def stage(folder: Path, houses: int) -> Iterator[Scene]:
    with town(folder, houses, app=str(APP)) as built, chromium(*built.flags()) as browser:
        anna, ben = come(browser, built, "anna"), come(browser, built, "ben")
        yield Scene(built, anna, ben)
        for person in (anna, ben):
            person.close()


def come(browser: Browser, built: Town, handle: str) -> Person:
    person = at_work(browser, built.pair, handle)
    person.page.add_init_script(WATCH)
    return person


def one(scene: Scene, name: str, fault: Known, hold_s: float) -> dict[str, Any]:
    """One fault from a well beginning to the moment when all is equal again."""
    if shutil.which("faketime") is None and name.startswith("clock"):
        return skipped(name, fault, "faketime fehlt (apt install faketime)")
    at_home(scene)
    door = Door(scene.town.firm.anna, [house.address for house in scene.town.houses]).start()
    messages = Messages(scene.anna.page, scene.ben.page)
    began = now_ms()
    messages.begin(f"Übung {name} {began}")
    time.sleep(BEFORE_S)
    from_ = now_ms()
    with fault.begin(scene.town):
        time.sleep(hold_s)
        until = now_ms()
    over = now_ms()
    time.sleep(AFTER_S)
    messages.stop()
    beats, ended = door.stop(), now_ms()
    equal_at = when_equal(scene.town)
    typed = messages.read(READ_S)
    lost = missing(scene.town.houses, scene.town.firm.workshop, messages.texts())
    sign_in = {"beats": beats, "longest_ms": longest(beats, began, ended, CADENCE_MS["sign_in"])}
    return {
        "name": name, "title": fault.title, "began": began, "ended": ended, "fault": [from_, until], "over": over,
        "equal_at": equal_at, "lost": lost, "typed": len(typed), "load": round(os.getloadavg()[0], 1),
        "functions": {"messages": told(typed), "sign_in": sign_in},
    }  # fmt: skip


def skipped(name: str, fault: Known, why: str) -> dict[str, Any]:
    now = now_ms()
    return {
        "name": name, "title": f"{fault.title} (ausgelassen)", "began": now, "ended": now, "fault": [now, now],
        "over": now, "equal_at": now, "lost": 0, "typed": 0, "functions": {}, "notes": [why],
    }  # fmt: skip


def at_home(scene: Scene) -> None:
    """All is equal, both are connected to their own provider."""
    eventually(scene.town.equal)
    for person in (scene.anna, scene.ben):
        began = now_ms()
        person.page.reload()
        assert heard(person.page, "hello", scene.town.home.address, began), f"{person.name} does not come home"
        person.page.locator("textarea").first.wait_for()


def when_equal(built: Town) -> int:
    """The moment in which all hold the same; 0 when that does not come."""
    deadline = time.monotonic() + EQUAL_S
    while time.monotonic() < deadline:
        if built.equal():
            return now_ms()
        time.sleep(LOOK_S)
    return 0


def write(asked: argparse.Namespace, runs: list[dict[str, Any]]) -> None:
    figures = sums(runs)
    asked.out.mkdir(parents=True, exist_ok=True)
    shown = {
        "Störungen": len(runs), "Nachrichten": sum(run.get("typed", 0) for run in runs), "verloren": figures["lost"],
        "längste Unterbrechung beim Schreiben": seconds(figures["messages_longest_ms"]),
    }  # fmt: skip
    about = (
        f"{'Drei' if asked.houses == 3 else 'Zwei'} Anbieter auf einem Rechner, jeder in einem Netz für sich, mit "
        "eigenem Zertifikat. Anna schreibt alle halbe Sekunde, Ben liest, beide bei Werkhof in Chromium; jemand meldet "
        "sich jede Sekunde mit dem Schlüssel seines Geräts an, wo es geht. Niemand klickt."
    )
    (asked.out / REPORT).write_text(page("Störungen, eine nach der anderen", about, runs, shown), "utf-8")
    config = {"before_s": BEFORE_S, "hold_s": asked.hold, "after_s": AFTER_S, "houses": asked.houses}
    run = {"n": len(runs), "command": "python -m bench.drill faults", "versions": versions(), "configuration": config}
    text = json.dumps({"figures": figures, "runs": [{**run, "samples": runs}]}, ensure_ascii=False)
    (asked.out / DATA).write_text(f"{text}\n", "utf-8")


def sums(runs: list[dict[str, Any]]) -> dict[str, float]:
    done = [run for run in runs if "failed" not in run]
    waits = [run["functions"]["messages"]["longest_ms"] for run in done if run["functions"]]
    return {
        "faults": len(runs), "lost": sum(run["lost"] for run in done),
        "never_equal": sum(1 for run in done if not run["equal_at"]), "messages_longest_ms": max(waits, default=0),
        "rounds_failed": failures(runs),
    }  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
