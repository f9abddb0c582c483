"""The one way in which user bytes meet foreign code: another process, without network, files, rights or much memory.

With bubblewrap the program sees the system's libraries, Python and the named files, nothing else; without it (or where
the kernel forbids it) the limits alone hold, and `confined` says so.
"""

import asyncio
import shutil
import sys
from functools import cache
from pathlib import Path
from subprocess import DEVNULL, run
from typing import IO

PROBE_TIMEOUT_S = 10
TIMED_OUT = -1000
_SYSTEM = ("/usr", "/lib", "/lib32", "/lib64", "/bin", "/etc/ld.so.cache", "/etc/alternatives")
_ENVIRONMENT = {"LANG": "C.UTF-8", "PATH": "/usr/local/bin:/usr/bin:/bin"}


@cache
def confined() -> bool:
    """Whether bubblewrap works on this machine."""
    if shutil.which("bwrap") is None:
        return False
    try:
        probe = run([*_bubblewrap(()), sys.executable, "-I", "-c", ""], stdin=DEVNULL, timeout=PROBE_TIMEOUT_S,
                    capture_output=True, check=False)  # fmt: skip
    except OSError:
        return False
    return probe.returncode == 0


async def run_python(script: Path, arguments: list[str], source: IO[bytes], result: IO[bytes], timeout_s: float) -> int:
    """Run a script that reads `source` as standard input and writes `result` as standard output; returns its exit code.

    The script sets its own resource limits first thing. Negative, or 128 and more: killed
    by that signal; TIMED_OUT: by us.
    """
    shell = await asyncio.to_thread(_shell, script)
    process = await asyncio.create_subprocess_exec(
        *shell, sys.executable, "-I", str(script), *arguments,
        stdin=source, stdout=result, stderr=DEVNULL, env=_ENVIRONMENT, start_new_session=True,
    )  # fmt: skip
    try:
        async with asyncio.timeout(timeout_s):
            return await process.wait()
    except TimeoutError:
        return TIMED_OUT
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def _shell(script: Path) -> list[str]:
    return _bubblewrap((str(script),)) if confined() else []


def _bubblewrap(files: tuple[str, ...]) -> list[str]:
    shell = ["bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--clearenv"]
    for name, value in _ENVIRONMENT.items():
        shell += ["--setenv", name, value]
    for path in (*_SYSTEM, *_python_folders(), *files):
        shell += ["--ro-bind-try", path, path]
    return [*shell, "--dev", "/dev", "--chdir", "/"]


def _python_folders() -> list[str]:
    """Where this Python and its packages lie, outside of the system's folders."""
    folders = {sys.prefix, sys.base_prefix, str(Path(sys.executable).resolve().parent)}
    return sorted(folder for folder in folders if not folder.startswith("/usr/") and folder != "/usr")
