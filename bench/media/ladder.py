"""CPU and wall time of the whole preparation against one plain ffmpeg process, in turns."""

import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

from bench.media.films import LADDER_S, ladder_film
from bench.media.once import SOURCE_HASH, plain_command
from verbund.media.inspection import inspect
from verbund.media.plan import plan_of

ROUNDS = 5


def measure(folder: Path) -> tuple[dict[str, float], dict[str, Any]]:
    """({ladder_vs_ffmpeg}, the raw samples)."""
    film = ladder_film(folder)
    samples = []
    for number in range(ROUNDS):
        ways = ("ours", "plain") if number % 2 == 0 else ("plain", "ours")
        for way in ways:
            sample = {"round": number, "way": way, **_run(way, film, folder / f"{way}-{number}")}
            samples.append(sample)
            print(f"  {way:6} {sample['wall_s']:7.2f} s  {sample['cpu_s']:7.2f} CPU-s", flush=True)
    ratio = max(_ratio(samples, "cpu_s"), _ratio(samples, "wall_s"))
    command = plain_command(plan_of(inspect(film), SOURCE_HASH), Path(film.name), Path("plain"))
    run = {"name": "ladder", "n": ROUNDS, "film_s": LADDER_S, "samples": samples, "plain_command": command}
    return {"ladder_vs_ffmpeg": round(ratio, 3)}, run


def _ratio(samples: list[dict[str, Any]], what: str) -> float:
    """The median over the rounds of ours divided by plain of the same round."""
    found = {(one["round"], one["way"]): one[what] for one in samples}
    return median(found[number, "ours"] / found[number, "plain"] for number in range(ROUNDS))


def _run(way: str, film: Path, folder: Path) -> dict[str, float]:
    begin = time.monotonic()
    process = subprocess.Popen([sys.executable, "-m", "bench.media.once", way, str(film), str(folder)])
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{way} ended with {process.returncode}")
    return {"wall_s": round(time.monotonic() - begin, 3), "cpu_s": round(used.ru_utime + used.ru_stime, 3)}
