"""The one adapter to ffmpeg and ffprobe: every run without network, with limits, sandboxed, writing to pipes only.

The source is the only file a run can see; what it makes comes back through pipes. A thread that calls `run` is blocked
until the program has ended: the program dies with it, and with this process.
"""

import os
import selectors
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO

from verbund.base.refusal import Refusal

# Demuxers that may read an upload. What follows references to other files is absent: playlists, sequences, scripts.
FORMATS = "aac,ac3,aiff,asf,avi,flac,flv,h264,hevc,matroska,webm,mov,mp4,m4a,3gp,3g2,mj2,mp3,mpeg,mpegts,mxf,ogg,wav"
MEMORY_BYTES_MAX = 6 * 1024**3
CPU_S_MAX = 48 * 3600
OPEN_FILES_MAX = 128
STALL_S = 120
PROBE_S = 60
STDERR_BYTES_MAX = 16 * 1024
READ_BYTES = 256 * 1024
NICE = 10
_POLL_S = 0.5
_SOURCE = "/source"


class ToolMissing(Refusal):
    """de: Auf diesem Anbieter fehlt das Programm ffmpeg. Filme lassen sich deshalb nicht aufbereiten. Bitte den
    Betreiber, es zu installieren.
    en: The program ffmpeg is missing at this provider, so films cannot be prepared. Please ask its operator to
    install it."""

    code = "media.tool_missing"
    status = 503


class Stopped(Exception):
    """The run was ended from outside, because the server stops or the film was withdrawn."""


class ToolFailed(Exception):
    """ffmpeg ended with an error. `said` holds the end of what it wrote."""

    def __init__(self, said: str) -> None:
        super().__init__(said[-500:])
        self.said = said


@dataclass(frozen=True, slots=True)
class Run:
    """One program call. In `args`: `{in}` = the source, `{feed}` = what `feed` yields, `{out0}` … = the sinks."""

    args: Sequence[str]
    source: Path | None
    sinks: Sequence[Callable[[bytes], None]]
    tool: str = "ffmpeg"
    nice: int = NICE
    feed: Iterable[bytes] | None = None
    stall_s: float = STALL_S


def run(job: Run, stop: threading.Event | None = None) -> None:
    """Run to the end, handing every piece of output to its sink. Raises ToolFailed, ToolMissing, Stopped.

    A run that brings no output for `stall_s` is ended.
    """
    pipes = [os.pipe() for _ in job.sinks]
    try:
        with tempfile.TemporaryFile() as said:
            process = _start(job, [writer for _, writer in pipes], said)
            try:
                for _, writer in pipes:
                    os.close(writer)
                if job.feed is not None:
                    threading.Thread(target=_feed, args=(process, job.feed), daemon=True).start()
                _pump(job, [reader for reader, _ in pipes], stop)
                code = process.wait(timeout=job.stall_s)
            finally:
                process.kill()
                process.wait()
                if process.stdin:
                    process.stdin.close()
            if code:
                raise ToolFailed(_tail(said))
    finally:
        for reader, _ in pipes:
            os.close(reader)


def probe(source: Path, more: Sequence[str] = ()) -> bytes:
    """What ffprobe says about a file, as JSON bytes. Raises ToolFailed with its words."""
    said = bytearray()
    args = ["-of", "json", "-show_format", "-show_streams", "-show_chapters", *more]
    if more:
        args = ["-of", "json", *more]
    run(Run([*args, "{in}"], source, [said.extend], tool="ffprobe", nice=0, stall_s=PROBE_S))
    return bytes(said)


def has_filter(name: str) -> bool:
    """Whether this ffmpeg was built with a filter."""
    tool = shutil.which("ffmpeg")
    if tool is None:
        return False
    said = subprocess.run([tool, "-hide_banner", "-filters"], capture_output=True, timeout=PROBE_S, check=False).stdout
    return f" {name} ".encode() in said


def _start(job: Run, writers: list[int], said: IO[bytes]) -> subprocess.Popen[bytes]:
    tool = shutil.which(job.tool)
    if tool is None:
        raise ToolMissing(tool=job.tool)
    inside = _SOURCE if sandbox() == "bwrap" else str(job.source or "")
    names = {f"{{out{number}}}": f"pipe:{writer}" for number, writer in enumerate(writers)}
    out = writers[0] if job.tool == "ffprobe" else None
    command = [*_limits(job.nice), *_sandboxed(job.source), tool, "-hide_banner", "-loglevel", "error"]
    if job.tool == "ffmpeg":
        command += ["-nostdin"] if job.feed is None else []
    for arg in job.args:
        if arg == "{in}":
            command += ["-protocol_whitelist", "file,pipe", "-format_whitelist", FORMATS, "-i", inside]
        elif arg == "{feed}":
            command += ["-protocol_whitelist", "pipe", "-f", "mp4", "-i", "pipe:0"]
        else:
            command.append(names.get(arg, arg))
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL if job.feed is None else subprocess.PIPE,
        stdout=subprocess.DEVNULL if out is None else out,
        stderr=said,
        pass_fds=writers,
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
    )


def _pump(job: Run, readers: list[int], stop: threading.Event | None) -> None:
    last = time.monotonic()
    with selectors.DefaultSelector() as selector:
        for reader, sink in zip(readers, job.sinks, strict=True):
            selector.register(reader, selectors.EVENT_READ, sink)
        while selector.get_map():
            for key, _ in selector.select(_POLL_S):
                last = time.monotonic()
                if data := os.read(key.fd, READ_BYTES):
                    key.data(data)
                else:
                    selector.unregister(key.fd)
            if stop is not None and stop.is_set():
                raise Stopped
            if time.monotonic() - last > job.stall_s:
                raise ToolFailed("no output")


def _feed(process: subprocess.Popen[bytes], pieces: Iterable[bytes]) -> None:
    assert process.stdin is not None
    try:
        for piece in pieces:
            process.stdin.write(piece)
        process.stdin.close()
    except (BrokenPipeError, ValueError, OSError):
        return


def _tail(said: IO[bytes]) -> str:
    size = said.seek(0, os.SEEK_END)
    said.seek(max(0, size - STDERR_BYTES_MAX))
    return said.read().decode("utf-8", "replace")


def _limits(nice: int) -> list[str]:
    limits = ["nice", "-n", str(nice)]
    if shutil.which("prlimit"):
        limits += [
            "prlimit",
            f"--as={MEMORY_BYTES_MAX}",
            f"--cpu={CPU_S_MAX}",
            f"--nofile={OPEN_FILES_MAX}",
            "--core=0",
        ]
    return limits


def _sandboxed(source: Path | None) -> list[str]:
    kind = sandbox()
    if kind == "bwrap":
        bound = [] if source is None else ["--ro-bind", str(source.resolve()), _SOURCE]
        return [*_BWRAP, *bound, "--"]
    if kind == "unshare":
        return [*_UNSHARE, "setpriv", "--pdeathsig", "KILL", "--"]
    return ["setpriv", "--pdeathsig", "KILL", "--"] if shutil.which("setpriv") else []


_ROOM = "/tmp"  # noqa: S108 - the sandbox's own, empty
_BWRAP = [
    *("bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL"),
    *("--ro-bind", "/usr", "/usr", "--ro-bind-try", "/bin", "/bin", "--ro-bind-try", "/lib", "/lib"),
    *("--ro-bind-try", "/lib64", "/lib64", "--ro-bind-try", "/etc/alternatives", "/etc/alternatives"),
    *("--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache", "--dev", "/dev", "--tmpfs", _ROOM, "--chdir", _ROOM),
]
_UNSHARE = ["unshare", "--map-root-user", "--net", "--ipc", "--kill-child"]


@cache
def sandbox() -> str:
    """What this machine allows: "bwrap" (own file system, no network), "unshare" (no network) or "none"."""
    for kind, command in (("bwrap", [*_BWRAP, "--", "true"]), ("unshare", [*_UNSHARE, "setpriv", "true"])):
        try:
            if subprocess.run(command, capture_output=True, timeout=10, check=False).returncode == 0:
                return kind
        except (OSError, subprocess.TimeoutExpired):
            continue
    return "none"
