"""`make bench-app`: what a first load transfers, how fast a space of 10,000 messages opens, how fast a second start is.

Everything is the product: its server, its built app, Chromium, `make up`. Writes bench/results/app.json and a plot.
"""

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench.app.first import first_loads
from bench.app.opening import cold, warm
from bench.app.people import fill
from bench.app.plot import plot
from bench.app.second import second_ups
from tests.flows.browser import CHROMIUM, chromium
from tests.flows.server import Firm, Server

SAMPLES = 9
#: Ten thousand messages come in at once, as no person writes.
FACTS_PER_S = "100000"
MESSAGES = 10_000
SEED = 1
ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "bench" / "results"
APP = Path(os.environ.get("VERBUND_APP") or ROOT / "app" / "build")
BARS = {
    "first_load_kb_gz": 160.0, "first_load_conversation_kb_gz": 160.0, "first_load_account_kb_gz": 160.0,
    "open_space_10k_cold_ms_p50": 400.0, "open_space_10k_warm_ms_p50": 100.0, "second_up_s": 10.0,
}  # fmt: skip


def main() -> int:
    """0 when every bar is met."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    for old in ("app.json", "app.svg"):
        (RESULTS / old).unlink(missing_ok=True)
    if not (APP / "index.html").exists():
        sys.stderr.write("Die App ist nicht gebaut: zuerst `make setup`. / The app is not built: `make setup` first.\n")
        return 2
    with tempfile.TemporaryDirectory() as folder:
        samples = in_browser(Path(folder)) + starts(Path(folder))
    figures = sums(samples)
    run = {
        "n": SAMPLES, "seed": SEED, "command": "make bench-app", "versions": versions(), "load": os.getloadavg()[0],
        "configuration": {"messages": MESSAGES, "window": "1280 × 800", "kb": "1,000 bytes of gzip bodies"},
        "samples": samples,
    }  # fmt: skip
    (RESULTS / "app.json").write_text(json.dumps({"figures": figures, "runs": [run]}, indent=1) + "\n")
    (RESULTS / "app.svg").write_text(plot([(name, values(samples, name), bar) for name, bar in BARS.items()]))
    return table(figures)


def in_browser(folder: Path) -> list[dict[str, Any]]:
    """First loads and openings, in one firm with one large space."""
    server = Server(folder / "data", app=str(APP), facts_per_s=FACTS_PER_S).start()
    try:
        firm = Firm(server)
        path = f"/raum/{fill(firm, MESSAGES, SEED)}"
        firm.close()
        places = {"first_load_kb_gz": "/", "first_load_conversation_kb_gz": path, "first_load_account_kb_gz": "/konto"}
        with chromium(whole=True) as browser:
            found = first_loads(browser, server.address, places, SAMPLES)
            colds = [cold(browser, server.address, path) for _ in range(SAMPLES)]
            warms = warm(browser, server.address, path, SAMPLES)
    finally:
        server.stop()
    found += [sample("open_space_10k_cold_ms_p50", took) for took in colds]
    return found + [sample("open_space_10k_warm_ms_p50", took) for took in warms]


def starts(folder: Path) -> list[dict[str, Any]]:
    first, others = second_ups(ROOT, folder, SAMPLES)
    return [sample("first_up_s", first), *(sample("second_up_s", took) for took in others)]


def sample(figure: str, value: float) -> dict[str, Any]:
    return {"figure": figure, "value": round(value, 2)}


def values(samples: list[dict[str, Any]], figure: str) -> list[float]:
    return [one["value"] for one in samples if one["figure"] == figure]


def sums(samples: list[dict[str, Any]]) -> dict[str, float]:
    """The medians, and beside them what a first load weighs with the headers of its answers."""
    names = [*BARS, "first_up_s"]
    found = {name: round(statistics.median(values(samples, name)), 1) for name in names}
    wires = [one["wire_bytes"] for one in samples if one["figure"] == "first_load_kb_gz"]
    return {**found, "first_load_with_headers_kb": round(statistics.median(wires) / 1000, 1)}


def versions() -> dict[str, str]:
    """What was measured on."""
    told = {"python": platform.python_version(), "machine": f"{platform.machine()}, {os.cpu_count()} cores"}
    asked = {"chromium": [CHROMIUM, "--version"], "node": ["node", "--version"], "kernel": ["uname", "-r"]}
    for name, command in asked.items():
        told[name] = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    return told


def table(figures: dict[str, float]) -> int:
    """On the screen. 1 where a bar is not met."""
    failed = 0
    for name, value in figures.items():
        bar = BARS.get(name)
        failed += bar is not None and value > bar
        verdict = "" if bar is None else f"  ≤ {bar:<5.0f} {'✗' if value > bar else '✓'}"
        sys.stdout.write(f"{name:32} {value:>9.1f}{verdict}\n")
    sys.stdout.write("bench/results/app.json\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
