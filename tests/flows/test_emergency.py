"""The home is gone, and people come in all the same: with yesterday's invitation, on a new device, with the card.

Two real providers, real browsers. Anna's account is at Werkhof, which dies; the firm's spaces live at Südnetz too.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.flows.browser import WAIT_MS, Person, chromium
from tests.flows.pair import Pair, at_work, two_providers
from tests.flows.server import PASSWORD
from tests.flows.test_partners import eventually

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    with two_providers(tmp_path) as both:
        yield both


def two_links(anna: Person, space: str) -> tuple[str, str]:
    """An invitation as Anna gets it to pass on: at home, and at the partner."""
    anna.go(f"/raum/{space}/einstellungen")
    anna.button("Einladen").first.click()
    dialog = anna.page.get_by_role("dialog")
    dialog.get_by_role("button", name="Link erzeugen").click()
    first = dialog.get_by_label("Link zum Weitergeben")
    expect(first).to_be_visible(timeout=WAIT_MS)
    links = str(first.input_value()), str(dialog.get_by_label("Falls die erste Adresse").input_value())
    expect(dialog.get_by_role("button", name="Beide als Text kopieren")).to_be_visible()
    anna.go(f"/raum/{space}")
    return links


def test_newcomer_joins_at_the_partner_with_yesterdays_invitation(browser: Browser, pair: Pair) -> None:
    anna = at_work(browser, pair, "anna")
    home, partner = two_links(anna, pair.workshop)
    assert home.startswith(pair.werkhof.address)
    assert pair.suednetz.address in home.split("#")[1]
    assert partner.startswith(pair.suednetz.address)
    eventually(pair.equal)

    pair.werkhof.kill()
    clara = Person(browser, "clara", pair.suednetz.address)
    clara.go(partner)
    clara.sees("lädt Sie ein")
    clara.page.get_by_label("Ihr Name").fill("Clara Neumann")
    clara.page.get_by_label("Passwort", exact=True).last.fill(PASSWORD)
    clara.button("Beitreten").click()
    clara.sees("vor dem Ausfall")
    clara.says("Clara ist da")
    anna.sees("Clara ist da")
    anna.says("Willkommen, Clara")
    clara.sees("Willkommen, Clara")

    pair.werkhof.start()
    eventually(pair.equal)
    clara.says("Werkhof ist wieder da")
    anna.sees("Werkhof ist wieder da")
    assert anna.complaints == clara.complaints == []
    anna.close()
    clara.close()
