"""Measures films, prints a table, draws a picture, writes bench/results/media.json.

`python -m bench.media [ladder|first]`.
"""

import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.media import first, ladder
from bench.media.plot import draw

RESULTS = Path(__file__).resolve().parents[1] / "results"
BARS = {"first_playable_s": 5.0, "ladder_vs_ffmpeg": 1.15}


def main() -> int:
    """Both figures, or the one that is named."""
    wanted = sys.argv[1:] or ["ladder", "first"]
    target = RESULTS / "media.json"
    target.unlink(missing_ok=True)
    figures: dict[str, float] = {}
    runs = []
    with tempfile.TemporaryDirectory(prefix="bench-media-") as folder:
        for name, part in (("ladder", ladder), ("first", first)):
            if name in wanted:
                print(name, flush=True)
                found, run = part.measure(Path(folder))
                figures |= found
                runs.append({**run, "machine": machine()})
    RESULTS.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps({"figures": figures, "runs": runs}, indent=1) + "\n", "utf-8")
    draw(runs, RESULTS / "media.png")
    print(f"\n{'figure':24}{'value':>10}{'bar':>10}")
    for name, value in figures.items():
        print(f"{name:24}{value:>10.3f}{'≤ ' + str(BARS[name]):>10}")
    return 0 if all(value <= BARS[name] for name, value in figures.items()) else 1


def machine() -> dict[str, object]:
    """What the figures were measured on."""
    said = subprocess.run(["ffmpeg", "-version"], check=True, capture_output=True, text=True).stdout
    load = os.getloadavg()[0]
    return {"cpus": os.cpu_count(), "python": platform.python_version(), "ffmpeg": said.split()[2], "load": load}


if __name__ == "__main__":
    sys.exit(main())
