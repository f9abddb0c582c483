"""The story of a film in a real browser: watched while it is still being prepared, found again in another browser."""

import re
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.flows.browser import chromium
from tests.flows.server import PASSWORD, Server
from tests.media.films import foreign_film, hold_encoding, let_go, repeated
from tests.media.test_in_product import add, film, until
from verbund.ops.client import Person
from verbund.web.composition import APP_FOLDER

SECONDS = 60
WAIT_MS = 180_000
LEAVE_AT_S = 24
#: So many segments; the first three make up four seconds, each of the others lasts as long.
TWELVE_SECONDS, THIRTY_TWO_SECONDS = 5, 10

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not (APP_FOLDER / "index.html").is_file(), reason="the app is not built"),
]


@pytest.fixture
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    running = Server(tmp_path / "data").start()
    yield running
    running.stop()


def sign_in(browser: Browser, server: Server, violations: list[str]) -> Page:
    page = browser.new_context(locale="de-DE").new_page()
    page.set_default_timeout(WAIT_MS)
    page.on("console", lambda said: violations.append(said.text) if "Security Policy" in said.text else None)
    page.on("pageerror", lambda error: violations.append(str(error)))
    page.goto(f"{server.address}/anmelden")
    page.locator("input[autocomplete^=username]").fill("anna")
    page.locator("input[type=password]").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{server.address}/")
    page.goto(f"{server.address}/mediathek")
    return page


def position(page: Page) -> int:
    """Whole seconds, as the scrub bar tells them."""
    return int(page.get_by_role("slider", name="Stelle im Film").get_attribute("aria-valuenow") or 0)


def wait_for_position(page: Page, seconds: int) -> None:
    deadline = time.monotonic() + WAIT_MS / 1000
    while position(page) < seconds:
        assert time.monotonic() < deadline, position(page)
        page.wait_for_timeout(100)


def test_film_is_watched_while_it_is_prepared_and_found_again(tmp_path: Path, browser: Browser, server: Server) -> None:
    piece = foreign_film(tmp_path / "piece.webm", 10, "568x424", rate="6")  # the smallest in two sizes
    path = repeated(tmp_path / "film.webm", piece, SECONDS // 10)
    violations: list[str] = []
    with closing(Person(server.address, "Anna Lindner")) as anna:
        anna.found(server.setup, "Tischlerei Lindner", "anna", PASSWORD)
        page = sign_in(browser, server, violations)
        expect(page.get_by_text("Hier beginnt die Mediathek")).to_be_visible()
        one = add(anna, anna.create("Werkstatt"), path, "Die Kunst der Treppe")
        folder = server.data / "media" / one
        held = hold_encoding(server.pid, folder, TWELVE_SECONDS)
        page.locator(f"[data-film='{one}'][data-state=playable]").first.wait_for()
        page.get_by_role("link", name="Ansehen").click()
        wait_for_position(page, 2)
        let_go(held)
        # The page has to see that the film grew: where it jumps to was not there when it began.
        held = hold_encoding(server.pid, folder, THIRTY_TWO_SECONDS)
        page.keyboard.press("4")
        wait_for_position(page, LEAVE_AT_S + 1)
        assert film(anna, one)["state"] == "playable"
        let_go(held)
        page.keyboard.press("k")
        until(anna, one, lambda found: found["position_ms"] >= LEAVE_AT_S * 1000)
        page.context.close()
        other = sign_in(browser, server, violations)
        row = other.locator("section", has=other.get_by_role("heading", name="Weiterschauen"))
        expect(row.get_by_text(re.compile(r"Weiter bei 0:[23]\d"))).to_be_visible()
        row.locator(f"[data-film='{one}']").click()
        wait_for_position(other, LEAVE_AT_S)
        wait_for_position(other, position(other) + 1)  # only what plays goes on in the corner
        other.go_back()
        expect(other.get_by_role("button", name="Film schließen")).to_be_visible()
    assert violations == []
