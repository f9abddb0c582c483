"""`python -m bench.drill three`: a firm at three providers loses one, then the one that stood in, then gets both back.

Anna types and Ben reads at Werkhof, somebody signs in wherever it goes. Werkhof dies; people work at a second; that one
dies, too, and they work at the third; both come back at once, and all three become equal. Nobody clicks. Writes
bench/results/drill-three.{html,json}.
"""

import argparse
import functools
import json
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.drill.faults import AFTER_S, BEFORE_S, READ_S, Scene, at_home, stage, when_equal
from bench.drill.kills import RESULTS, quantile, versions
from bench.drill.report import page, seconds
from bench.drill.rounds import missing
from bench.drill.unattended import Play, driven, failures
from bench.drill.watch import CADENCE_MS, Door, Messages, longest, now_ms, told
from bench.town import ground
from bench.town.house import House

IN_TOWN = True
ROUNDS, HOLD_S, HOUSES = 1, 15.0, 3
REPORT, DATA = "drill-three.html", "drill-three.json"
#: The provider whose socket last took something from the page, since then.
TAKEN = "(since) => window.heard.filter(({ what, at }) => what === 'ack' && at >= since).at(-1)?.url ?? ''"


def main() -> int:
    """0 when people worked at each in turn, nothing was lost and all became equal."""
    parser = argparse.ArgumentParser(prog="bench.drill three")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--hold", type=float, default=HOLD_S, help="Sekunden von einem Ausfall zum nächsten")
    parser.add_argument("--out", type=Path, default=RESULTS, help="Ordner für den Bericht")
    asked = parser.parse_args()
    if why := ground.missing():
        sys.stderr.write(f"{why}\n")
        return 2
    planned = [{"name": f"Runde {number + 1}", "hold_s": asked.hold} for number in range(asked.rounds)]
    runs = driven("bench.drill.three", planned, functools.partial(write, asked.out), round_s_max=3 * asked.hold + 300)
    figures = sums(runs)
    sys.stdout.write(f"{figures}\n{asked.out / REPORT}\n")
    return int(any(figures[name] for name in ("durable_lost", "unread", "never_equal", "not_taken", "rounds_failed")))


@contextmanager
def world(folder: Path) -> Iterator[Play]:
    with stage(folder, HOUSES) as scene:
        yield lambda round_: one(scene, round_["name"], round_["hold_s"])


def one(scene: Scene, name: str, hold_s: float) -> dict[str, Any]:
    """One after the other is lost; then both come back."""
    town = scene.town
    at_home(scene)
    door = Door(town.firm.anna, [house.address for house in town.houses]).start()
    messages = Messages(scene.anna.page, scene.ben.page)
    began = now_ms()
    messages.begin(f"Drei {began}")
    time.sleep(BEFORE_S)
    first, first_at = town.home, now_ms()
    first.kill()
    time.sleep(hold_s)
    second, second_at = working_at(scene, first_at), now_ms()
    if second in town.others:
        second.kill()
    time.sleep(hold_s)
    third, until = working_at(scene, second_at), now_ms()
    with ThreadPoolExecutor() as both:
        list(both.map(House.start, {house for house in (first, second) if not house.pid_alive()}))
    back_at = now_ms()
    time.sleep(AFTER_S)
    messages.stop()
    beats, ended = door.stop(), now_ms()
    typed, equal_at = messages.read(READ_S), when_equal(town)
    worked = [house.plot.shown for house in (first, second, third)]
    return {
        "title": f"{name}: erst {worked[0]}, dann {worked[1]}", "began": began, "ended": ended,
        "fault": [first_at, back_at],
        "phases": [
            [first_at, second_at, f"{worked[0]} weg"], [second_at, until, f"{worked[1]} auch weg"],
            [until, back_at, "beide starten"],
        ],
        "equal_at": equal_at, "typed": len(typed), "lost": missing(town.houses, town.firm.workshop, messages.texts()),
        "notes": [f"Geschrieben wurde bei {', dann '.join(worked)}."], "worked": worked,
        "functions": {
            "messages": told(typed),
            "sign_in": {"beats": beats, "longest_ms": longest(beats, began, ended, CADENCE_MS["sign_in"])},
        },
    }  # fmt: skip


def working_at(scene: Scene, since_ms: int) -> House:
    """Where Anna's messages were taken last. Raises when nobody took any: she cannot work."""
    url = str(scene.anna.page.evaluate(TAKEN, since_ms))
    for house in scene.town.houses:
        if url.startswith(house.address.replace("http", "ws", 1)):
            return house
    raise AssertionError("nobody takes what Anna writes")


def write(out: Path, runs: list[dict[str, Any]]) -> None:
    figures = sums(runs)
    out.mkdir(parents=True, exist_ok=True)
    shown = {
        "Runden": len(runs), "Nachrichten": sum(run.get("typed", 0) for run in runs),
        "verloren": figures["durable_lost"],
        "längste Unterbrechung beim Schreiben": seconds(figures["messages_longest_ms"]),
    }  # fmt: skip
    about = (
        "Eine Firma liegt bei drei Anbietern auf einem Rechner, jeder in einem Netz für sich, mit eigenem Zertifikat. "
        "Anna schreibt alle halbe Sekunde, Ben liest, beide in Chromium; jemand meldet sich jede Sekunde mit dem "
        "Schlüssel seines Geräts an, wo es geht. Erst stirbt der Anbieter, bei dem sie sind, dann der, bei dem sie "
        "weiterarbeiten; dann kommen beide zugleich zurück. Niemand klickt."
    )
    (out / REPORT).write_text(page("Zwei von drei Anbietern fallen aus", about, runs, shown), "utf-8")
    run = {"n": len(runs), "command": "python -m bench.drill three", "versions": versions(), "load": os.getloadavg()[0]}
    text = json.dumps({"figures": figures, "runs": [{**run, "samples": runs}]}, ensure_ascii=False)
    (out / DATA).write_text(f"{text}\n", "utf-8")


def sums(runs: list[dict[str, Any]]) -> dict[str, float]:
    done = [run for run in runs if "failed" not in run]
    waits = [run["functions"]["messages"]["longest_ms"] for run in done]
    return {
        "messages_longest_ms": max(waits, default=0), "messages_longest_ms_p50": quantile(waits, 0.5),
        "durable_lost": sum(run["lost"] for run in done),
        "unread": sum(run["functions"]["messages"]["unread"] for run in done),
        "never_equal": sum(not run["equal_at"] for run in done),
        "not_taken": sum(len(set(run["worked"])) < HOUSES for run in done), "rounds_failed": failures(runs),
    }  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
