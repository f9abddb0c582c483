"""A firm with a server that can do calls: Anna, Ben, a guest, a stranger."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from playwright.sync_api import Browser

from tests.flows import browser
from tests.meet.host import PASSWORD, Server, build_page
from verbund.base.ids import SpaceId
from verbund.ops.client import Person


class Firm(NamedTuple):
    server: Server
    anna: Person
    ben: Person
    stranger: Person
    space: SpaceId


@pytest.fixture(scope="session")
def page_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page") / "app"
    build_page(folder)
    return folder


@contextmanager
def firm_of(server: Server) -> Iterator[Firm]:
    """The server runs, and a firm lives on it."""
    server.start()
    people = [Person(server.address, name) for name in ("Anna Lindner", "Ben Krause", "Fremde")]
    try:
        anna, ben, stranger = people
        organisation = anna.found(server.setup_token(), "Tischlerei Lindner", "anna", PASSWORD)
        space = anna.create("Werkstatt", "private")
        ben.join(anna.invite(organisation), "ben", PASSWORD)
        stranger.join(anna.invite(organisation), "fremde", PASSWORD)
        ben.enter(anna.invite(space))
        yield Firm(server, anna, ben, stranger, space)
    finally:
        for person in people:
            person.close()
        server.stop()


@pytest.fixture
def firm(tmp_path: Path, page_folder: Path) -> Iterator[Firm]:
    with firm_of(Server(tmp_path / "data", page_folder)) as firm:
        yield firm


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser.chromium() as running:
        yield running
