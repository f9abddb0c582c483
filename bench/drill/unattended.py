"""A long drill that nobody watches: its rounds run in a world of their own, which may fail or hang without ending it.

A *world* is a process with providers, browsers and people, made anew in a folder. A part of the drill gives
`world(folder)`: a context that yields what plays a round; with IN_TOWN it stands on the ground of bench/town. A round
that fails, hangs or ends its world is counted as failed, and what is left of the plan goes on in a new world.
"""

import functools
import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from bench.town import ground
from tests.flows.ready import ASKED, Ready

Round = dict[str, Any]
Play = Callable[[Round], dict[str, Any]]
#: Without a word for so long, a world hangs; before the first word it may take both.
SET_UP_S_MAX, ROUND_S_MAX = 420.0, 180.0
#: So many worlds in a row that end before their first round: there is no point in going on.
STILLBORN_MAX = 3
LOOK_S, END_S = 0.2, 30.0
PLAN, NOTES, SAID = "plan.json", "notes.jsonl", "said.log"
WHY_CHARACTERS_MAX = 300
#: What is told on the screen of a sample, beside its numbers.
SHOWN = ("round", "death", "name", "failed", "stalls_ms", "seeks_ms")


def driven(
    module: str,
    plan: list[Round],
    keep: Callable[[list[dict[str, Any]]], None],
    *,
    minutes: float = 0,
    round_s_max: float = ROUND_S_MAX,
) -> list[dict[str, Any]]:
    """The sample of each round, in order; who failed says why in `failed`. Kept after each; 0 minutes: no limit."""
    samples: list[dict[str, Any]] = []
    began, stillborn = time.monotonic(), 0

    def note(sample: dict[str, Any]) -> None:
        samples.append(sample)
        keep(samples)
        tell(samples, len(plan))

    def late() -> bool:
        return minutes > 0 and time.monotonic() - began > minutes * 60

    while len(samples) < len(plan) and not late() and stillborn < STILLBORN_MAX:
        before = len(samples)
        with tempfile.TemporaryDirectory(prefix="drill-", ignore_cleanup_errors=True) as folder:
            why = lived(module, Path(folder), plan[before:], note, late, round_s_max)
        if why and len(samples) < len(plan):
            stillborn = stillborn + 1 if len(samples) == before else 0
            note({**plan[len(samples)], "failed": why})
    return samples


def lived(
    module: str,
    folder: Path,
    plan: list[Round],
    note: Callable[[dict[str, Any]], None],
    late: Callable[[], bool],
    round_s_max: float,
) -> str:
    """One world, until its plan is done or time is up (→ empty), or it ends or hangs (→ why). Nothing is left of it."""
    (folder / PLAN).write_text(json.dumps(plan), "utf-8")
    (folder / NOTES).touch()
    with (folder / SAID).open("wb") as said:
        child = subprocess.Popen(
            [sys.executable, "-m", "bench.drill.unattended", module, str(folder)],
            stdin=subprocess.DEVNULL, stdout=said, stderr=said, env={**os.environ, "TMPDIR": str(folder)},
        )  # fmt: skip
    read, heard_at = 0, time.monotonic()
    try:
        while True:
            ended = child.poll() is not None
            lines = (folder / NOTES).read_text("utf-8").split("\n")[:-1]
            for line in lines[read:]:
                note(json.loads(line))
                heard_at = time.monotonic()
            read = len(lines)
            if read == len(plan) or late():
                return ""
            if ended:
                return last_words(folder / SAID)
            limit_s = round_s_max if read else round_s_max + SET_UP_S_MAX
            if time.monotonic() - heard_at > limit_s:
                return f"nothing came for {limit_s:.0f} s"
            time.sleep(LOOK_S)
    finally:
        end_all(str(folder))
        child.wait(END_S)


def last_words(said: Path) -> str:
    """The last line that a world printed."""
    lines = [line for line in said.read_text("utf-8", "replace").splitlines() if line.strip()]
    return lines[-1][:WHY_CHARACTERS_MAX] if lines else "it ended without a word"


def end_all(folder: str) -> None:
    """Every process of a world: its temporary folder, its arguments or its working folder tell."""
    for _ in range(2):
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != os.getpid() and belongs(entry, folder):
                try:
                    os.kill(int(entry.name), signal.SIGKILL)
                except ProcessLookupError:
                    continue
        time.sleep(LOOK_S)


def belongs(process: Path, folder: str) -> bool:
    try:
        told = (process / "environ").read_bytes() + (process / "cmdline").read_bytes()
        return folder.encode() in told or str((process / "cwd").readlink()).startswith(folder)
    except OSError:
        return False


def tell(samples: list[dict[str, Any]], planned: int) -> None:
    """What came last, how far it is, and how long the rest will take at this pace."""
    took = [one["took_s"] for one in samples if "took_s" in one]
    each = sum(took) / len(took) if took else 0.0
    shown = {name: value for name, value in samples[-1].items() if name in SHOWN or isinstance(value, float | int)}
    left = f"{each:.1f} s je Runde, noch {each * (planned - len(samples)) / 60:.0f} min"
    sys.stdout.write(f"{len(samples)}/{planned} · {left} · {shown}\n")
    sys.stdout.flush()


def failures(samples: list[dict[str, Any]]) -> int:
    return sum("failed" in one for one in samples)


def main() -> int:
    """The world itself: plays its plan and notes what each round was like."""
    name, folder = sys.argv[1], Path(sys.argv[2])
    module = importlib.import_module(name)
    if getattr(module, "IN_TOWN", False):
        ground.enter("bench.drill.unattended", sys.argv[1:])
    if os.environ.get(ASKED):
        from tests.flows.server import Server  # others do without, and start in a tenth of the time

        Server.ready = staticmethod(functools.cache(Ready))
    plan = json.loads((folder / PLAN).read_text("utf-8"))
    try:
        with module.world(folder) as play, (folder / NOTES).open("a", encoding="utf-8", buffering=1) as notes:
            for round_ in plan:
                began = time.monotonic()
                sample = {**round_, **outspoken(play, round_), "load": round(os.getloadavg()[0], 1)}
                notes.write(json.dumps({**sample, "took_s": round(time.monotonic() - began, 1)}) + "\n")
    except Exception as error:
        end(error)
    return 0


def outspoken(play: Play, round_: Round) -> dict[str, Any]:
    """Plays it. A failure ends the world here, not by unwinding, which could wait: who is outside clears it away."""
    try:
        return play(round_)
    except Exception as error:
        end(error)


def end(error: Exception) -> NoReturn:
    traceback.print_exc()
    sys.stderr.write(f"{type(error).__name__}: {' '.join(str(error).split())}\n")
    sys.stderr.flush()
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
