"""Verbund's program, ready to be started: all of it is loaded once, and every start is a fork of that.

A start would read its modules for two seconds of processor time, and make its routes and compile its statements for
another. What starts here is a process of its own as ever, with its own environment, output and end, in a network of its
own if it is told so; `make up` and the benchmarks start from nothing.

Run as a program, it says at which socket it takes orders, one JSON object for each connection; it ends with its input,
and all that it started ends with it. `make test` has one for all its lanes and for vitest (scripts/test).
"""

import asyncio
import contextlib
import ctypes
import gc
import io
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

ORDER_BYTES_MAX = 128 * 1024
PID_BYTES_MAX = 32
#: It forks within milliseconds, but loads first.
ANSWER_TIMEOUT_S, ORDER_TIMEOUT_S, END_TIMEOUT_S = 60.0, 10.0, 10.0
ORDERS_WAITING_MAX = 64
#: Where one is ready already.
AT = "VERBUND_TESTS_READY_AT"
#: Whoever asks for it by this name starts ready, too: a part of the drill that is tried and not measured.
ASKED = "VERBUND_TESTS_READY"
NETWORKS, CLONE_NEWNET = Path("/run/netns"), 0x40000000
LOADED = (
    "verbund.web.main", "verbund.web.app", "verbund.web.upkeep", "verbund.web.welcome", "verbund.ops.commands",
    "uvicorn.loops.uvloop", "uvicorn.protocols.http.httptools_impl",
    "uvicorn.protocols.websockets.websockets_sansio_impl", "uvicorn.lifespan.on",
)  # fmt: skip


class Started:
    """A process that was started ready; what the stories need of `subprocess.Popen`."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        try:
            self._handle = os.pidfd_open(pid)
        except ProcessLookupError:
            self._handle = -1

    def poll(self) -> int | None:
        """None while it runs."""
        if self._handle >= 0 and select.select([self._handle], [], [], 0)[0]:
            os.close(self._handle)
            self._handle = -1
        return None if self._handle >= 0 else 0

    def wait(self, timeout: float | None = None) -> int:
        if self._handle >= 0 and not select.select([self._handle], [], [], timeout)[0]:
            raise subprocess.TimeoutExpired("verbund", timeout or 0)
        return self.poll() or 0

    def send_signal(self, number: int) -> None:
        if self._handle >= 0:
            signal.pidfd_send_signal(self._handle, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)


class Ready:
    """The loaded program, at a socket; none named: one of its own, which ends with this process."""

    def __init__(self, at: str = "") -> None:
        if not at:
            command = [sys.executable, "-m", "tests.flows.ready"]
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            assert self._process.stdout is not None
            at = self._process.stdout.readline().rstrip("\n")
        self._at = at

    def start(
        self, arguments: list[str], environment: dict[str, str], said: Path, network: str = "", **more: Path
    ) -> Started:
        """`verbund arguments…`; what it says goes to the end of `said`, its errors to `errors`, its code to `code`."""
        files = {name: str(path) for name, path in more.items()}
        order = {"arguments": arguments, "environment": environment, "said": str(said), "network": network, **files}
        said.touch()
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(ANSWER_TIMEOUT_S)
            line.connect(self._at)
            line.sendall(json.dumps(order).encode())
            line.shutdown(socket.SHUT_WR)
            return Started(int(line.recv(PID_BYTES_MAX)))

    def run(
        self, arguments: list[str], environment: dict[str, str], folder: Path, timeout: float, network: str = ""
    ) -> "subprocess.CompletedProcess[str]":
        """The same to its end. Raises subprocess.TimeoutExpired."""
        with tempfile.TemporaryDirectory(dir=folder) as kept:
            said, errors, code = (Path(kept) / name for name in ("said", "errors", "code"))
            started = self.start(arguments, environment, said, network, errors=errors, code=code)
            try:
                started.wait(timeout)
            except subprocess.TimeoutExpired:
                started.send_signal(signal.SIGKILL)
                raise
            status = int(code.read_text()) if code.exists() else -signal.SIGKILL
            return subprocess.CompletedProcess(arguments, status, said.read_text(), errors.read_text())


def main() -> int:
    """Fork for every order until there is no more input; the exit code, of whatever this has become by then."""
    os.setpgid(0, 0)
    folder = Path(tempfile.mkdtemp(prefix="verbund-ready-"))
    with socket.socket(socket.AF_UNIX) as orders:
        orders.bind(str(folder / "orders"))
        orders.listen(ORDERS_WAITING_MAX)
        print(folder / "orders", flush=True)
        load()
        while sys.stdin not in select.select([orders, sys.stdin], [], [])[0]:
            if order := taken(orders):
                orders.close()
                return become(json.loads(order))
    shutil.rmtree(folder)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.killpg(0, signal.SIGTERM)
    return 0


def taken(orders: socket.socket) -> bytes:
    """The next order, in the process that is to become it; nothing in this one."""
    line, _ = orders.accept()
    line.settimeout(ORDER_TIMEOUT_S)
    with line, line.makefile("rb") as said:
        order = said.read(ORDER_BYTES_MAX)
        if not order or (pid := os.fork()) == 0:
            return order
        line.sendall(str(pid).encode())
        return b""


def load() -> None:
    """All that every provider and every command needs."""
    from tests.passwords import hash_cheaply
    from tests.statements import compile_once

    for name in LOADED:
        __import__(name)
    with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):
        sys.modules["verbund.web.main"].main(["--help"])  # reads what every command is made of
    hash_cheaply()
    compile_once()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_live(Path(folder)))
    _end_threads()
    gc.freeze()
    # Nobody waits for them here.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)


async def _live(folder: Path) -> None:
    """What every provider is asked in its first second: routes and statements of that are ready from now on."""
    from tests.accounts.people import running

    async with running(folder) as place:
        anna, space = await place.firm()
        await place.colleague(anna, space, "ben")


def _end_threads() -> None:
    """A fork has none but this one; who hashed passwords is told to end and not waited for."""
    for one in threading.enumerate():
        if one is not threading.current_thread():
            one.join(END_TIMEOUT_S)
    assert threading.active_count() == 1


def become(order: dict[str, Any]) -> int:
    """Be the program that was ordered; its exit code."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    if order["network"]:
        enter(NETWORKS / order["network"])
    for name, number in ((os.devnull, 0), (order["said"], 1), (order.get("errors", order["said"]), 2)):
        file = os.open(name, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(file, number)
        os.close(file)
    os.environ.clear()
    os.environ.update(order["environment"])
    time.tzset()
    sys.argv = ["verbund", *order["arguments"]]
    code = 1
    try:
        code = int(sys.modules["verbund.web.main"].main(order["arguments"]))
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    finally:
        sys.stdout.flush()
        if "code" in order:
            Path(order["code"]).write_text(str(code))
    return code


def enter(network: Path) -> None:
    """As `ip netns exec` does."""
    libc = ctypes.CDLL(None, use_errno=True)
    with network.open("rb") as there:
        if libc.setns(there.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "this network cannot be entered", str(network))


if __name__ == "__main__":
    sys.exit(main())
