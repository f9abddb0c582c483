"""Signing in: by password and by a device's key; what strangers learn, and how often they may try."""

import httpx
import pytest

from tests.accounts.people import PASSWORD, Browser, Place
from verbund.accounts.challenges import login_message
from verbund.accounts.commands import make_reset_link_for_handle
from verbund.base.ids import b64


@pytest.fixture
async def anna(place: Place) -> Browser:
    browser, _ = await place.firm()
    return browser


async def test_a_new_browser_becomes_a_device_that_the_provider_vouches_for(place: Place, anna: Browser) -> None:
    second = place.browser()
    answer = await second.signs_in("anna")
    assert answer.status_code == 201
    assert second.account == anna.account

    devices = (await anna.get("/api/devices")).json()

    assert {one["dev"]: one["voucher"] for one in devices} == {
        anna.pen.dev: "genesis", second.pen.dev: "provider",
    }  # fmt: skip
    assert [one["current"] for one in devices if one["dev"] == anna.pen.dev] == [True]


async def test_the_same_browser_stays_the_same_device(place: Place, anna: Browser) -> None:
    assert (await anna.delete("/api/sessions/current")).status_code == 204
    assert (await anna.get("/api/me")).status_code == 401
    assert (await anna.signs_in("anna")).status_code == 201
    assert len((await anna.get("/api/devices")).json()) == 1


async def test_cookies_are_out_of_reach_of_scripts_and_other_sites(anna: Browser) -> None:
    answer = await anna.signs_in("anna")
    cookies = answer.headers.get_list("set-cookie")
    session = next(one for one in cookies if one.startswith("verbund_session="))
    assert "HttpOnly" in session
    assert "SameSite=lax" in session
    assert "Path=/" in session
    assert answer.headers["cache-control"] == "no-store"


async def test_wrong_handle_and_wrong_password_get_the_same_answer(place: Place, anna: Browser) -> None:
    eve = place.browser()
    wrong_password = await eve.signs_in("anna", "ein falsches Passwort")
    wrong_handle = await eve.signs_in("nobody", "ein falsches Passwort")
    assert wrong_password.status_code == wrong_handle.status_code == 401
    assert wrong_password.json() == wrong_handle.json()


async def test_a_wrong_handle_costs_the_work_of_a_wrong_password(place: Place, anna: Browser) -> None:
    """Counted, not timed: both verify one verifier."""
    eve = place.browser()
    await eve.signs_in("nobody", "ein falsches Passwort")
    passwords = place.services.parts["gate"].passwords
    calls: list[str] = []
    check = passwords._check
    passwords._check = lambda verifier, password: calls.append(verifier[:15]) or check(verifier, password)
    await eve.signs_in("anna", "ein falsches Passwort")
    await eve.signs_in("nobody", "ein falsches Passwort")
    assert len(calls) == 2
    assert calls[0] == calls[1] == "$argon2id$v=19$"


async def test_guessing_is_slowed_down_and_a_known_browser_is_not(place: Place, anna: Browser) -> None:
    eve = place.browser(address="198.51.100.9")
    answers = [await eve.signs_in("anna", f"geraten Nummer {number}") for number in range(12)]
    assert answers[0].status_code == 401
    assert answers[-1].status_code == 429
    assert 0 < answers[-1].json()["retry_after_s"] <= 60
    assert answers[-1].headers["retry-after"]

    await anna.delete("/api/sessions/current")
    assert (await anna.signs_in("anna")).status_code == 201


async def test_guessing_from_many_networks_does_not_lock_out_a_known_browser(place: Place, anna: Browser) -> None:
    for number in range(40):
        eve = place.browser(address=f"198.51.{number}.9")
        last = await eve.signs_in("anna", "noch einmal geraten")
    assert last.status_code == 429
    await anna.delete("/api/sessions/current")
    assert (await anna.signs_in("anna")).status_code == 201
    assert (await by_device(anna)).status_code == 201


async def test_who_waits_as_told_gets_in(place: Place, anna: Browser) -> None:
    tired = place.browser(address="198.51.100.9")
    for number in range(12):
        answer = await tired.signs_in("anna", f"vertippt Nummer {number}")
    place.clock.pass_s(answer.json()["retry_after_s"])
    assert (await tired.signs_in("anna")).status_code == 201


async def test_an_office_that_signs_in_at_once_does_not_wait(place: Place, anna: Browser) -> None:
    for _ in range(10):
        assert (await place.browser(address="203.0.113.5").signs_in("anna")).status_code == 201


async def by_device(browser: Browser, **changed: object) -> httpx.Response:
    asked = (await browser.post("/api/sessions/challenge")).json()
    message = login_message(asked["nonce"], asked["audience"], browser.pen.dev)
    body = {"dev": browser.pen.dev, "challenge": asked["nonce"], "sig": b64(browser.pen.key.sign(message)), **changed}
    return await browser.post("/api/sessions/device", body)


async def test_a_device_signs_in_by_its_key(anna: Browser) -> None:
    await anna.delete("/api/sessions/current")
    assert (await by_device(anna)).status_code == 201
    assert (await anna.get("/api/me")).status_code == 200


async def test_a_challenge_works_once_for_a_minute_and_for_this_provider(place: Place, anna: Browser) -> None:
    asked = (await anna.post("/api/sessions/challenge")).json()

    def body(audience: str) -> dict[str, str]:
        signature = anna.pen.key.sign(login_message(asked["nonce"], audience, anna.pen.dev))
        return {"dev": anna.pen.dev, "challenge": asked["nonce"], "sig": b64(signature)}

    assert (await anna.post("/api/sessions/device", body(place.origin))).status_code == 201
    again = await anna.post("/api/sessions/device", body(place.origin))
    assert (again.status_code, again.json()["code"]) == (401, "accounts.stale_challenge")

    asked = (await anna.post("/api/sessions/challenge")).json()
    other = await anna.post("/api/sessions/device", body("https://example.org"))
    assert other.json()["code"] == "accounts.device_unknown"

    asked = (await anna.post("/api/sessions/challenge")).json()
    place.clock.pass_s(61)
    late = await anna.post("/api/sessions/device", body(place.origin))
    assert late.json()["code"] == "accounts.stale_challenge"

    asked = {"nonce": b64(bytes(40))}
    assert (await anna.post("/api/sessions/device", body(place.origin))).json()["code"] == "accounts.stale_challenge"


async def test_an_unknown_device_does_not_sign_in(place: Place, anna: Browser) -> None:
    eve = place.browser()
    answer = await by_device(eve)
    assert (answer.status_code, answer.json()["code"]) == (401, "accounts.device_unknown")
    assert (await by_device(eve, dev=anna.pen.dev)).status_code == 401


async def test_somebody_elses_device_is_not_taken_over(place: Place, anna: Browser) -> None:
    boss, _ = await place.firm("Glaserei Wolf", "wolf")
    boss.pen = anna.pen
    answer = await boss.signs_in("wolf")
    assert (answer.status_code, answer.json()["code"]) == (409, "accounts.device_taken")


@pytest.mark.parametrize("key", ["", "AAAA", b64(bytes(32)), b64(b"\x01" + bytes(31)), "!" * 43])
async def test_weak_keys_are_refused(place: Place, anna: Browser, key: str) -> None:
    body = {"handle": "anna", "password": PASSWORD, "device": {"alg": "ed25519", "key": key, "label": ""}}
    answer = await place.browser().post("/api/sessions", body)
    assert answer.status_code == 422
    assert len((await anna.get("/api/devices")).json()) == 1


async def test_a_session_ends_after_long_silence(place: Place, anna: Browser) -> None:
    place.clock.pass_s(61 * 24 * 3600)
    assert (await anna.get("/api/me")).status_code == 401


async def test_a_session_that_is_used_goes_on(place: Place, anna: Browser) -> None:
    for _ in range(5):
        place.clock.pass_s(30 * 24 * 3600)
        assert (await anna.get("/api/me")).status_code == 200


async def test_a_guessed_token_is_nobody(place: Place, anna: Browser) -> None:
    eve = place.browser()
    for token in ("", "x", "x" * 5000, "ä"):
        cookie = {b"cookie": f"verbund_session={token}".encode()}
        assert (await eve.http.get("/api/me", headers=cookie)).status_code == 401


async def test_a_forgotten_password_is_replaced_by_a_link(place: Place, anna: Browser) -> None:
    token = await place.services.log.write(lambda tx: make_reset_link_for_handle(tx, "ANNA"))
    eve = place.browser()
    new = "drei Sägen und eine Feile"
    assert (await eve.post("/api/password-resets/use", {"token": token, "password": new})).status_code == 204

    assert (await anna.get("/api/me")).status_code == 401, "every session ended"
    assert (await eve.signs_in("anna")).status_code == 401
    assert (await eve.signs_in("anna", new)).status_code == 201
    again = await eve.post("/api/password-resets/use", {"token": token, "password": new})
    assert (again.status_code, again.json()["code"]) == (410, "accounts.reset_link_used")


async def test_a_reset_link_ends_after_a_day_and_when_there_is_a_newer_one(place: Place, anna: Browser) -> None:
    first = await place.services.log.write(lambda tx: make_reset_link_for_handle(tx, "anna"))
    second = await place.services.log.write(lambda tx: make_reset_link_for_handle(tx, "anna"))
    body = {"token": first, "password": PASSWORD}
    assert (await anna.post("/api/password-resets/use", body)).status_code == 410
    place.clock.pass_s(25 * 3600)
    assert (await anna.post("/api/password-resets/use", {**body, "token": second})).status_code == 410


async def test_only_who_leads_the_firm_helps_a_colleague_in(place: Place, anna: Browser) -> None:
    firm = (await anna.get("/api/me")).json()["organisation"]
    ben, carla = await place.colleague(anna, firm, "ben"), await place.colleague(anna, firm, "carla", "admin")
    wolf, _ = await place.firm("Glaserei Wolf", "wolf")

    async def link(helper: Browser, other: Browser) -> int:
        return (await helper.post("/api/password-resets", {"account": other.account})).status_code

    assert [await link(one, ben) for one in (anna, carla, wolf)] == [201, 201, 404]
    assert [await link(ben, one) for one in (anna, carla, wolf)] == [404, 404, 404]
    assert [await link(carla, one) for one in (anna, wolf)] == [404, 404]
    unknown = await anna.post("/api/password-resets", {"account": b64(bytes(32))})
    assert unknown.json() == (await wolf.post("/api/password-resets", {"account": ben.account})).json()


async def test_a_colleague_of_two_firms_is_helped_by_none_of_them_alone(place: Place, anna: Browser) -> None:
    """Else the one firm's admin would open the other firm's spaces."""
    wolf, glass = await place.firm("Glaserei Wolf", "wolf")
    firm = (await anna.get("/api/me")).json()["organisation"]
    ben = await place.colleague(anna, firm, "ben")
    assert (await ben.joins(await wolf.invites(glass)))["st"] == "accepted"
    assert (await anna.post("/api/password-resets", {"account": ben.account})).status_code == 404


async def test_a_new_password_needs_the_old_one(place: Place, anna: Browser) -> None:
    new = "drei Sägen und eine Feile"
    assert (await anna.post("/api/password", {"old": "falsch geraten", "new": new})).status_code == 401
    assert (await anna.post("/api/password", {"new": new})).status_code == 401
    assert (await anna.post("/api/password", {"old": PASSWORD, "new": "kurz"})).status_code == 422
    assert (await anna.post("/api/password", {"old": PASSWORD, "new": new})).status_code == 204
    assert (await place.browser().signs_in("anna", PASSWORD)).status_code == 401
    assert (await place.browser().signs_in("anna", new)).status_code == 201


async def test_a_password_counts_however_its_umlauts_are_composed(place: Place) -> None:
    anna = place.browser()
    await anna.sets_up("Anna", "Tischlerei", "anna", "Bu\u0308gelsa\u0308ge 12")
    assert (await place.browser().signs_in("anna", "B\u00fcgels\u00e4ge 12")).status_code == 201
    assert (await place.browser().signs_in("anna", "Bugelsage 12")).status_code == 401


async def test_rubbish_as_password_is_just_wrong(place: Place, anna: Browser) -> None:
    eve = place.browser()
    assert (await eve.signs_in("anna", "")).status_code == 401
    assert (await eve.signs_in("anna", "ä" * 1000)).status_code == 401
    assert (await eve.signs_in("anna", "x" * 5000)).status_code == 422
