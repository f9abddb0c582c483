"""`python -m bench.drill kills`: providers die and fall silent under two people in Chromium.

Writes bench/results/drill.json, anew after every round.

Everything is the product: two servers, the built app, Chromium, the device's key. Nobody clicks; the clock is the
machine's, the same for all. A round that failed counts as NEVER_MS and is counted by itself, too.
"""

import argparse
import functools
import json
import os
import platform
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.drill.rounds import NEVER_MS, come, kill, missing, silence
from bench.drill.unattended import Play, Round, driven, failures
from tests.flows.browser import CHROMIUM, chromium
from tests.flows.pair import two_providers
from tests.flows.test_partners import eventually

KILLS, SILENCES, SEED = 100, 40, 1
ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "bench" / "results"
APP = Path(os.environ.get("VERBUND_APP") or ROOT / "app" / "build")
BARS = {
    "kill_resume_ms_p50": 500.0, "kill_resume_ms_p95": 1500.0, "grey_resume_ms_p95": 3000.0,
    "cold_open_ms_p95": 2000.0, "durable_lost": 0.0, "rounds_failed": 0.0,
}  # fmt: skip


def main() -> int:
    """0 when every bar is met."""
    asked = arguments()
    if not (APP / "index.html").exists():
        sys.stderr.write("Die App ist nicht gebaut: zuerst `make setup`. / The app is not built: `make setup` first.\n")
        return 2
    planned = plan(asked.kills, asked.silences, asked.seed)
    samples = driven(
        "bench.drill.kills", planned, functools.partial(write, len(planned), asked.seed), minutes=asked.minutes
    )
    return table(sums(samples), BARS, RESULTS / "drill.json")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.drill kills")
    parser.add_argument("--kills", type=int, default=KILLS)
    parser.add_argument("--silences", type=int, default=SILENCES)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--minutes", type=float, default=0, help="so lange höchstens; 0: bis alle Runden getan sind")
    return parser.parse_args()


def plan(kills: int, silences: int, seed: int) -> list[Round]:
    """Mixed: whenever it ends, there is something of both."""
    rounds = [{"round": "kill", "number": number, "seed": f"{seed} kill {number}"} for number in range(kills)]
    rounds += [{"round": "silence", "number": number, "seed": f"{seed} silence {number}"} for number in range(silences)]
    random.Random(seed).shuffle(rounds)
    return rounds


@contextmanager
def world(folder: Path) -> Iterator[Play]:
    """Two people at Werkhof, in a firm that lives at Südnetz too."""
    with two_providers(folder, app=str(APP)) as pair, chromium(whole=True) as browser:
        people = come(browser, pair)
        said: list[str] = []
        servers = (pair.werkhof, pair.suednetz)

        def play(round_: Round) -> dict[str, Any]:
            text = f"{'Abschied' if round_['round'] == 'kill' else 'Stille'} {round_['number']} bei Werkhof"
            before = missing(servers, pair.workshop, said)
            found = (kill if round_["round"] == "kill" else silence)(people, pair, text, random.Random(round_["seed"]))
            said.append(text)
            eventually(pair.equal)
            return {**found, "lost": missing(servers, pair.workshop, said) - before}

        yield play


def write(planned: int, seed: int, samples: list[dict[str, Any]]) -> None:
    run = {
        "n": len(samples), "planned": planned, "seed": seed, "command": "python -m bench.drill kills",
        "versions": versions(), "load": os.getloadavg()[0],
        "configuration": {
            "resume": "signal → the message whose Enter follows it is acknowledged by the other provider",
            "read": "signal → the other person, whose provider died as well, reads it",
            "cold_open": "reload → the conversation is read and the other provider said hello",
            "failed": f"counts as {NEVER_MS} ms",
        },
        "samples": samples,
    }  # fmt: skip
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "drill.json").write_text(json.dumps({"figures": sums(samples), "runs": [run]}, indent=1) + "\n")


def sums(samples: list[dict[str, Any]]) -> dict[str, float]:
    kills = [one for one in samples if one["round"] == "kill"]
    silences = [one for one in samples if one["round"] == "silence"]
    return {
        "kill_resume_ms_p50": quantile(of(kills, "accepted_ms"), 0.5),
        "kill_resume_ms_p95": quantile(of(kills, "accepted_ms"), 0.95),
        "kill_read_ms_p95": quantile(of(kills, "read_ms"), 0.95),
        "grey_resume_ms_p95": quantile(of(silences, "accepted_ms"), 0.95),
        "grey_read_ms_p95": quantile(of(silences, "read_ms"), 0.95),
        "cold_open_ms_p95": quantile(of(kills, "cold_open_ms"), 0.95),
        "durable_lost": sum(one.get("lost", 0) for one in samples),
        "rounds_failed": failures(samples),
    }  # fmt: skip


def of(samples: list[dict[str, Any]], name: str) -> list[float]:
    """What was measured; a round that failed counts as never."""
    return [one.get(name, NEVER_MS) for one in samples]


def quantile(values: list[float], share: float) -> float:
    """The smallest value that this share of all does not exceed; nothing is interpolated."""
    ordered = sorted(values)
    return ordered[max(0, -int(-share * len(ordered) // 1) - 1)] if ordered else 0


@functools.cache
def versions() -> dict[str, str]:
    """What was measured on."""
    found = {"python": platform.python_version(), "machine": f"{platform.machine()}, {os.cpu_count()} cores"}
    asked = {"chromium": [CHROMIUM, "--version"], "kernel": ["uname", "-r"]}
    for name, command in asked.items():
        found[name] = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    return found


def table(figures: dict[str, float], bars: dict[str, float], written: Path) -> int:
    """On the screen. 1 where a bar is not met."""
    failed = 0
    for name, value in figures.items():
        bar = bars.get(name)
        failed += bar is not None and value > bar
        verdict = "" if bar is None else f"  ≤ {bar:<5.0f} {'✗' if value > bar else '✓'}"
        sys.stdout.write(f"{name:24} {value:>9.1f}{verdict}\n")
    sys.stdout.write(f"{written.relative_to(ROOT)}\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
