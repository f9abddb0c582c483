"""Janus as a process: in its own session, in a sandbox where the machine allows one, with its log kept short."""

import asyncio
import os
import shutil
import signal
from contextlib import suppress
from functools import cache
from pathlib import Path
from subprocess import DEVNULL, run

PROBE_TIMEOUT_S = 10
STOP_TIMEOUT_S = 3.0
OPEN_FILES_MAX = 8192
LOG_BYTES_MAX = 2 * 1024 * 1024
LOG_LINE_BYTES_MAX = 4096
LOG_LINES_BURST = 200
LOG_LINES_PER_S = 10
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
_SYSTEM = ("/usr", "/lib", "/lib32", "/lib64", "/etc/ld.so.cache", "/etc/ssl/openssl.cnf")


@cache
def confined() -> bool:
    """Whether bubblewrap works on this machine."""
    if shutil.which("bwrap") is None:
        return False
    try:
        probe = run([*_bubblewrap(Path("/usr"), "/mnt"), "/usr/bin/true"], stdin=DEVNULL, timeout=PROBE_TIMEOUT_S,
                    capture_output=True, check=False)  # fmt: skip
    except OSError:
        return False
    return probe.returncode == 0


async def start(janus: str, folder: Path) -> asyncio.subprocess.Process:
    """Start Janus with the files of `folder`. It dies with this process (sandbox, or the kernel's signal)."""
    shell = ["prlimit", "--core=0", f"--nofile={OPEN_FILES_MAX}"]
    if confined():
        shell += _bubblewrap(folder, "/janus")
    else:
        shell += ["setpriv", "--pdeathsig", "KILL", "--no-new-privs"]
    return await asyncio.create_subprocess_exec(
        *shell, janus, "-C", "etc/janus.jcfg", "-F", "etc", cwd=folder, env=ENVIRONMENT,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        start_new_session=True, limit=LOG_LINE_BYTES_MAX,
    )  # fmt: skip


async def stop(process: asyncio.subprocess.Process, at_once: bool) -> None:
    """End it and everything it started; `at_once` without asking."""
    if process.returncode is None and not at_once:
        _signal(process.pid, signal.SIGTERM)
        with suppress(TimeoutError):
            async with asyncio.timeout(STOP_TIMEOUT_S):
                await process.wait()
    _signal(process.pid, signal.SIGKILL)
    await process.wait()


async def keep_log(process: asyncio.subprocess.Process, path: Path) -> None:
    """Copy what Janus prints to `path`: LOG_LINES_PER_S lines a second, LOG_BYTES_MAX twice (an overloaded Janus prints
    50,000 lines a second)."""
    assert process.stdout is not None
    loop = asyncio.get_running_loop()
    allowed, last, dropped = float(LOG_LINES_BURST), loop.time(), 0
    while True:
        try:
            line = await process.stdout.readline()
        except ValueError:
            continue
        if not line:
            return
        allowed, last = min(LOG_LINES_BURST, allowed + (loop.time() - last) * LOG_LINES_PER_S), loop.time()
        if allowed < 1:
            dropped += 1
            continue
        allowed -= 1
        note = f"({dropped} lines left out)\n".encode() if dropped else b""
        dropped = 0
        await asyncio.to_thread(_write, path, note + line)


def _write(path: Path, text: bytes) -> None:
    with path.open("ab") as file:
        file.write(text)
        size = file.tell()
    if size > LOG_BYTES_MAX:
        path.replace(path.with_suffix(".1.log"))


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(pid, number)


def _bubblewrap(folder: Path, inside: str) -> list[str]:
    """Sees the system's libraries and its own folder; has the network, no capability, no environment."""
    shell = [
        "bwrap", "--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try",
        "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--clearenv", "--setenv", "LANG", "C.UTF-8",
    ]  # fmt: skip
    for path in _SYSTEM:
        shell += ["--ro-bind-try", path, path]
    shell += ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]  # noqa: S108  # a fresh one, inside
    return [*shell, "--bind", str(folder), inside, "--chdir", inside]
