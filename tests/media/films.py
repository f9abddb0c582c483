"""Films to try things on: real ones where the folder of samples stands beside the project, else made with ffmpeg."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

from tests.processes import ancestors, processes

HELD_WAIT_S, HELD_POLL_S = 60.0, 0.02
SAMPLES = Path(__file__).resolve().parents[2].parent / "shared" / "samples" / "films"


def sample(name: str) -> Path | None:
    """A real film, or None where the samples are not there."""
    path = SAMPLES / name
    return path if path.is_file() else None


def make(path: Path, *args: str) -> Path:
    """Run ffmpeg with these arguments; the film it wrote."""
    command = ["ffmpeg", "-y", "-v", "error", "-nostdin", *args, str(path)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return path


def pictures(seconds: float, size: str = "640x360", rate: str = "25") -> list[str]:
    return ["-f", "lavfi", "-i", f"testsrc2=s={size}:r={rate}:d={seconds}"]


def sound(seconds: float, hertz: int = 440) -> list[str]:
    return ["-f", "lavfi", "-i", f"sine=frequency={hertz}:d={seconds}:sample_rate=48000"]


def browser_film(path: Path, seconds: float = 10, size: str = "640x360", rate: int = 10) -> Path:
    """H.264 and AAC as phones make it, a key frame every two seconds: can be shown as it is."""
    codec = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", str(2 * rate), "-c:a", "aac"]
    return make(path, *pictures(seconds, size, str(rate)), *sound(seconds), *codec, "-shortest")


def foreign_film(path: Path, seconds: float = 10, size: str = "640x360", rate: str = "25") -> Path:
    """VP9 and Vorbis-free Opus in WebM: has to be encoded."""
    codec = ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "800k", "-c:a", "libopus"]
    return make(path, *pictures(seconds, size, rate), *sound(seconds), *codec, "-shortest")


def repeated(path: Path, piece: Path, times: int) -> Path:
    """A long film from a short one: only the short one had to be encoded."""
    return make(path, "-stream_loop", str(times - 1), "-i", str(piece), "-c", "copy")


def hold_encoding(server: int, folder: Path, segments: int) -> list[int]:
    """Stop what encodes the pictures of the film in `folder` once so many segments of each size are there.

    A film that is still being prepared while others do something would have to be a big one, and all of it be encoded:
    a small one that stands still is the same to whoever looks. Goes on with `let_go`, before the server has waited for
    output for too long (`ffmpeg.STALL_S`).
    """
    deadline = time.monotonic() + HELD_WAIT_S
    while True:
        sizes = [len(list(rung.glob("*.m4s"))) for rung in folder.glob("*/v*")]
        if sizes and min(sizes) >= segments and (found := _encoding(server)):
            break
        assert time.monotonic() < deadline, f"nothing encodes: {sizes}"
        time.sleep(HELD_POLL_S)
    for pid in found:
        os.kill(pid, signal.SIGSTOP)
    return found


def let_go(held: list[int]) -> None:
    for pid in held:
        os.kill(pid, signal.SIGCONT)


def _encoding(server: int) -> list[int]:
    """Programs of this server that are at the sizes of a film."""
    found = [pid for pid, words in processes() if words[0].endswith(b"ffmpeg") and b"-filter_complex" in words]
    return [pid for pid in found if server in ancestors(pid)]


def look(path: Path, *entries: str) -> dict[str, Any]:
    """What ffprobe says about a file that we made."""
    command = ["ffprobe", "-v", "error", "-of", "json", *entries, str(path)]
    answer = subprocess.run(command, check=True, capture_output=True, timeout=60)
    found: dict[str, Any] = json.loads(answer.stdout)
    return found


def joined(folder: Path, target: Path) -> Path:
    """A rendition's head and segments as one file."""
    files = [folder / "init.mp4", *sorted(folder.glob("*.m4s"))]
    target.write_bytes(b"".join(file.read_bytes() for file in files))
    return target
