"""`python -m bench.drill kills`: providers die and fall silent under two people in Chromium.

Writes bench/results/drill.json.

Everything is the product: two servers, the built app, Chromium, the device's key. Nobody clicks; the clock is the
machine's, the same for all.
"""

import argparse
import json
import os
import platform
import random
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench.drill.rounds import come, kill, lost, silence
from tests.flows.browser import CHROMIUM, chromium
from tests.flows.pair import two_providers

KILLS, SILENCES, SEED = 20, 10, 1
ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "bench" / "results"
APP = Path(os.environ.get("VERBUND_APP") or ROOT / "app" / "build")
BARS = {
    "kill_resume_ms_p50": 500.0, "kill_resume_ms_p95": 1500.0, "grey_resume_ms_p95": 3000.0,
    "cold_open_ms_p95": 2000.0, "durable_lost": 0.0,
}  # fmt: skip


def main() -> int:
    """0 when every bar is met."""
    asked = arguments()
    if not (APP / "index.html").exists():
        sys.stderr.write("Die App ist nicht gebaut: zuerst `make setup`. / The app is not built: `make setup` first.\n")
        return 2
    (RESULTS / "drill.json").unlink(missing_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        kills, silences, gone = rounds(Path(folder), asked.kills, asked.silences, asked.seed)
    figures = sums(kills, silences, gone)
    run = {
        "n": len(kills) + len(silences), "seed": asked.seed, "command": "python -m bench.drill kills",
        "versions": versions(), "load": os.getloadavg()[0],
        "configuration": {
            "resume": "signal → the message whose Enter follows it is acknowledged by the other provider",
            "read": "signal → the other person, whose provider died as well, reads it",
            "cold_open": "reload → the conversation is read and the other provider said hello",
        },
        "samples": [{"round": "kill", **one} for one in kills] + [{"round": "silence", **one} for one in silences],
    }  # fmt: skip
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "drill.json").write_text(json.dumps({"figures": figures, "runs": [run]}, indent=1) + "\n")
    return table(figures)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.drill kills")
    parser.add_argument("--kills", type=int, default=KILLS)
    parser.add_argument("--silences", type=int, default=SILENCES)
    parser.add_argument("--seed", type=int, default=SEED)
    return parser.parse_args()


def rounds(
    folder: Path, kills: int, silences: int, seed: int
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], int]:
    """(what each death was like, what each silence was like, how many messages were lost)."""
    chance = random.Random(seed)
    with two_providers(folder, app=str(APP)) as pair, chromium() as browser:
        people = come(browser, pair)
        died = [told(kill(people, pair, number, chance)) for number in range(kills)]
        fell_silent = [told(silence(people, pair, number, chance)) for number in range(silences)]
        wanted = [f"Abschied {number} von Werkhof" for number in range(kills)]
        wanted += [f"Stille {number} bei Werkhof" for number in range(silences)]
        gone = lost(pair, wanted)
        for person in people:
            person.close()
    return died, fell_silent, gone


def told(sample: dict[str, Any]) -> dict[str, Any]:
    sys.stdout.write(f"{sample}\n")
    sys.stdout.flush()
    return sample


def sums(kills: list[dict[str, Any]], silences: list[dict[str, Any]], gone: int) -> dict[str, float]:
    resumed = [one["accepted_ms"] for one in kills]
    return {
        "kill_resume_ms_p50": quantile(resumed, 0.5), "kill_resume_ms_p95": quantile(resumed, 0.95),
        "kill_read_ms_p95": quantile([one["read_ms"] for one in kills], 0.95),
        "grey_resume_ms_p95": quantile([one["accepted_ms"] for one in silences], 0.95),
        "grey_read_ms_p95": quantile([one["read_ms"] for one in silences], 0.95),
        "cold_open_ms_p95": quantile([one["cold_open_ms"] for one in kills], 0.95),
        "durable_lost": gone,
    }  # fmt: skip


def quantile(values: list[float], share: float) -> float:
    """The smallest value that this share of all does not exceed; nothing is interpolated."""
    ordered = sorted(values)
    return ordered[max(0, -int(-share * len(ordered) // 1) - 1)] if ordered else 0


def versions() -> dict[str, str]:
    """What was measured on."""
    found = {"python": platform.python_version(), "machine": f"{platform.machine()}, {os.cpu_count()} cores"}
    asked = {"chromium": [CHROMIUM, "--version"], "kernel": ["uname", "-r"]}
    for name, command in asked.items():
        found[name] = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    return found


def table(figures: dict[str, float]) -> int:
    """On the screen. 1 where a bar is not met."""
    failed = 0
    for name, value in figures.items():
        bar = BARS.get(name)
        failed += bar is not None and value > bar
        verdict = "" if bar is None else f"  ≤ {bar:<5.0f} {'✗' if value > bar else '✓'}"
        sys.stdout.write(f"{name:24} {value:>9.1f}{verdict}\n")
    sys.stdout.write("bench/results/drill.json\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
