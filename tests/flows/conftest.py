"""Real providers for the stories; each test file that wants one alone starts its own."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.flows.server import Firm, Server


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """name, settings → a running provider; all end with the test."""
    running: list[Server] = []

    def start(name: str, port: int | None = None, /, **settings: str) -> Server:
        server = Server(tmp_path / name, port, **settings).start()
        running.append(server)
        return server

    yield start
    for server in running:
        server.stop()


@pytest.fixture
def server(servers: Callable[..., Server]) -> Server:
    return servers("werkhof")


@pytest.fixture
def firm(server: Server) -> Iterator[Firm]:
    firm = Firm(server)
    yield firm
    firm.close()
