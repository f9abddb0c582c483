"""`python -m tests.simulation`: two thousand schedules; `--mutants`: the mutants; `--seed N -v` shows one."""

import argparse
import json
import os
import platform
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.simulation.faults import FAULTS_MIN, KINDS
from tests.simulation.mutants import MUTANTS
from tests.simulation.runner import Given, Result, run, run_many
from tests.simulation.schedule import STEPS

SCHEDULES = 2_000
MUTANT_SCHEDULES_MAX = 200
MUTANTS_MIN = 12
TRACE_LINES_SHOWN = 60
BUCKET = 100
#: Every kind of fault has to happen so often in a whole run.
FAULT_MIN = 100
LOST = {"durable_lost", "accepted_lost", "claimed_early"}
RESULTS = Path(__file__).resolve().parents[2] / "bench" / "results"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, help="run this seed alone")
    parser.add_argument("-v", "--verbose", action="store_true", help="show what happened, step by step")
    parser.add_argument("--mutant", choices=sorted(MUTANTS), help="with this fault in the product")
    parser.add_argument("--mutants", action="store_true", help="how soon each mutant is found")
    parser.add_argument("--schedules", type=int, default=SCHEDULES)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args(arguments)
    if options.seed is not None:
        return show_one(Given(options.seed, options.steps, options.mutant, options.verbose))
    return hunt_all(options) if options.mutants else run_all(options)


def show_one(given: Given) -> int:
    result = run(given)
    if given.traced:
        print("\n".join(result.trace))
    told = f"{result.invariant or 'holds'} {result.detail}"
    print(
        f"seed {result.seed}: {told} ({result.steps} steps, {result.cores} cores, {sum(result.faults.values())} faults)"
    )
    return int(bool(result.invariant) and given.mutant is None)


def run_all(options: argparse.Namespace) -> int:
    started = time.monotonic()
    buckets: list[dict[str, Any]] = []
    gathered: list[Result] = []
    for result in schedules(options):
        gathered.append(result)
        if len(gathered) == BUCKET:
            buckets.append(bucket(gathered))
            gathered = []
    buckets += [bucket(gathered)] if gathered else []
    happened = sum((Counter(one["faults"]) for one in buckets), Counter[str]())
    broken = [one for held in buckets for one in held["broken"]]
    rare = [kind for kind in KINDS if happened[kind] < FAULT_MIN]
    figures = {
        "schedules": sum(one["counted"] for one in buckets),
        "durable_lost": sum(invariant in LOST for _, invariant in broken),
        "diverged": sum(invariant not in LOST for _, invariant in broken),
        "fault_kinds": len(KINDS),
        "faults_min": min(happened[kind] for kind in KINDS),
    }
    write(
        "simulate.json",
        figures,
        options,
        started,
        {"faults": {kind: happened[kind] for kind in KINDS}, "buckets": buckets},
    )
    table(figures)
    print(f"faults: {', '.join(f'{kind} {happened[kind]}' for kind in KINDS)}")
    whole = options.schedules >= SCHEDULES
    return int(bool(broken) or (whole and (bool(rare) or figures["schedules"] < SCHEDULES)))


def schedules(options: argparse.Namespace) -> Iterator[Result]:
    given = [Given(options.first + number, options.steps) for number in range(options.schedules)]
    for number, result in enumerate(run_many(given, options.workers), 1):
        if result.invariant:
            print(f"\nseed {result.seed}: {result.invariant}: {result.detail}")
            print("\n".join(result.trace[-TRACE_LINES_SHOWN:]))
            print(f"again: python -m tests.simulation --seed {result.seed} -v", flush=True)
        elif number % BUCKET == 0:
            print(f"{number} of {len(given)} schedules", flush=True)
        yield result


def bucket(results: list[Result]) -> dict[str, Any]:
    """What is kept of so many seeds in a row. `counted`: schedules that are long enough, with enough faults."""
    faults = sum((Counter(one.faults) for one in results), Counter[str]())
    return {
        "seeds": [results[0].seed, results[-1].seed],
        "counted": sum(one.steps >= STEPS and sum(one.faults.values()) >= FAULTS_MIN for one in results),
        "steps": sum(one.steps for one in results),
        "cores": sum(one.cores for one in results),
        "cpu_s": round(sum(one.cpu_s for one in results), 1),
        "faults": {kind: faults[kind] for kind in KINDS if faults[kind]},
        "broken": [[one.seed, one.invariant] for one in results if one.invariant],
    }


def hunt_all(options: argparse.Namespace) -> int:
    """How many schedules it takes until each mutant is found."""
    started = time.monotonic()
    found = []
    for name in MUTANTS:
        found.append(hunt(name, options))
        told = f"found in schedule {found[-1]['schedules']} by {found[-1]['by']}" if found[-1]["found"] else "NOT FOUND"
        print(f"  {name:<60}{told}", flush=True)
    figures = {"mutants": len(found), "mutants_found": sum(one["found"] for one in found)}
    write("simulate_mutants.json", figures, options, started, {"mutants": found})
    table(figures)
    return int(figures["mutants_found"] < max(MUTANTS_MIN, len(found)))


def hunt(name: str, options: argparse.Namespace) -> dict[str, Any]:
    given = [Given(options.first + number, options.steps, name) for number in range(MUTANT_SCHEDULES_MAX)]
    for number, result in enumerate(run_many(given, options.workers), 1):
        if result.found:
            return {"mutant": name, "found": True, "schedules": number, "by": result.invariant, "seed": result.seed}
    return {"mutant": name, "found": False, "schedules": len(given), "by": "", "seed": None}


def write(name: str, figures: dict[str, int], options: argparse.Namespace, started: float, run: dict[str, Any]) -> None:
    told = {
        "command": ["python", "-m", "tests.simulation", *sys.argv[1:]],
        "python": platform.python_version(),
        "workers": options.workers,
        "wall_s": round(time.monotonic() - started, 1),
        **run,
    }
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / name).write_text(json.dumps({"figures": figures, "runs": [told]}, indent=1) + "\n", "utf-8")


def table(figures: dict[str, int]) -> None:
    for name, value in figures.items():
        print(f"  {name:<16}{value:>8}")


if __name__ == "__main__":
    # Sets go in another order with every start of Python: a seed runs the same way again only with this, too.
    if os.environ.get("PYTHONHASHSEED", "random") == "random":
        again = [sys.executable, "-m", "tests.simulation", *sys.argv[1:]]
        os.execve(sys.executable, again, {**os.environ, "PYTHONHASHSEED": "0"})
    sys.exit(main())
