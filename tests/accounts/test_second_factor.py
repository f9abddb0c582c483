"""The second factor: a code works once, a recovery code works once, and both let the right person in."""

import pyotp
import pytest

from tests.accounts.people import Browser, Place
from verbund.accounts.factors import RECOVERY_CODES


class Phone:
    """An authenticator app, with the test's clock."""

    def __init__(self, place: Place, secret: str) -> None:
        self._place, self._totp = place, pyotp.TOTP(secret)

    def code(self, later_s: int = 0) -> str:
        return self._totp.at(self._place.clock.ms // 1000 + later_s)


@pytest.fixture
async def anna(place: Place) -> Browser:
    browser, _ = await place.firm()
    return browser


async def turned_on(place: Place, anna: Browser) -> tuple[Phone, list[str]]:
    setup = (await anna.post("/api/second-factor")).json()
    assert setup["uri"].startswith("otpauth://totp/")
    assert setup["qr_svg"].startswith("<svg")
    phone = Phone(place, setup["secret"])
    answer = await anna.post("/api/second-factor/confirm", {"code": phone.code()})
    assert answer.status_code == 200, answer.text
    place.clock.pass_s(31)
    return phone, answer.json()["codes"]


async def test_with_the_second_factor_on_a_code_is_asked_for(place: Place, anna: Browser) -> None:
    phone, _ = await turned_on(place, anna)
    other = place.browser()
    without = await other.signs_in("anna")
    assert (without.status_code, without.json()["code"]) == (401, "accounts.code_needed")
    assert (await other.signs_in("anna", code=phone.code())).status_code == 201


async def test_without_the_password_nobody_learns_that_there_is_one(place: Place, anna: Browser) -> None:
    await turned_on(place, anna)
    answer = await place.browser().signs_in("anna", "falsch geraten")
    assert answer.json()["code"] == "accounts.wrong_credentials"


async def test_a_code_works_once(place: Place, anna: Browser) -> None:
    phone, _ = await turned_on(place, anna)
    code = phone.code()
    assert (await place.browser().signs_in("anna", code=code)).status_code == 201
    again = await place.browser().signs_in("anna", code=code)
    assert (again.status_code, again.json()["code"]) == (401, "accounts.wrong_code")
    place.clock.pass_s(31)
    assert (await place.browser().signs_in("anna", code=phone.code())).status_code == 201


async def test_an_older_code_does_not_work_after_a_newer_one(place: Place, anna: Browser) -> None:
    phone, _ = await turned_on(place, anna)
    older = phone.code()
    place.clock.pass_s(30)
    assert (await place.browser().signs_in("anna", code=phone.code())).status_code == 201
    assert (await place.browser().signs_in("anna", code=older)).status_code == 401


async def test_the_code_that_confirmed_does_not_sign_in(place: Place, anna: Browser) -> None:
    setup = (await anna.post("/api/second-factor")).json()
    code = Phone(place, setup["secret"]).code()
    assert (await anna.post("/api/second-factor/confirm", {"code": code})).status_code == 200
    assert (await place.browser().signs_in("anna", code=code)).status_code == 401


async def test_a_clock_that_is_a_little_off_is_forgiven(place: Place, anna: Browser) -> None:
    phone, _ = await turned_on(place, anna)
    place.clock.pass_s(60)
    assert (await place.browser().signs_in("anna", code=phone.code(later_s=-30))).status_code == 201
    place.clock.pass_s(120)
    assert (await place.browser().signs_in("anna", code=phone.code(later_s=-90))).status_code == 401


async def test_a_recovery_code_works_once_and_shows_among_the_devices(place: Place, anna: Browser) -> None:
    _, codes = await turned_on(place, anna)
    assert len(set(codes)) == RECOVERY_CODES
    other = place.browser()
    assert (await other.signs_in("anna", code=codes[0].lower().replace("-", " "))).status_code == 201
    again = await place.browser().signs_in("anna", code=codes[0])
    assert (again.status_code, again.json()["code"]) == (401, "accounts.wrong_code")

    devices = (await anna.get("/api/devices")).json()
    assert {one["voucher"] for one in devices} == {"genesis", "recovery"}
    assert (await anna.get("/api/security")).json()["recovery_codes_left"] == RECOVERY_CODES - 1


async def test_another_accounts_recovery_code_is_worth_nothing(place: Place, anna: Browser) -> None:
    wolf, _ = await place.firm("Glaserei Wolf", "wolf")
    _, codes = await turned_on(place, wolf)
    await turned_on(place, anna)
    assert (await place.browser().signs_in("anna", code=codes[0])).status_code == 401


async def test_new_recovery_codes_end_the_old_ones(place: Place, anna: Browser) -> None:
    phone, old = await turned_on(place, anna)
    answer = await anna.post("/api/second-factor/recovery-codes", {"code": phone.code()})
    new = answer.json()["codes"]
    assert (await place.browser().signs_in("anna", code=old[0])).status_code == 401
    assert (await place.browser().signs_in("anna", code=new[0])).status_code == 201


async def test_it_is_turned_off_only_with_a_code(place: Place, anna: Browser) -> None:
    phone, _ = await turned_on(place, anna)
    assert (await anna.delete("/api/second-factor", {"code": "000000"})).status_code == 401
    assert (await anna.post("/api/second-factor")).json()["code"] == "accounts.factor_already_on"
    assert (await anna.delete("/api/second-factor", {"code": phone.code()})).status_code == 204
    assert (await place.browser().signs_in("anna")).status_code == 201
    assert (await anna.get("/api/security")).json()["second_factor"] is False


async def test_codes_are_guessed_slowly(place: Place, anna: Browser) -> None:
    await turned_on(place, anna)
    codes = [(await anna.delete("/api/second-factor", {"code": f"{n:06}"})).json()["code"] for n in range(10)]
    assert codes[0] == "accounts.wrong_code"
    assert codes[-1] == "base.too_fast"


@pytest.mark.parametrize("code", ["", "12345", "abcdef", "١٢٣٤٥٦", "x" * 16, "🔑"])
async def test_rubbish_is_a_wrong_code(place: Place, anna: Browser, code: str) -> None:
    await turned_on(place, anna)
    assert (await place.browser().signs_in("anna", code=code)).json()["code"] == "accounts.wrong_code"


async def test_nothing_secret_lies_in_the_store(place: Place, anna: Browser) -> None:
    """Passwords, session tokens and recovery codes are not to be found in the database file."""
    _, codes = await turned_on(place, anna)
    token = anna.http.cookies["verbund_session"]
    raw = b"".join(file.read_bytes() for file in place.services.data.glob("verbund.db*"))
    assert b"anna" in raw
    for secret in ("vier Hobel, ein Brett", token, codes[0], codes[0].replace("-", "")):
        assert secret.encode() not in raw
    assert b"192.0.2.7" not in raw
