"""Checks of what is installed: Python, SQLite, the built app, ffmpeg, bubblewrap, Janus, coturn."""

import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from verbund.base.settings import Settings
from verbund.blobs.sandbox import confined
from verbund.ops.finding import Finding, found

PYTHON_MIN = (3, 11)
SQLITE_MIN = (3, 37, 0)
PROGRAM_TIMEOUT_S = 20
ENCODERS = ("libx264", "aac")
DECODERS = ("h264", "hevc", "vp9", "libdav1d", "aac", "opus")
JANUS_FOLDERS = "usr/lib/*/janus"
JANUS_PARTS = ("plugins/libjanus_videoroom.so", "transports/libjanus_websockets.so")
APP_FOLDER = Path(__file__).parents[3] / "app" / "build"
APP_PAGES = ("index.html", "200.html")


def check_python(_settings: Settings) -> Finding:
    version = ".".join(str(part) for part in sys.version_info[:3])
    return found("python.good" if sys.version_info[:2] >= PYTHON_MIN else "python.old", found=version)


def check_sqlite(_settings: Settings) -> Finding:
    version = sqlite3.sqlite_version
    if sqlite3.sqlite_version_info < SQLITE_MIN:
        return found("sqlite.old", found=version)
    try:
        with closing(sqlite3.connect(":memory:")) as connection:
            connection.execute("CREATE VIRTUAL TABLE words USING fts5(word)")
    except sqlite3.OperationalError:
        return found("sqlite.poor", found=version)
    return found("sqlite.good", found=version)


def check_app(settings: Settings) -> Finding:
    folder = Path(settings.app) if settings.app else APP_FOLDER
    return found("app.good" if any((folder / page).is_file() for page in APP_PAGES) else "app.missing")


def check_ffmpeg(_settings: Settings) -> Finding:
    if shutil.which("ffmpeg") is None or shutil.which("ffprobe") is None:
        return found("ffmpeg.missing")
    known = {*_output("ffmpeg", "-hide_banner", "-encoders"), *_output("ffmpeg", "-hide_banner", "-decoders")}
    missing = [codec for codec in (*ENCODERS, *DECODERS) if codec not in known]
    return found("ffmpeg.poor", missing=", ".join(missing)) if missing else found("ffmpeg.good")


def check_sandbox(_settings: Settings) -> Finding:
    if shutil.which("bwrap") is None:
        return found("sandbox.missing")
    return found("sandbox.good" if confined() else "sandbox.forbidden")


def check_janus(settings: Settings) -> Finding:
    if settings.meet == "off":
        return found("janus.off")
    if shutil.which("janus") is None:
        return found("janus.missing")
    folders = list(Path("/").glob(JANUS_FOLDERS))
    missing = [part for part in JANUS_PARTS if not any((folder / part).exists() for folder in folders)]
    return found("janus.poor", missing=", ".join(missing)) if missing else found("janus.good")


def check_coturn(settings: Settings) -> Finding:
    if settings.turn == "off":
        return found("coturn.off")
    return found("coturn.good" if shutil.which("turnserver") else "coturn.missing")


def _output(*command: str) -> list[str]:
    done = subprocess.run(command, capture_output=True, text=True, timeout=PROGRAM_TIMEOUT_S, check=False)
    return done.stdout.split()


CHECKS = (check_python, check_sqlite, check_app, check_ffmpeg, check_sandbox, check_janus, check_coturn)
