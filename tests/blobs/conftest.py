"""A running blob server of the test's own, and people who talk to it."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.ports import free_port
from verbund.base.ids import b64
from verbund.blobs.limits import CHUNK_BYTES

ROOT = Path(__file__).parents[2]
START_TIMEOUT_S = 30
SPACE, OTHER_SPACE = b64(sha256(b"family").digest()), b64(sha256(b"firm").digest())
ROOMS = {SPACE: ["anna", "ben"], OTHER_SPACE: ["stranger", "ben"]}


def hash_text(raw: bytes) -> str:
    return b64(sha256(raw).digest())


def plan_of(raw: bytes, media_type: str = "application/octet-stream") -> dict[str, Any]:
    chunks = [hash_text(raw[at : at + CHUNK_BYTES]) for at in range(0, max(1, len(raw)), CHUNK_BYTES)]
    return {"hash": hash_text(raw), "size": len(raw), "chunks": chunks, "type": media_type}


class Server:
    """One server process. `kill` is kill -9; `start` again goes on with the same data."""

    def __init__(self, data: Path, **given: Any) -> None:
        self.data = data
        self.port = free_port()
        self._given = {"data": str(data), "port": self.port, "rooms": ROOMS, **given}
        self.process: subprocess.Popen[bytes] | None = None
        self._people: list[Person] = []
        self._peak_kib = 0

    def start(self) -> "Server":
        command = [sys.executable, "-m", "tests.blobs.host", json.dumps(self._given)]
        self.process = subprocess.Popen(command, cwd=ROOT, env={"PYTHONPATH": "src:.", "PATH": "/usr/bin:/bin"})
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                time.sleep(0.05)
            else:
                return self
        raise RuntimeError("the blob server did not start")

    def kill(self) -> None:
        assert self.process is not None
        self._peak_kib = self.peak_kib()
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        assert self.process is not None
        for person in self._people:
            person.http.close()
        self.process.terminate()
        self.process.wait(START_TIMEOUT_S)

    def peak_kib(self) -> int:
        """The most memory that this server had resident, in all its lives."""
        assert self.process is not None
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        now = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))
        return max(now, self._peak_kib)

    def person(self, account: str) -> "Person":
        self._people.append(Person(self, account))
        return self._people[-1]


class Person:
    """Somebody who uploads and downloads over HTTP."""

    def __init__(self, server: Server, account: str) -> None:
        self.http = httpx.Client(
            base_url=f"http://127.0.0.1:{server.port}",
            headers={"x-account": account},
            timeout=60,
            trust_env=False,
            verify=False,
        )

    def have(self, plan: dict[str, Any], space: str = SPACE, **more: Any) -> httpx.Response:
        return self.http.post(f"/blobs/{space}/have", json={**plan, **more})

    def send(self, raw: bytes, space: str = SPACE, chunk: str | None = None) -> httpx.Response:
        return self.http.put(f"/blobs/{space}/chunks/{chunk or hash_text(raw)}", content=raw)

    def commit(self, plan: dict[str, Any], space: str = SPACE) -> httpx.Response:
        return self.http.post(f"/blobs/{space}/commit", json=plan)

    def upload(self, raw: bytes, space: str = SPACE, media_type: str = "application/octet-stream") -> str:
        """The whole way; gives the hash."""
        plan = plan_of(raw, media_type)
        told = self.have(plan, space)
        assert told.status_code == 200, told.text
        for index in told.json()["missing"]:
            sent = self.send(raw[index * CHUNK_BYTES : (index + 1) * CHUNK_BYTES], space)
            assert sent.status_code == 204, sent.text
        done = self.commit(plan, space)
        assert done.status_code == 200, done.text
        return str(plan["hash"])

    def get(
        self,
        blob: str,
        space: str = SPACE,
        headers: dict[str, str] | None = None,
        as_preview: bool = False,
        **query: Any,
    ) -> httpx.Response:
        if as_preview:
            query = {"as": "preview", **query}
        return self.http.get(f"/blobs/{space}/{blob}", headers=headers, params=query)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that the tests of this folder share; each brings its own bytes."""
    running = Server(tmp_path_factory.mktemp("blobs")).start()
    yield running
    running.stop()


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Starts servers with data and limits of this test's own."""
    started: list[Server] = []

    def start(**given: Any) -> Server:
        started.append(Server(given.pop("data", tmp_path / "data"), **given).start())
        return started[-1]

    yield start
    for one in started:
        one.stop()


@pytest.fixture
def anna(server: Server) -> Person:
    return server.person("anna")


@pytest.fixture
def ben(server: Server) -> Person:
    return server.person("ben")


@pytest.fixture
def stranger(server: Server) -> Person:
    return server.person("stranger")
