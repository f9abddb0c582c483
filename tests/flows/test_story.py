"""The story that must work, in real browsers: set up, invite, talk, go offline, come back, survive kill -9.

Calls and films have stories of their own (tests/meet, tests/media).
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.flows.browser import WAIT_MS, Person, Watched, chromium
from tests.flows.server import Server

pytestmark = pytest.mark.browser
PASSWORD = "lange genug und nirgends sonst"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium(whole=True) as running:
        yield running


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    running = Server(tmp_path / "werkhof").start()
    yield running
    running.stop()


def set_up(anna: Person, server: Server) -> None:
    """Anna follows the one-time link, names her firm and herself, and chooses a password."""
    anna.go(f"/willkommen#{server.setup}")
    anna.page.get_by_label("Name der Firma").fill("Tischlerei Lindner")
    anna.button("Weiter").click()
    anna.page.get_by_label("Ihr Name").fill("Anna Lindner")
    anna.button("Weiter").click()
    anna.page.get_by_label("Anmeldename").fill("anna")
    anna.page.get_by_label("Passwort", exact=True).last.fill(PASSWORD)
    anna.button("Verbund öffnen").click()
    anna.sees("Tischlerei Lindner")


def make_space(anna: Person, title: str) -> None:
    anna.button("Neuer Bereich").first.click()
    dialog = anna.page.get_by_role("dialog")
    dialog.get_by_label("Name").fill(title)
    dialog.get_by_role("button", name="Anlegen").click()
    expect(dialog).to_have_count(0)
    expect(anna.page.locator("textarea").first).to_be_visible(timeout=WAIT_MS)


def invite(anna: Person, space: str) -> str:
    """A link for this space, from its settings."""
    anna.go(f"/raum/{space}/einstellungen")
    anna.button("Einladen").first.click()
    dialog = anna.page.get_by_role("dialog")
    dialog.get_by_role("button", name="Link erzeugen").click()
    field = dialog.get_by_label("Link zum Weitergeben")
    expect(field).to_be_visible(timeout=WAIT_MS)
    link = str(field.input_value())
    anna.go(f"/raum/{space}")
    return link


def accept(ben: Person, link: str) -> None:
    ben.go(link)
    ben.page.get_by_label("Ihr Name").fill("Ben Krause")
    ben.page.get_by_label("Anmeldename").fill("ben")
    ben.page.get_by_label("Passwort", exact=True).last.fill(PASSWORD)
    ben.button("Beitreten").click()
    expect(ben.page.get_by_role("navigation").first).to_contain_text("Werkstatt", timeout=WAIT_MS)


def test_two_people_set_up_talk_and_survive(browser: Browser, server: Server) -> None:
    anna, ben = Watched(browser, "Anna", server.address), Watched(browser, "Ben", server.address)
    set_up(anna, server)
    make_space(anna, "Werkstatt")
    found = re.search(r"/raum/([^/?#]+)", anna.page.url)
    assert found
    accept(ben, invite(anna, found[1]))
    ben.go(f"/raum/{found[1]}")

    anna.says("Guten Morgen 🪵 **wichtig**")
    ben.sees("Guten Morgen 🪵")
    expect(ben.page.locator("strong", has_text="wichtig")).to_be_visible()
    ben.says("Moin Anna")
    anna.sees("Moin Anna")

    ben.page.locator("textarea").first.press_sequentially("Ich schreibe", delay=60)
    anna.sees("schreibt")
    ben.page.locator("textarea").first.fill("")

    offline_and_back(anna, ben)
    survive_kill(anna, ben, server)
    assert anna.complaints == []
    assert ben.complaints == []
    assert anna.outside == []
    assert ben.outside == []
    anna.close()
    ben.close()


def offline_and_back(anna: Person, ben: Person) -> None:
    """Ben's network goes; he reloads, still sees what he had, writes; the network returns: once and in order."""
    ben.waits_for_shell()
    ben.context.set_offline(True)
    ben.page.reload()
    ben.sees("Moin Anna")
    ben.says("offline eins")
    ben.says("offline zwei")
    ben.sees("offline zwei")
    anna.sees_not("offline eins")
    ben.context.set_offline(False)
    anna.sees("offline zwei")
    texts = anna.page.get_by_role("log").inner_text()
    assert texts.count("offline eins") == texts.count("offline zwei") == 1
    assert texts.index("offline eins") < texts.index("offline zwei")


def survive_kill(anna: Person, ben: Person, server: Server) -> None:
    """The server dies and comes back: what was said is there, what is said meanwhile arrives."""
    server.kill()
    anna.says("während er tot ist")
    server.start()
    ben.sees("während er tot ist")
    ben.page.reload()
    for text in ("Guten Morgen", "Moin Anna", "offline eins", "offline zwei", "während er tot ist"):
        ben.sees(text)
