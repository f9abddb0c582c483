"""One run of the ladder in a process of its own, so that its CPU time can be told: `ours` or `plain`."""

import ctypes
import os
import shutil
import subprocess
import sys
from pathlib import Path

from verbund.media.inspection import inspect
from verbund.media.package import Packager
from verbund.media.plan import Plan, plan_of
from verbund.media.recipes import ladder_graph

SOURCE_HASH = "A" * 43
_SUBREAPER = 36


def ours(source: Path, folder: Path) -> None:
    """Everything that a film gets: inspection, ladder in segments, sound, poster, scrub pictures, list of hashes."""
    plan = plan_of(inspect(source), SOURCE_HASH)
    Packager(plan, source, folder, lambda _percent, _playable: None).prepare()


def plain(source: Path, folder: Path) -> None:
    """One ffmpeg process: the same decoding, rungs, preset, rate control, key frames and threads, into files."""
    plan = plan_of(inspect(source), SOURCE_HASH)
    folder.mkdir(parents=True)
    subprocess.run(plain_command(plan, source, folder), check=True)


def plain_command(plan: Plan, source: Path, folder: Path) -> list[str]:
    """The command line that ours is held against."""
    command = ["nice", "-n", "10", "ffmpeg", "-v", "error", "-nostdin", "-i", str(source)]
    command += ["-filter_complex", ladder_graph(plan)]
    for number, rung in enumerate(plan.encoded):
        command += ["-map", f"[v{number}]", "-c:v", "libx264", "-preset", plan.preset, "-profile:v", "high"]
        command += ["-crf", str(plan.crf), "-maxrate", f"{rung.kbps}k", "-bufsize", f"{rung.kbps * 2}k"]
        command += ["-g", str(plan.gop), "-sc_threshold", "0", "-threads", str(os.cpu_count() or 1)]
        command += [str(folder / f"{rung.name}.mp4")]
    return [*command, "-map", "0:a", "-c:a", "copy", str(folder / "sound.mp4")]


def adopt_orphans() -> None:
    """A sandbox leaves before what ran in it: whoever is left over becomes ours, so that its time is counted."""
    if ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0) != 0:
        raise SystemExit("this system does not count the time of orphans")


def wait_for_all() -> None:
    try:
        while True:
            os.wait()
    except ChildProcessError:
        return


if __name__ == "__main__":
    adopt_orphans()
    way, source, folder = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    {"ours": ours, "plain": plain}[way](source, folder)
    wait_for_all()
    shutil.rmtree(folder)
