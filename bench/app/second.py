"""How long a second `make up` takes until it says where to click, in a clone that shares nothing with this one."""

import os
import queue
import signal
import subprocess
import threading
import time
from pathlib import Path

from tests.ports import free_port

FIRST_TIMEOUT_S = 1800.0
SECOND_TIMEOUT_S = 120.0
STOP_TIMEOUT_S = 30.0
#: What this run brings along and a fresh shell would not.
OURS = ("VERBUND_", "VIRTUAL_ENV", "MAKE", "MFLAGS")
READY = "http://localhost:"


def second_ups(source: Path, folder: Path, samples: int) -> tuple[float, list[float]]:
    """Seconds of the first start, which sets everything up, and of `samples` starts after it."""
    clone = folder / "clone"
    subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", str(source), str(clone)], check=True)
    first = up(clone, folder / "data", FIRST_TIMEOUT_S)
    return first, [up(clone, folder / "data", SECOND_TIMEOUT_S) for _ in range(samples)]


def up(clone: Path, data: Path, timeout_s: float) -> float:
    """Seconds from `make up` to the line with the address; the server is ended then."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    environment = {**kept, "VERBUND_DATA": str(data), "VERBUND_PORT": str(free_port())}
    begun = time.monotonic()
    process = subprocess.Popen(
        ["make", "--no-print-directory", "up"], cwd=clone, env=environment, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        return wait_for(process, timeout_s) - begun
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(STOP_TIMEOUT_S)


def wait_for(process: subprocess.Popen[str], timeout_s: float) -> float:
    """When the address was said. Raises TimeoutError, RuntimeError with what was said instead."""
    said: list[str] = []
    lines: queue.Queue[str | None] = queue.Queue(maxsize=10_000)
    threading.Thread(target=read, args=(process, lines), daemon=True).start()
    deadline = time.monotonic() + timeout_s
    while (line := lines.get(timeout=max(0.1, deadline - time.monotonic()))) is not None:
        said.append(line)
        if READY in line:
            return time.monotonic()
    raise RuntimeError("make up ended:\n" + "".join(said))


def read(process: subprocess.Popen[str], lines: "queue.Queue[str | None]") -> None:
    assert process.stdout is not None
    for line in process.stdout:
        lines.put(line)
    lines.put(None)
