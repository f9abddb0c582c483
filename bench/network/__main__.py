"""`make bench-network`: what two providers cost each other, and what they spare their people.

Writes bench/results/network.json and a plot. Everything is the product: servers in processes of their own, their
sockets, their stores. The data is written beforehand by the same way in, without sockets.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import zstandard

from bench.chat.plot import plot
from bench.network.catching_up import came_back
from bench.network.live import HERD, herd, measured
from bench.network.prepared import fill
from bench.network.usable import new_replica

ENTRIES, FRESH, SEED = 100_000, 1_000_000, 1
RUNS_KEPT = 8
RESULTS = Path(__file__).parents[1] / "results"
BARS = {
    "wire_bytes_bulk": ("<=", 220.0), "wire_bytes_live": ("<=", 900.0), "catch_up_100k_s": ("<=", 30.0),
    "new_replica_usable_s": ("<=", 5.0), "lag_ms_p99": ("<=", 250.0), "dead_partner_p99_ratio": ("<=", 1.1),
    "herd_500_served_s": ("<=", 10.0),
}  # fmt: skip


def main() -> int:
    """0 when every bar is met that was measured."""
    asked = arguments()
    samples: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        if "catch-up" in asked.parts:
            samples += came_back(Path(folder) / "away", asked.entries, asked.seed)
        if "fresh" in asked.parts:
            samples.append(fresh(Path(folder) / "fresh", asked))
        if "live" in asked.parts:
            samples += measured(Path(folder), asked.seed)
        if "herd" in asked.parts:
            samples.append(herd(Path(folder) / "herd", asked.seed, asked.herd))
    for one in samples:
        sys.stdout.write(f"{one}\n")
    figures = sums(samples)
    run = {
        "n": len(samples), "seed": asked.seed, "load": os.getloadavg()[0],
        "command": " ".join(["python -m bench.network", *shown()]),
        "versions": {
            "python": platform.python_version(), "zstandard": zstandard.__version__,
            "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        },
        "configuration": {
            "entries": asked.entries, "fresh": asked.fresh, "people": asked.herd,
            "catch_up": "the returning provider runs → it has every entry",
            "new_replica_usable": "named → somebody signed in there, saw the newest 50, wrote, it is safe",
            "lag": "sent at one provider → read by a person who works at the other",
        },
        "samples": samples,
    }  # fmt: skip
    RESULTS.mkdir(parents=True, exist_ok=True)
    told = kept(RESULTS / "network.json")  # of what was not measured now, what was measured before
    figures = {**told["figures"], **figures}
    told = {"figures": figures, "runs": [*told["runs"], run][-RUNS_KEPT:]}
    (RESULTS / "network.json").write_text(json.dumps(told, indent=1) + "\n")
    (RESULTS / "network.svg").write_text(plot(figures, BARS))
    return table(figures)


def shown() -> list[str]:
    """What was asked for, without folders."""
    return [one for one in sys.argv[1:] if "/" not in one]


def kept(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {"figures": {}, "runs": []}
    return found


def fresh(folder: Path, asked: argparse.Namespace) -> dict[str, Any]:
    """A replica without anything; of a copy of the firm that was filled before, if there is one."""
    if asked.prepared:
        shutil.copytree(asked.prepared, folder)
    else:
        fill(folder, asked.fresh, asked.seed)
    return new_replica(folder, asked.whole)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.network")
    parser.add_argument("--entries", type=int, default=ENTRIES, help="missed by who comes back")
    parser.add_argument("--fresh", type=int, default=FRESH, help="in all, for who is new")
    parser.add_argument("--herd", type=int, default=HERD, help="people who come over at once")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--prepared", help="folder of a firm that bench.network.prepared filled before")
    parser.add_argument("--whole", action="store_true", help="wait until the new one has everything")
    parts = ["catch-up", "fresh", "live", "herd"]
    parser.add_argument("--parts", nargs="+", default=parts, choices=parts)
    return parser.parse_args()


def sums(samples: list[dict[str, Any]]) -> dict[str, float]:
    """A figure has the name of its bar only where as much was measured as the bar says."""
    by_what = {one["what"]: one for one in samples}
    found: dict[str, float] = {}
    if "wire" in by_what:
        found["wire_bytes_bulk"], found["wire_bytes_live"] = (by_what["wire"][f"{n}_bytes"] for n in ("bulk", "live"))
        caught = by_what["catch_up"]
        found["catch_up_100k_s" if caught["entries"] >= ENTRIES else "catch_up_fewer_s"] = caught["s"]
    if "new_replica" in by_what:
        new = by_what["new_replica"]
        found["new_replica_usable_s" if new["entries"] >= FRESH else "new_replica_usable_fewer_s"] = new["usable_s"]
    if "lag" in by_what:
        found["lag_ms_p99"] = by_what["lag"]["p99_ms"]
        found["dead_partner_p99_ratio"] = round(_p99(samples, "black hole") / _p99(samples, "live"), 2)
    if "herd" in by_what:
        came = by_what["herd"]
        found["herd_500_served_s" if came["people"] >= HERD else "herd_fewer_served_s"] = came["s"]
        found["herd_errors_5xx"] = came["errors_5xx"]
    return found


def _p99(samples: list[dict[str, Any]], partner: str) -> float:
    return statistics.median(one["p99_ms"] for one in samples if one.get("partner") == partner)


def table(figures: dict[str, float]) -> int:
    """On the screen. 1 where a bar is not met."""
    failed = int(figures.get("herd_errors_5xx", 0) > 0)
    for name, (_, bar) in BARS.items():
        value = figures.get(name)
        if value is None:
            sys.stdout.write(f"{name:24} nicht gemessen\n")
            continue
        failed += value > bar
        sys.stdout.write(f"{name:24} {value:>9.1f}  ≤ {bar:<6g} {'✗' if value > bar else '✓'}\n")
    sys.stdout.write("bench/results/network.json\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
