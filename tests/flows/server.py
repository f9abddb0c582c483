"""A real provider in a process of its own: started, killed, started again."""

import os
import re
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from tests.flows.ready import Ready, Started
from tests.ports import free_port
from verbund.ops.client import Person

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 30.0
PASSWORD = "lange genug und nirgends sonst"
_LINK = re.compile(r"/willkommen#([A-Za-z0-9_-]+)")


class Server:
    """`verbund serve` with a data folder; settings are given as for the environment (without VERBUND_)."""

    #: What starts them without loading the program anew; None: each starts from nothing.
    ready: ClassVar[Callable[[], Ready] | None] = None

    def __init__(self, data: Path, port: int | None = None, **settings: str) -> None:
        self.data, self.port = data, port or free_port()
        self.address = f"http://localhost:{self.port}"
        self.settings = settings
        self.setup = ""
        #: The network it runs in, what it is started through besides, and whose certificates its people trust.
        self.network = ""
        self.prefix: tuple[str, ...] = ()
        self.secure: ssl.SSLContext | bool = True
        self._log = data.with_name(data.name + ".log")
        self._process: subprocess.Popen[bytes] | Started | None = None

    def start(self) -> "Server":
        """Start and wait until it says where to click; the one-time link of a new installation is in `setup`."""
        mark = self._log.stat().st_size if self._log.exists() else 0
        arguments = ["serve", "--port", str(self.port)]
        if (ready := self._ready()) is not None:
            self._process = ready.start(arguments, self._environment(), self._log, self.network)
        else:
            with self._log.open("ab") as log:
                self._process = subprocess.Popen(
                    [*self._through(), sys.executable, "-m", "verbund.web.main", *arguments],
                    stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=self._environment(),
                )  # fmt: skip
        deadline = time.monotonic() + START_TIMEOUT_S
        while "is running" not in (said := self._log.read_bytes()[mark:].decode(errors="replace")):
            assert self._process.poll() is None, f"the server ended:\n{said}"
            assert time.monotonic() < deadline, f"the server did not start:\n{said}"
            time.sleep(0.05)
        if found := _LINK.search(said):
            self.setup = found[1]
        return self

    def kill(self) -> None:
        """As a power cut would."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(STOP_TIMEOUT_S)

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self.kill()

    def command(self, *arguments: str, port: bool = True) -> str:
        """What a command of the operator prints, run beside the server. Raises AssertionError when it fails."""
        done = self.tries(*arguments, port=port)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def tries(self, *arguments: str, port: bool = True) -> "subprocess.CompletedProcess[str]":
        """A command of the operator, with the settings of the server, and nobody at the keyboard."""
        wanted = [*arguments, "--data", str(self.data), *(["--port", str(self.port)] if port else [])]
        if (ready := self._ready()) is not None:
            return ready.run(wanted, self._environment(), self.data.parent, START_TIMEOUT_S, self.network)
        command = [*self._through(), sys.executable, "-m", "verbund.web.main", *wanted]
        return subprocess.run(
            command, capture_output=True, text=True, timeout=START_TIMEOUT_S, check=False, env=self._environment(),
            stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def _through(self) -> list[str]:
        return [*(["ip", "netns", "exec", self.network] if self.network else []), *self.prefix]

    def _ready(self) -> Ready | None:
        """Through nothing else, and in the tests: from what is loaded already."""
        return None if self.prefix or Server.ready is None else Server.ready()

    def _environment(self) -> dict[str, str]:
        environment = {**os.environ, "VERBUND_DATA": str(self.data), "VERBUND_MEET": "off"}
        return environment | {f"VERBUND_{name.upper()}": value for name, value in self.settings.items()}

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def pid_alive(self) -> bool:
        """Whether there is a process, stopped ones included."""
        return self._process is not None and self._process.poll() is None

    def said(self) -> str:
        """Everything that it printed."""
        return self._log.read_text()


class Firm:
    """Anna's firm with Ben in it, at one provider."""

    def __init__(self, server: Server, name: str = "Tischlerei Lindner", setup: str = "", suffix: str = "") -> None:
        self.anna = Person(server.address, "Anna Lindner", secure=server.secure)
        self.ben = Person(server.address, "Ben Krause", secure=server.secure)
        self.anna.found(setup or server.setup, name, f"anna{suffix}", PASSWORD)
        self.ben.join(self.anna.invite(self.anna.organisation), f"ben{suffix}", PASSWORD)
        self.workshop = self.anna.create("Werkstatt")
        self.ben.join_team(self.workshop)
        self.anna.refresh()

    def close(self) -> None:
        self.anna.close()
        self.ben.close()


def texts(person: Person, space: str) -> list[str]:
    """What is said in the main channel, oldest first."""
    page = person.call("GET", f"/api/spaces/{space}/messages", params={"limit": 100})
    return [message["text"] for message in page["messages"]]
