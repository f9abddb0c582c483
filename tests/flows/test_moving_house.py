"""A firm moves house while its old provider is dead: one click of the owner, then everybody once.

Two real providers, real browsers. The firm is at Werkhof, which dies; Südnetz becomes its home.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.flows.browser import WAIT_MS, Person, chromium
from tests.flows.pair import Pair, at_work, two_providers
from tests.flows.test_access import check
from tests.flows.test_failover import LINE
from tests.flows.test_partners import eventually
from verbund.ops.moving.archive import Reader

pytestmark = pytest.mark.browser
FRESH = "ein ganz neues Passwort 7"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    with two_providers(tmp_path) as both:
        yield both


def moves_in(person: Person, pair: Pair, handle: str) -> Person:
    """From the old page, which only the browser has any more, to the new home; the person there."""
    person.sees("Südnetz ist jetzt das Zuhause der Organisation.")
    person.link("Jetzt einziehen").click()
    person.sees("ist jetzt bei Südnetz zu Hause")
    check(person, "moving in")
    if handle == "ben":
        person.page.set_viewport_size({"width": 360, "height": 740})
        check(person, "moving in, on a phone")
        person.page.set_viewport_size({"width": 1280, "height": 800})
    expect(person.page.get_by_label("Anmeldename")).to_have_value(handle)
    person.page.get_by_label("Neues Passwort").fill(FRESH)
    person.button("Bei Südnetz einziehen").click()
    person.sees("Bei Südnetz eingezogen")
    person.sees_not("Jetzt einziehen")
    there = Person(person.context.browser, handle, pair.suednetz.address)
    there.sign_in(handle, FRESH, f"/raum/{pair.workshop}")
    there.sees("vor dem Ausfall")
    return there


def takes_everything_along(owner: Person, file: Path) -> None:
    """The whole firm as a file, from whoever is there; the page says when it is whole."""
    with owner.page.expect_download(timeout=WAIT_MS) as begun:
        owner.button("Alles herunterladen").click()
    begun.value.save_as(file)
    owner.sees("Die Datei liegt bei den Downloads des Browsers.")
    reader = Reader(file)
    assert "Werkstatt" in {space.title for space in reader.head.spaces}
    assert b"vor dem Ausfall" in b"".join(reader.read(name) for name in reader.under("entries/"))
    reader.close()


def test_a_firm_moves_to_its_partner_while_the_old_provider_is_dead(
    browser: Browser, pair: Pair, tmp_path: Path
) -> None:
    anna, ben = at_work(browser, pair, "anna"), at_work(browser, pair, "ben")
    eventually(pair.equal)
    firm = pair.firm.anna.organisation
    anna.walk(f"/raum/{firm}/daten")
    anna.sees("Die Bereiche von Tischlerei Lindner liegen bei")
    takes_everything_along(anna, tmp_path / "daheim.zip")
    pair.werkhof.kill()

    expect(anna.page.get_by_role("status").filter(has_text="Südnetz")).to_contain_text(LINE)
    anna.go(f"/raum/{firm}/daten")
    takes_everything_along(anna, tmp_path / "beim-partner.zip")
    anna.button("Zu unserem Zuhause machen").first.click()
    dialog = anna.page.get_by_role("dialog")
    dialog.get_by_text("braucht den alten Anbieter nicht").wait_for(timeout=WAIT_MS)
    check(anna, "before moving")
    dialog.get_by_role("button", name="Zu unserem Zuhause machen").click()
    anna.sees("Zuhause: Hier melden sich alle zuerst an.")

    ben_there = moves_in(ben, pair, "ben")
    ben_there.says("bin eingezogen")
    ben_there.sees("bin eingezogen")
    anna_there = moves_in(anna, pair, "anna")
    anna_there.sees("bin eingezogen")
    anna_there.walk(f"/raum/{firm}/daten")
    anna_there.sees("Zuhause: Hier melden sich alle zuerst an.")
    expect(anna_there.button("Hier nicht mehr")).to_be_visible(timeout=WAIT_MS)
    assert anna_there.complaints == ben_there.complaints == []
    for person in (anna, ben, anna_there, ben_there):
        person.close()
