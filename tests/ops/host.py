"""A real server in a process of its own, for tests of what operators do."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

START_TIMEOUT_S = 30
STOP_TIMEOUT_S = 20
POLL_S = 0.05


class Server:
    """`verbund serve` on a free port. Leaves by SIGTERM; `kill` is the hard way."""

    def __init__(self, data: Path, **settings: str) -> None:
        self.data, self.port = data, free_port()
        self.address = f"http://localhost:{self.port}"
        self._output = data.with_name(f"{data.name}.output")
        self._settings = {f"VERBUND_{name.upper()}": value for name, value in settings.items()}

    def __enter__(self) -> Self:
        command = [
            sys.executable,
            "-m",
            "verbund.web.main",
            "serve",
            "--data",
            str(self.data),
            "--port",
            str(self.port),
        ]
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env={**os.environ, **self._settings}
            )
        deadline = time.monotonic() + START_TIMEOUT_S
        while "Verbund läuft" not in self.output:
            assert self.process.poll() is None, self.output
            assert time.monotonic() < deadline, self.output
            time.sleep(POLL_S)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self.kill()

    @property
    def output(self) -> str:
        return self._output.read_text("utf-8")

    @property
    def setup(self) -> str:
        """The one-time token of the first start."""
        match = re.search(r"/willkommen#(\S+)", self.output)
        assert match, self.output
        return match[1]

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(STOP_TIMEOUT_S)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
