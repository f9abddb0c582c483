"""Real providers for the stories; each test file that wants one alone starts its own."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Error

from tests.flows.browser import CONNECTIONS, Person
from tests.flows.server import Firm, Server

LOOK_MS = 5_000
SAID_MAX = 4_000


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
    """A browser story that fails leaves a picture of every page, and says what stood on it and what the server said."""
    report = yield
    if report.when == "call" and report.failed:
        folder = Path(".build/pictures")
        folder.mkdir(parents=True, exist_ok=True)
        for number, person in enumerate(Person.open):
            with contextlib.suppress(Exception):
                person.page.screenshot(path=folder / f"{item.name}-{number}-{person.name}.png", timeout=LOOK_MS)
            report.sections.append((f"what {person.name} saw", seen_by(person)))
        for name, server in getattr(item, "funcargs", {}).items():
            if isinstance(server, Server):
                report.sections.append((f"what {name} said", server.said()[-SAID_MAX:]))
    return report


def seen_by(person: Person) -> str:
    """The page in words, and how its connections for media stand."""
    try:
        page = person.page.locator("body").aria_snapshot(timeout=LOOK_MS)
        return f"{page}\n{person.page.evaluate(CONNECTIONS)}"
    except Error as error:  # a page that hangs is what is to be told
        return f"the page does not answer: {error}"
