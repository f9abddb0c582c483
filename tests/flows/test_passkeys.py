"""A passkey at the second provider: made on its page from the account at home, good there while the home is gone.

Two real providers, real browsers, authenticators in software (CDP WebAuthn). Werkhof, Anna's home, is a bare
number here, so that only Südnetz is a name for which browsers make passkeys.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.flows.browser import WAIT_MS, Person, chromium
from tests.flows.pair import Pair, at_work, two_providers
from tests.flows.server import texts
from tests.flows.test_access import SMALL_PHONE
from tests.flows.test_partners import eventually

pytestmark = pytest.mark.browser
AUTHENTICATOR = {
    "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
    "isUserVerified": True, "automaticPresenceSimulation": True,
}  # fmt: skip


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with two_providers(tmp_path_factory.mktemp("pair"), names=("127.0.0.1", "localhost")) as both:
        yield both


class Key:
    """An authenticator beside a page. What it holds can be carried to another, as between two devices of a person."""

    def __init__(self, page: Page) -> None:
        self._cdp = page.context.new_cdp_session(page)
        self._cdp.send("WebAuthn.enable")
        added = self._cdp.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
        self.id = added["authenticatorId"]

    def held(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._cdp.send("WebAuthn.getCredentials", {"authenticatorId": self.id})[
            "credentials"
        ]
        return found

    def takes(self, credentials: list[dict[str, Any]]) -> None:
        for one in credentials:
            self._cdp.send("WebAuthn.addCredential", {"authenticatorId": self.id, "credential": one})


def make_passkey(anna: Person) -> list[dict[str, Any]]:
    """From the account at home to Südnetz's page and back; what the authenticator holds then."""
    anna.walk("/konto")
    anna.button("Passkey bei Südnetz anlegen").click()
    with anna.context.expect_page() as opened:
        anna.link("Weiter zu Südnetz").click()
    there = opened.value
    key = Key(there)
    expect(there.get_by_text("Für das Konto von Anna Lindner")).to_be_visible(timeout=WAIT_MS)
    there.get_by_role("button", name="Passkey anlegen").click()
    expect(there.get_by_role("heading", name="Passkey angelegt")).to_be_visible(timeout=WAIT_MS)
    held = key.held()
    there.close()
    expect(anna.page.get_by_text("Passkey bei Südnetz", exact=True).first).to_be_visible(timeout=WAIT_MS)
    expect(anna.page.get_by_role("dialog")).to_have_count(0, timeout=WAIT_MS)
    return held


def comes_in(browser: Browser, name: str, pair: Pair, held: list[dict[str, Any]]) -> Person:
    """Somebody at Südnetz's page, on a browser that was never here, with what an authenticator holds."""
    new = Person(browser, name, pair.suednetz.address, viewport=SMALL_PHONE)
    Key(new.page).takes(held)
    new.go("/notfall")
    new.link("Mit Passkey oder Passwort anmelden").click()
    new.button("Mit Passkey anmelden").click()
    return new


def test_a_passkey_leads_in_at_the_partner_while_home_is_gone(browser: Browser, pair: Pair) -> None:
    anna = at_work(browser, pair, "anna")
    anna.walk("/")
    anna.button("Später").click()
    anna.sees_not("Eine Notfallkarte für den Fall der Fälle")
    anna.go("/")
    anna.sees("Ein Passkey bei Südnetz")
    anna.link("Passkey anlegen").click()
    anna.sees("Ein Passkey ist schneller")
    held = make_passkey(anna)
    assert [one["rpId"] for one in held] == ["localhost"]
    anna.walk("/")
    anna.sees("Guten ")
    anna.sees_not("Ein Passkey bei Südnetz")
    account = pair.firm.anna.account
    eventually(lambda: pair.equal_in(account))
    anna.walk(f"/raum/{pair.workshop}")
    anna.sees("vor dem Ausfall")

    pair.werkhof.kill()
    phone = comes_in(browser, "phone", pair, held)
    phone.sees("Guten ")
    phone.go(f"/raum/{pair.workshop}")
    phone.sees("vor dem Ausfall")
    phone.says("Anna mit dem Passkey")
    anna.sees("Anna mit dem Passkey")

    pair.werkhof.start()
    eventually(lambda: "Anna mit dem Passkey" in texts(pair.firm.ben, pair.workshop))
    eventually(pair.equal)
    revoked_everywhere(browser, pair, anna, held)
    phone.says("noch da")
    anna.walk(f"/raum/{pair.workshop}")
    anna.sees("noch da")
    assert anna.complaints == phone.complaints == []
    for person in (anna, phone):
        person.close()


def revoked_everywhere(browser: Browser, pair: Pair, anna: Person, held: list[dict[str, Any]]) -> None:
    """At home; the partner does as it says, and who came in before stays."""
    account = pair.firm.anna.account
    anna.walk("/konto")
    anna.sees("Mit einem Passkey bei einem zweiten Anbieter angemeldet")
    anna.button("Passkey bei Südnetz entfernen").click()
    anna.sees("gilt nirgends mehr")
    eventually(lambda: pair.equal_in(account))
    thief = comes_in(browser, "thief", pair, held)
    thief.sees("Dieses Gerät ist hier nicht angemeldet")
    thief.close()
