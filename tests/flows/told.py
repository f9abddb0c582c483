"""What a browser story that fails leaves: a picture of every page, what stood on it and what the servers said."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Error

from tests.flows.browser import CONNECTIONS, Person
from tests.flows.server import Server

LOOK_MS = 5_000
SAID_MAX = 4_000


def tell(item: pytest.Item, report: pytest.TestReport) -> None:
    folder = Path(".build/pictures")
    folder.mkdir(parents=True, exist_ok=True)
    for number, person in enumerate(Person.open):
        person.is_doubtful = True
        with contextlib.suppress(Exception):
            person.page.screenshot(path=folder / f"{item.name}-{number}-{person.name}.png", timeout=LOOK_MS)
        report.sections.append((f"what {person.name} saw", seen_by(person)))
    for server in servers_in(tuple(getattr(item, "funcargs", {}).values())):
        report.sections.append((f"what {server.data.name} said", server.said()[-SAID_MAX:]))


def servers_in(found: Any) -> Iterator[Server]:
    """Those of fixtures, which may be tuples of more."""
    if isinstance(found, Server):
        yield found
    elif isinstance(found, tuple):
        for one in found:
            yield from servers_in(one)


def seen_by(person: Person) -> str:
    """The page in words, and how its connections for media stand."""
    try:
        page = person.page.locator("body").aria_snapshot(timeout=LOOK_MS)
        return f"{page}\n{person.page.evaluate(CONNECTIONS)}"
    except Error as error:  # a page that hangs is what is to be told
        return f"the page does not answer: {error}"
