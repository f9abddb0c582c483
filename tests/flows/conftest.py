"""Real providers for the stories; each test file that wants one alone starts its own."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.flows.browser import Person
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


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """A browser story that fails leaves a picture of every page."""
    report = yield
    if report.when == "call" and report.failed:
        folder = Path(".build/pictures")
        folder.mkdir(parents=True, exist_ok=True)
        for number, person in enumerate(Person.open):
            with contextlib.suppress(Exception):
                person.page.screenshot(path=folder / f"{item.name}-{number}-{person.name}.png")
    return report
