"""Films to try things on: real ones where the folder of samples stands beside the project, else made with ffmpeg."""

import json
import subprocess
from pathlib import Path
from typing import Any

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


def browser_film(path: Path, seconds: float = 10, size: str = "640x360") -> Path:
    """H.264 and AAC as phones make it: can be shown as it is."""
    codec = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "50", "-c:a", "aac", "-shortest"]
    return make(path, *pictures(seconds, size), *sound(seconds), *codec)


def foreign_film(path: Path, seconds: float = 10, size: str = "640x360", rate: str = "25") -> Path:
    """VP9 and Vorbis-free Opus in WebM: has to be encoded."""
    codec = ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "800k", "-c:a", "libopus"]
    return make(path, *pictures(seconds, size, rate), *sound(seconds), *codec, "-shortest")


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
