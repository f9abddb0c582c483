"""The home is gone, and people come in all the same: with yesterday's invitation, on a new device, with the card.

Two real providers, real browsers. Anna's account is at Werkhof, which dies; the firm's spaces live at Südnetz too.
"""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.flows.browser import WAIT_MS, Person, chromium
from tests.flows.pair import Pair, at_work, colleagues, two_providers
from tests.flows.server import PASSWORD, texts
from tests.flows.test_access import SMALL_PHONE
from tests.flows.test_failover import HOME_MS
from tests.flows.test_partners import eventually

pytestmark = pytest.mark.browser
#: What both devices show, for people to compare.
NUMBER = re.compile(r"\d{3} \d{3}")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """One pair for all stories: each ends with both providers well."""
    with two_providers(tmp_path_factory.mktemp("pair")) as both:
        yield both


@pytest.fixture(scope="module")
def there(browser: Browser, house: Pair) -> Iterator[Callable[[str], Person]]:
    with colleagues(browser, house) as comes:
        yield comes


@pytest.fixture
def pair(house: Pair) -> Pair:
    return house.well()


@pytest.fixture
def anna(pair: Pair, there: Callable[[str], Person]) -> Person:
    return there("anna")


def two_links(anna: Person, space: str) -> tuple[str, str]:
    """An invitation as Anna gets it to pass on: at home, and at the partner."""
    anna.walk(f"/raum/{space}/einstellungen")
    anna.button("Einladen").first.click()
    dialog = anna.page.get_by_role("dialog")
    dialog.get_by_role("button", name="Link erzeugen").click()
    first = dialog.get_by_label("Link zum Weitergeben")
    expect(first).to_be_visible(timeout=WAIT_MS)
    links = str(first.input_value()), str(dialog.get_by_label("Falls die erste Adresse").input_value())
    expect(dialog.get_by_role("button", name="Beide als Text kopieren")).to_be_visible()
    anna.walk(f"/raum/{space}")
    anna.sees("vor dem Ausfall")
    return links


def test_newcomer_joins_at_the_partner_with_yesterdays_invitation(browser: Browser, pair: Pair, anna: Person) -> None:
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
    clara.close()


def make_card(anna: Person) -> tuple[str, list[str]]:
    """(number, codes) as they are printed. The page of today asks for the card."""
    anna.walk("/")
    anna.link("Notfallkarte anlegen").click()
    anna.button("Notfallkarte anlegen").click()
    sheet = anna.page.get_by_role("article", name="Notfallkarte")
    expect(sheet).to_be_visible(timeout=WAIT_MS)
    codes = sheet.locator("code").all_inner_texts()
    return str(sheet.locator("strong").first.inner_text()), codes


def tries_code(new: Person, code: str) -> None:
    new.page.get_by_label("Code", exact=True).fill(code)
    new.button("Anmelden").click()


def test_new_device_comes_in_with_the_card_while_home_is_gone(browser: Browser, pair: Pair, anna: Person) -> None:
    number, codes = make_card(anna)
    assert len(codes) == 8
    anna.walk("/")
    anna.sees("Guten ")
    anna.sees_not("Notfallkarte anlegen")
    account = pair.firm.anna.account
    eventually(lambda: pair.equal_in(account))
    anna.walk(f"/raum/{pair.workshop}")
    anna.sees("vor dem Ausfall")

    pair.werkhof.kill()
    phone = Person(browser, "phone", pair.suednetz.address, viewport=SMALL_PHONE, color_scheme="dark")
    phone.go(f"/notfall#{number.replace('-', '')}~{pair.werkhof.address}")
    tries_code(phone, codes[0])
    phone.sees("Dieser Code gilt bei Werkhof. Bei Südnetz gelten die Codes 5 bis 8.")
    tries_code(phone, codes[4][:-1] + ("A" if codes[4][-1] != "A" else "B"))
    phone.sees("Dieser Code gehört nicht zu dieser Karte.")
    tries_code(phone, codes[4].lower().replace("-", " "))
    phone.sees("Guten ")
    phone.go(f"/raum/{pair.workshop}")
    phone.sees("vor dem Ausfall")
    phone.says("Anna vom neuen Telefon")
    anna.sees("Anna vom neuen Telefon")

    pair.werkhof.start()
    eventually(pair.equal)
    eventually(lambda: pair.equal_in(account))
    late = Person(browser, "late", pair.suednetz.address)
    late.go(f"/notfall#{number.replace('-', '')}")
    tries_code(late, codes[4])
    late.sees("Code 5 wurde am")
    anna.go("/konto/notfallkarte")
    anna.sees("Code 5: benutzt")
    anna.sees("Code 6: unbenutzt")
    assert anna.complaints == phone.complaints == late.complaints == []
    for person in (phone, late):
        person.close()


def test_new_device_is_added_from_an_old_one_while_home_is_gone(browser: Browser, pair: Pair, anna: Person) -> None:
    pair.werkhof.kill()
    anna.says("noch da")
    anna.sees("noch da")
    expect(anna.page.get_by_role("status").filter(has_text="Südnetz")).to_contain_text("nicht erreichbar")
    anna.page.get_by_role("link", name="Anna Lindner").or_(anna.button("Anna Lindner", exact=False)).first.click()
    anna.page.get_by_role("menuitem", name="Konto").click()
    anna.link("Neues Gerät hinzufügen").click()
    link = anna.page.get_by_label("Link für das neue Gerät")
    expect(link).to_be_visible(timeout=WAIT_MS)
    address = str(link.input_value())
    assert address.startswith(f"{pair.suednetz.address}/geraet#")

    tablet = Person(browser, "tablet", pair.suednetz.address, viewport=SMALL_PHONE)
    tablet.go(address)
    tablet.button("Weiter").click()
    shown = tablet.page.get_by_role("status").filter(has_text=NUMBER)
    expect(shown).to_be_visible(timeout=WAIT_MS)
    anna.sees(str(shown.inner_text()))
    thief = Person(browser, "thief", pair.suednetz.address)
    thief.go(address)
    thief.button("Weiter").click()
    thief.sees("schon ein anderes Gerät")
    anna.button("Ja, hinzufügen").click()
    tablet.sees("Guten ")
    tablet.go(f"/raum/{pair.workshop}")
    tablet.says("vom Tablet")

    pair.werkhof.start()
    eventually(lambda: "vom Tablet" in texts(pair.firm.ben, pair.workshop))
    assert anna.complaints == tablet.complaints == thief.complaints == []
    for person in (tablet, thief):
        person.close()


def test_home_that_lost_its_disk_is_gone_back_to(browser: Browser, pair: Pair, tmp_path: Path) -> None:
    """An old backup is enough: it holds the key. Sessions are gone; the page signs in with its device's key."""
    pair.werkhof.command("backup", str(tmp_path / "backup"), port=False)
    anna = at_work(browser, pair, "anna")
    anna.says("vor dem Verlust")
    eventually(lambda: "vor dem Verlust" in texts(pair.firm.ben, pair.workshop))
    eventually(pair.equal)

    pair.werkhof.kill()
    anna.says("ohne Werkhof")
    anna.sees("ohne Werkhof")
    line = anna.page.get_by_role("status").filter(has_text="nicht erreichbar")
    expect(line).to_be_visible(timeout=WAIT_MS)
    shutil.rmtree(pair.werkhof.data)
    pair.werkhof.command("restore", str(tmp_path / "backup"), port=False)
    pair.werkhof.start()
    expect(line).to_have_count(0, timeout=HOME_MS)
    anna.says("wieder zu Hause")
    eventually(
        lambda: texts(pair.firm.ben, pair.workshop)[-3:] == ["vor dem Verlust", "ohne Werkhof", "wieder zu Hause"]
    )
    eventually(lambda: bool(anna.page.evaluate("async () => (await fetch('/api/me')).ok")))
    eventually(pair.equal)
    assert anna.complaints == []
    anna.close()
