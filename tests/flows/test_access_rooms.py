"""No findings of axe where people talk, meet and watch: what test_access.py does for the frame."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.flows.browser import WAIT_MS, Person, chromium
from tests.flows.server import PASSWORD, Firm, Server
from tests.flows.test_access import DESK, SMALL_PHONE, STILL, check_looks
from tests.media.films import browser_film
from tests.media.test_in_product import add, settled, until

pytestmark = [pytest.mark.browser, pytest.mark.programs]


def talk(firm: Firm) -> None:
    """A conversation with everything in it that a conversation can show."""
    asked = firm.anna.say(firm.workshop, "Wer holt **heute** die Platten? `A 17`\n\n- eins\n- zwei\n\n> Zitat")
    firm.anna.post(
        firm.workshop, "chat.reaction_set.1", {"message": asked, "emoji": "👍", "on": True}, re=[asked]
    )  # fmt: skip
    firm.ben.refresh()
    firm.ben.say(firm.workshop, "Ich, @Anna Lindner: https://example.org", reply_to=asked, mentions=[firm.anna.account])
    gone = firm.ben.say(firm.workshop, "Das nehme ich zurück")
    firm.ben.post(firm.workshop, "chat.message_withdrawn.1", {"message": gone, "by": "author"}, re=[gone])


def check_talk(person: Person) -> None:
    person.sees("Wer holt")
    check_looks(person, "conversation")
    person.message("Wer holt").hover()
    expect(person.message("Wer holt").get_by_role("toolbar")).to_be_visible()
    check_looks(person, "message bar")
    person.button("Emoji einfügen").click()
    expect(person.page.get_by_role("dialog", name="Emoji einfügen")).to_be_visible()
    person.page.get_by_role("searchbox", name="Emoji suchen").fill("haus")
    expect(person.page.get_by_role("dialog", name="Emoji einfügen").get_by_role("button").nth(12)).to_be_visible()
    check_looks(person, "emoji")
    person.page.keyboard.press("Escape")
    person.page.keyboard.press("Control+k")
    person.page.get_by_role("combobox").fill("platten")
    expect(person.page.get_by_role("option").first).to_be_visible(timeout=WAIT_MS)
    check_looks(person, "what the field for everything finds")
    person.page.keyboard.press("Escape")


def check_sheet(phone: Person) -> None:
    """A finger rests on a message."""
    phone.sees("Wer holt")
    check_looks(phone, "conversation on a phone")
    touch = {"pointerType": "touch", "bubbles": True, "isPrimary": True, "clientX": 120, "clientY": 200}
    phone.message("Wer holt").dispatch_event("pointerdown", touch)
    sheet = phone.page.get_by_role("dialog", name="Was mit dieser Nachricht geschehen kann")
    expect(sheet).to_be_visible(timeout=WAIT_MS)
    check_looks(phone, "sheet of a message")
    phone.page.keyboard.press("Escape")


def check_films(person: Person, film: str) -> None:
    person.go("/mediathek")
    expect(person.page.locator(f"[data-film='{film}']").first).to_be_visible(timeout=WAIT_MS)
    check_looks(person, "library")
    box = person.page.get_by_role("searchbox", name="Filme suchen").bounding_box()
    assert box is not None
    assert box["x"] >= 0, "the library's head is cut off"
    person.page.locator(f"[data-film='{film}']").first.click()
    expect(person.page.get_by_role("dialog")).to_be_visible()
    check_looks(person, "sheet of a film")
    person.go(f"/mediathek/{film}")
    expect(person.page.get_by_role("slider", name="Stelle im Film")).to_be_visible(timeout=WAIT_MS)
    person.page.keyboard.press("k")
    check_looks(person, "player")


def check_call(person: Person, space: str) -> None:
    person.walk(f"/anruf/{space}")
    expect(person.page.get_by_role("heading", name="Bereit für den Videoanruf?")).to_be_visible(timeout=WAIT_MS)
    expect(person.page.locator("video").first).to_be_visible(timeout=WAIT_MS)
    check_looks(person, "before a call")
    person.button("Beitreten").click()
    stage = person.page.get_by_role("region", name="Bühne des Videoanrufs")
    expect(stage).to_be_visible(timeout=WAIT_MS)
    stage.hover(position={"x": 30, "y": 200})
    check_looks(person, "in a call")
    person.page.get_by_role("button", name=re.compile("^Auflegen")).click()
    expect(stage).to_have_count(0, timeout=WAIT_MS)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


def test_rooms_are_for_everybody(browser: Browser, tmp_path: Path) -> None:
    server = Server(tmp_path / "werkhof", meet="auto").start()
    firm = Firm(server)
    try:
        talk(firm)
        film = add(
            firm.anna, firm.workshop, browser_film(tmp_path / "film.mp4", 20), "Rundgang durch die neue Werkstatt"
        )
        until(firm.anna, film, settled)
        room = f"/raum/{firm.workshop}"
        anna = Person(browser, "Anna", server.address, viewport=DESK, **STILL)
        ben = Person(
            browser, "Ben", server.address, viewport=SMALL_PHONE, **STILL, has_touch=True,
            is_mobile=True,
        )  # fmt: skip
        anna.sign_in("anna", PASSWORD, room)
        check_talk(anna)
        ben.sign_in("ben", PASSWORD, room)
        check_sheet(ben)
        for person in (anna, ben):
            check_films(person, film)
            check_call(person, firm.workshop)
            assert person.complaints == []
            person.close()
    finally:
        firm.close()
        server.stop()
