"""`python -m tests.simulation`: a thousand schedules and the mutants; `--seed N -v` shows one as it went."""

import argparse
import json
import platform
import sys
import time
from pathlib import Path
from typing import Any

from tests.simulation.mutants import MUTANTS
from tests.simulation.runner import WORKERS, Given, Result, run, run_many
from tests.simulation.schedule import STEPS

SCHEDULES = 1_000
MUTANT_SCHEDULES_MAX = 200
TRACE_LINES_SHOWN = 60
LOST = {"durable_lost", "accepted_lost"}
RESULTS = Path(__file__).resolve().parents[2] / "bench" / "results" / "simulate.json"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, help="run this seed alone")
    parser.add_argument("-v", "--verbose", action="store_true", help="show what happened, step by step")
    parser.add_argument("--mutant", choices=sorted(MUTANTS), help="with this fault in the product")
    parser.add_argument("--schedules", type=int, default=SCHEDULES)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--workers", type=int, default=WORKERS)
    options = parser.parse_args(arguments)
    if options.seed is not None:
        return show_one(Given(options.seed, options.steps, options.mutant, options.verbose))
    return run_all(options)


def show_one(given: Given) -> int:
    result = run(given)
    if given.traced:
        print("\n".join(result.trace))
    told = f"{result.invariant or 'holds'} {result.detail}"
    print(f"seed {result.seed}: {told} ({result.steps} steps, {result.cores} cores)")
    return int(bool(result.invariant) and given.mutant is None)


def run_all(options: argparse.Namespace) -> int:
    RESULTS.unlink(missing_ok=True)
    started = time.monotonic()
    results = list(schedules(options))
    mutants = [hunt(name, options) for name in MUTANTS]
    figures = {
        "schedules": sum(one.steps >= min(options.steps, STEPS) for one in results),
        "durable_lost": sum(one.invariant in LOST for one in results),
        "diverged": sum(bool(one.invariant) and one.invariant not in LOST for one in results),
        "mutants_found": sum(one["found"] for one in mutants),
    }
    runs = {
        "command": ["python", "-m", "tests.simulation", *sys.argv[1:]],
        "python": platform.python_version(),
        "workers": options.workers,
        "wall_s": round(time.monotonic() - started, 1),
        "schedules": [[one.seed, one.steps, one.cores, one.invariant, round(one.cpu_s, 3)] for one in results],
        "mutants": mutants,
    }
    write(figures, [runs])
    table(figures, results, mutants, runs["wall_s"])
    held = figures["durable_lost"] == 0 and figures["diverged"] == 0
    return int(not held or figures["mutants_found"] < len(MUTANTS))


def schedules(options: argparse.Namespace) -> Any:
    given = [Given(options.first + number, options.steps) for number in range(options.schedules)]
    for number, result in enumerate(run_many(given, options.workers), 1):
        if result.invariant:
            print(f"\nseed {result.seed}: {result.invariant}: {result.detail}")
            print("\n".join(result.trace[-TRACE_LINES_SHOWN:]))
            print(f"again: python -m tests.simulation --seed {result.seed} -v", flush=True)
        elif number % 100 == 0:
            print(f"{number} of {len(given)} schedules", flush=True)
        yield result


def hunt(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """How many schedules it takes until the mutant is found."""
    given = [Given(options.first + number, options.steps, name) for number in range(MUTANT_SCHEDULES_MAX)]
    for number, result in enumerate(run_many(given, options.workers), 1):
        if result.found:
            return {"mutant": name, "found": True, "schedules": number, "by": result.invariant, "seed": result.seed}
    return {"mutant": name, "found": False, "schedules": len(given), "by": "", "seed": None}


def write(figures: dict[str, int], runs: list[Any]) -> None:
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps({"figures": figures, "runs": runs}, indent=1) + "\n", "utf-8")


def table(figures: dict[str, int], results: list[Result], mutants: list[dict[str, Any]], wall_s: float) -> None:
    steps, cores = sum(one.steps for one in results), sum(one.cores for one in results)
    print(f"\n{len(results)} schedules, {steps} steps, {cores} cores in {wall_s} s")
    for name, value in figures.items():
        print(f"  {name:<16}{value:>8}")
    print("mutants")
    for one in mutants:
        told = f"found in schedule {one['schedules']} by {one['by']}" if one["found"] else "NOT FOUND"
        print(f"  {one['mutant']:<44}{told}")


if __name__ == "__main__":
    sys.exit(main())
