"""Passkeys: opening an account and signing in with one, and what is not taken for one."""

import pytest

from tests.accounts.authenticator import Authenticator
from tests.accounts.people import Browser, Place
from verbund.accounts.commands import make_setup_link
from verbund.base.ids import b64


def authenticator(place: Place) -> Authenticator:
    return Authenticator("localhost", place.origin)


@pytest.fixture
async def anna(place: Place) -> Browser:
    browser, _ = await place.firm()
    return browser


async def added(anna: Browser, key: Authenticator) -> None:
    begun = (await anna.post("/api/passkeys/options")).json()
    body = {"challenge": begun["challenge"], "credential": key.creates(begun["options"]), "label": "Schlüsselbund"}
    answer = await anna.post("/api/passkeys", body)
    assert answer.status_code == 204, answer.text


async def signs_in(browser: Browser, key: Authenticator, **changed: object) -> tuple[int, str]:
    begun = (await browser.post("/api/sessions/passkey/options")).json()
    answer_ = {"challenge": begun["challenge"], "credential": key.answers(begun["options"]), **changed}
    answer = await browser.post("/api/sessions/passkey", {"passkey": answer_, "device": browser.pen.public})
    return answer.status_code, answer.json().get("code", "")


async def test_a_passkey_signs_in_without_a_name(place: Place, anna: Browser) -> None:
    key = authenticator(place)
    await added(anna, key)
    assert await signs_in(place.browser(), key) == (201, "")
    rows = (await anna.get("/api/security")).json()["passkeys"]
    assert [(row["label"], row["used_at"] is not None) for row in rows] == [("Schlüsselbund", True)]


async def test_an_account_is_opened_with_a_passkey_alone(place: Place) -> None:
    anna, key = place.browser(), authenticator(place)
    token = await place.services.log.write(make_setup_link)
    begun = (await anna.post("/api/accounts/passkey/options", {"handle": "anna", "name": "Anna"})).json()
    assert begun["options"]["rp"]["id"] == "localhost"
    passkey = {"challenge": begun["challenge"], "credential": key.creates(begun["options"]), "label": "Telefon"}
    parcels = [*anna.opening("Anna"), anna.founding("Tischlerei")[1]]
    body = {"proof": {"setup": token}, "handle": "anna", "passkey": passkey, "parcels": parcels}
    answer = await anna.post("/api/accounts", body)
    assert answer.status_code == 201, answer.text
    assert await signs_in(place.browser(), key) == (201, "")
    assert (await place.browser().signs_in("anna", "irgendein Passwort")).json()["code"] == "accounts.wrong_credentials"
    last = await anna.delete(f"/api/passkeys/{b64(key.id)}")
    assert (last.status_code, last.json()["code"]) == (409, "accounts.last_way_in")


async def test_neither_way_in_is_no_account(place: Place) -> None:
    anna = place.browser()
    token = await place.services.log.write(make_setup_link)
    body = {"proof": {"setup": token}, "handle": "anna", "parcels": anna.opening("Anna")}
    assert (await anna.post("/api/accounts", body)).status_code == 422


async def test_a_challenge_is_answered_once(place: Place, anna: Browser) -> None:
    key = authenticator(place)
    await added(anna, key)
    begun = (await anna.post("/api/sessions/passkey/options")).json()
    body = {
        "passkey": {"challenge": begun["challenge"], "credential": key.answers(begun["options"])},
        "device": anna.pen.public,
    }
    assert (await anna.post("/api/sessions/passkey", body)).status_code == 201
    again = await anna.post("/api/sessions/passkey", body)
    assert (again.status_code, again.json()["code"]) == (401, "accounts.stale_challenge")


async def test_what_is_not_this_passkey_is_refused(place: Place, anna: Browser) -> None:
    good = authenticator(place)
    await added(anna, good)
    foreign_site = Authenticator("localhost", "https://example.org")
    foreign_host = Authenticator("example.org", place.origin)
    unverified = Authenticator("localhost", place.origin, verifies=False)
    for bad in (foreign_site, foreign_host, unverified, Authenticator("localhost", place.origin)):
        bad.id = good.id
        assert await signs_in(place.browser(), bad) == (401, "accounts.passkey_refused")
    assert await signs_in(place.browser(), authenticator(place)) == (401, "accounts.device_unknown")
    other = (await anna.post("/api/passkeys/options")).json()["challenge"]
    assert await signs_in(place.browser(), good, challenge=other) == (401, "accounts.stale_challenge")


async def test_a_copied_authenticator_is_noticed(place: Place, anna: Browser) -> None:
    """Its count goes back (WebAuthn, section 6.1.1)."""
    key = authenticator(place)
    await added(anna, key)
    assert await signs_in(place.browser(), key) == (201, "")
    key.uses = 0
    assert await signs_in(place.browser(), key) == (401, "accounts.passkey_refused")


@pytest.mark.parametrize("credential", [{}, {"id": 1}, {"id": "x"}, {"id": "x" * 5000}, {"id": "x", "response": "y"}])
async def test_rubbish_is_refused(place: Place, anna: Browser, credential: dict[str, object]) -> None:
    begun = (await anna.post("/api/sessions/passkey/options")).json()
    body = {"passkey": {"challenge": begun["challenge"], "credential": credential}, "device": anna.pen.public}
    assert (await anna.post("/api/sessions/passkey", body)).status_code == 401
    begun = (await anna.post("/api/passkeys/options")).json()
    answer = await anna.post("/api/passkeys", {"challenge": begun["challenge"], "credential": credential})
    assert answer.status_code == 401


async def test_a_passkey_is_removed_by_its_owner_alone(place: Place, anna: Browser) -> None:
    key = authenticator(place)
    await added(anna, key)
    wolf, _ = await place.firm("Glaserei Wolf", "wolf")
    assert (await wolf.delete(f"/api/passkeys/{b64(key.id)}")).status_code == 404
    assert (await anna.delete(f"/api/passkeys/{b64(key.id)}")).status_code == 204
    assert (await signs_in(place.browser(), key))[0] == 401


async def test_the_same_passkey_is_not_added_twice(place: Place, anna: Browser) -> None:
    key = authenticator(place)
    await added(anna, key)
    wolf, _ = await place.firm("Glaserei Wolf", "wolf")
    begun = (await wolf.post("/api/passkeys/options")).json()
    body = {"challenge": begun["challenge"], "credential": key.creates(begun["options"])}
    assert (await wolf.post("/api/passkeys", body)).json()["code"] == "accounts.too_many_passkeys"
