"""The films that are measured: made once per run; the long ones by repeating a piece, so that making them is quick."""

import subprocess
from pathlib import Path

LADDER_S = 90
LONG_MINUTES = 10
PIECE_S = 20
MAKE_TIMEOUT_S = 900
_KEYED = ["-g", "48", "-keyint_min", "48", "-sc_threshold", "0"]
_USUAL = ["-c:v", "libx264", "-preset", "ultrafast", "-crf", "27", "-pix_fmt", "yuv420p", *_KEYED]
_FOREIGN = [
    "-c:v",
    "libx265",
    "-preset",
    "ultrafast",
    "-crf",
    "30",
    "-pix_fmt",
    "yuv420p",
    "-x265-params",
    "log-level=none",
]
_SPARSE = ["-c:v", "libx264", "-preset", "ultrafast", "-crf", "23", "-pix_fmt", "yuv420p", "-g", "250"]


def ladder_film(folder: Path) -> Path:
    """720p with rare key frames: it cannot be passed on unchanged, every rung is encoded."""
    return _make(folder / "ladder.mp4", *_inputs(LADDER_S, "1280x720", 30), *_SPARSE, "-c:a", "aac")


def long_film(folder: Path, usual: bool) -> Path:
    """Ten minutes of 1080p: `usual` as phones and cameras make it (H.264, AAC), else HEVC, which has to be encoded."""
    name = "usual" if usual else "foreign"
    piece = folder / f"{name}-piece.mp4"
    _make(piece, *_inputs(PIECE_S, "1920x1080", 24), *(_USUAL if usual else _FOREIGN), "-c:a", "aac")
    repeats = LONG_MINUTES * 60 // PIECE_S - 1
    return _make(folder / f"{name}.mp4", "-stream_loop", str(repeats), "-i", str(piece), "-c", "copy")


def _inputs(seconds: int, size: str, rate: int) -> list[str]:
    picture = f"testsrc2=s={size}:r={rate}:d={seconds}"
    return ["-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", f"sine=frequency=330:d={seconds}:sample_rate=48000"]


def _make(path: Path, *args: str) -> Path:
    command = ["ffmpeg", "-y", "-v", "error", "-nostdin", *args, str(path)]
    subprocess.run(command, check=True, timeout=MAKE_TIMEOUT_S)
    return path
