"""Every fault that a provider can have, one after the other, under people at work. Writes the readable report.

Werkhof and Südnetz stand in a town of their own (bench/town); Anna types and Ben reads at Werkhof, somebody signs in
wherever it goes. Each fault lasts a while; then it is waited until all providers hold the same again.
"""

import argparse
import json
import os
import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from playwright.sync_api import Browser

from bench.drill.kills import APP, RESULTS, versions
from bench.drill.report import page, seconds
from bench.drill.rounds import WATCH, heard
from bench.drill.watch import CADENCE_MS, Door, Messages, longest, now_ms, told
from bench.town import ground
from bench.town.faults import FAULTS, Known
from bench.town.house import House
from bench.town.town import Town, town
from tests.flows.browser import Person, chromium
from tests.flows.pair import at_work
from tests.flows.test_partners import eventually

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
    ground.enter("bench.drill.faults", sys.argv[1:])
    runs = []
    with tempfile.TemporaryDirectory() as folder, stage(Path(folder), asked.houses) as scene:
        for name in asked.only or FAULTS:
            runs.append(one(scene, name, FAULTS[name], asked.hold))
            sys.stdout.write(f"{line(runs[-1])}\n")
            sys.stdout.flush()
            write(runs, asked)
    return int(any(run["lost"] or not run["equal_at"] for run in runs))


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
    lost = missing(scene.town, messages.texts())
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
        heard(person.page, "hello", scene.town.home.address, began)
        person.page.locator("textarea").first.wait_for()


def when_equal(built: Town) -> int:
    """The moment in which all hold the same; 0 when that does not come."""
    deadline = time.monotonic() + EQUAL_S
    while time.monotonic() < deadline:
        if built.equal():
            return now_ms()
        time.sleep(LOOK_S)
    return 0


def missing(built: Town, texts: list[str]) -> int:
    """How many of these are not at every provider in the end, or there twice."""
    wanted = set(texts)
    found = []
    for house in built.houses:
        found.append([text for text in said_at(house, built.firm.workshop) if text in wanted])
    return sum(len(wanted - set(held)) + len(held) - len(set(held)) for held in found)


def said_at(house: House, space: str) -> list[str]:
    """Every message of a space, as this house's store has it: who reads a page sees the newest hundred only."""
    found = (
        "SELECT chat.text FROM chat_message AS chat JOIN word AS here ON here.number = chat.space"
        " WHERE here.text = ? AND chat.text IS NOT NULL"
    )
    with closing(sqlite3.connect(f"file:{house.data / 'verbund.db'}?mode=ro", uri=True)) as store:
        return [text for (text,) in store.execute(found, (space,))]


def line(run: dict[str, Any]) -> str:
    waits = ", ".join(f"{name} {function['longest_ms']} ms" for name, function in run["functions"].items())
    equal = max(0, run["equal_at"] - run["ended"]) if run["equal_at"] else -1
    return f"{run['title']:44} {waits}; verloren {run['lost']}, gleich nach {equal} ms"


def write(runs: list[dict[str, Any]], asked: argparse.Namespace) -> None:
    figures = sums(runs)
    asked.out.mkdir(parents=True, exist_ok=True)
    shown = {
        "Störungen": len(runs), "Nachrichten": sum(run["typed"] for run in runs), "verloren": figures["lost"],
        "längste Unterbrechung beim Schreiben": seconds(figures["messages_longest_ms"]),
    }  # fmt: skip
    about = (
        "Zwei Anbieter auf einem Rechner, jeder in einem Netz für sich, mit eigenem Zertifikat. Anna schreibt alle "
        "halbe Sekunde, Ben liest, beide bei Werkhof in Chromium; jemand meldet sich jede Sekunde mit dem Schlüssel "
        "seines Geräts an, wo es geht. Niemand klickt."
    )
    (asked.out / REPORT).write_text(page("Störungen, eine nach der anderen", about, runs, shown), "utf-8")
    config = {"before_s": BEFORE_S, "hold_s": asked.hold, "after_s": AFTER_S, "houses": asked.houses}
    run = {"n": len(runs), "command": "python -m bench.drill faults", "versions": versions(), "configuration": config}
    text = json.dumps({"figures": figures, "runs": [{**run, "samples": runs}]}, ensure_ascii=False)
    (asked.out / DATA).write_text(f"{text}\n", "utf-8")
    sys.stdout.write(f"{asked.out / REPORT}\n")


def sums(runs: list[dict[str, Any]]) -> dict[str, float]:
    waits = [run["functions"]["messages"]["longest_ms"] for run in runs if run["functions"]]
    return {
        "faults": len(runs), "lost": sum(run["lost"] for run in runs),
        "never_equal": sum(1 for run in runs if not run["equal_at"]), "messages_longest_ms": max(waits, default=0),
    }  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
