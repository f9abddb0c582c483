"""Tokens of devices: who gets one, what it is good for, what ends it, and which pages may show it."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from tests.accounts.people import Browser, Place, running
from verbund.accounts import tables
from verbund.accounts.bearers import LIFE_MS
from verbund.accounts.challenges import login_message
from verbund.accounts.events import DeviceRevoked
from verbund.accounts.queries import verifier_of
from verbund.base.ids import SpaceId, b64
from verbund.base.keys import DeviceKey
from verbund.spaces.events import ProviderAdded

SUEDNETZ = "https://suednetz.example"
WAIT_S = 10.0
STRANGE = "https://strange.example"


async def token_of(browser: Browser, origin: str = SUEDNETZ, audience: str = "") -> httpx.Response:
    """As a page of another provider asks: no cookie, its own origin."""
    http = elsewhere(browser.place, origin)
    asked = (await http.post("/api/sessions/challenge")).json()
    message = login_message(asked["nonce"], audience or asked["audience"], browser.pen.dev)
    body = {
        "dev": browser.pen.dev, "challenge": asked["nonce"], "sig": b64(browser.pen.key.sign(message)), "bearer": True,
    }  # fmt: skip
    return await http.post("/api/sessions/device", json=body)


def elsewhere(place: Place, origin: str | None = SUEDNETZ, token: str = "", **headers: str) -> httpx.AsyncClient:
    """A page of another provider, or a program that names no page."""
    shown = {"authorization": f"Bearer {token}"} if token else {}
    named = {"origin": origin} if origin else {}
    transport = httpx.ASGITransport(place.app, client=("192.0.2.9", 40_000), raise_app_exceptions=False)  # type: ignore[arg-type]
    return httpx.AsyncClient(transport=transport, base_url=place.origin, headers={**named, **shown, **headers})


async def with_partner(place: Place) -> tuple[Browser, SpaceId]:
    """Anna's firm, which lives at Südnetz too."""
    anna, firm = await place.firm()
    key = DeviceKey.generate().public
    event = ProviderAdded(provider=key.provider, alg="ed25519", key=b64(key.raw), name="Südnetz", url=SUEDNETZ)
    await anna.writes(firm, event)
    async with asyncio.timeout(WAIT_S):
        while SUEDNETZ not in place.services.neighbours.origins():  # noqa: ASYNC110  # the reading of neighbours tells nobody
            await asyncio.sleep(0)
    return anna, firm


async def test_device_goes_on_from_a_partners_page(tmp_path: Path) -> None:
    async with running(tmp_path) as place:
        anna, _ = await with_partner(place)
        answer = await token_of(anna)
        assert answer.status_code == 201
        assert "set-cookie" not in answer.headers
        page = elsewhere(place, token=answer.json()["token"])
        me = await page.get("/api/me")
        assert me.status_code == 200, me.text
        assert me.headers["access-control-allow-origin"] == SUEDNETZ
        assert "access-control-allow-credentials" not in me.headers
        assert [host["url"] for host in me.json()["hosts"]] == [place.origin, SUEDNETZ]
        assert (await page.post("/api/log", json={"parcels": []})).status_code == 200


async def test_who_comes_over_need_not_ask_whether_it_may_sign_in(tmp_path: Path) -> None:
    """Plain text without a token is what a browser sends at once; the app does (app/src/lib/base/hosts.ts)."""
    async with running(tmp_path) as place:
        anna, _ = await with_partner(place)
        http = elsewhere(place, **{"content-type": "text/plain;charset=UTF-8"})
        asked = (await http.post("/api/sessions/challenge", content=b"{}")).json()
        signature = anna.pen.key.sign(login_message(asked["nonce"], asked["audience"], anna.pen.dev))
        body = {"dev": anna.pen.dev, "challenge": asked["nonce"], "sig": b64(signature), "bearer": True}
        answer = await http.post("/api/sessions/device", content=msgspec.json.encode(body))
        assert answer.status_code == 201, answer.text


async def test_preflight_is_answered_for_partners_only(tmp_path: Path) -> None:
    async with running(tmp_path) as place:
        await with_partner(place)
        asked = {"access-control-request-method": "POST", "access-control-request-headers": "authorization"}
        answer = await elsewhere(place, **asked).options("/api/log")
        assert answer.status_code == 204
        assert answer.headers["access-control-allow-origin"] == SUEDNETZ
        assert "authorization" in answer.headers["access-control-allow-headers"]
        assert answer.headers["access-control-max-age"] == "7200"
        strange = await elsewhere(place, STRANGE, **asked).options("/api/log")
        assert "access-control-allow-origin" not in strange.headers


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_token_on_a_strange_page_is_refused(tmp_path: Path, method: str) -> None:
    async with running(tmp_path) as place:
        anna, _ = await with_partner(place)
        token = (await token_of(anna)).json()["token"]
        answer = await elsewhere(place, STRANGE, token).request(method, "/api/me")
        assert (answer.status_code, answer.json()["code"]) == (403, "web.foreign_origin")
        assert "access-control-allow-origin" not in answer.headers


async def test_cookie_counts_on_no_page_but_our_own(tmp_path: Path) -> None:
    async with running(tmp_path) as place:
        anna, _ = await with_partner(place)
        cookie = "; ".join(f"{name}={value}" for name, value in anna.http.cookies.items())
        assert (await elsewhere(place, place.origin, cookie=cookie).get("/api/me")).status_code == 200
        for origin in (SUEDNETZ, STRANGE):
            assert (await elsewhere(place, origin, cookie=cookie).get("/api/me")).status_code == 401
        written = await elsewhere(place, SUEDNETZ, cookie=cookie).post("/api/log", json={"parcels": []})
        assert written.status_code == 401
        assert (await elsewhere(place, None, cookie=cookie).post("/api/log", json={"parcels": []})).status_code == 403


async def test_token_ends_after_a_quarter_of_an_hour(tmp_path: Path) -> None:
    async with running(tmp_path) as place:
        anna, _ = await with_partner(place)
        page = elsewhere(place, token=(await token_of(anna)).json()["token"])
        place.clock.pass_s(LIFE_MS / 1000 - 5)
        assert (await page.get("/api/me")).status_code == 200
        place.clock.pass_s(10)
        assert (await page.get("/api/me")).status_code == 401


async def test_token_of_a_revoked_device_is_refused(tmp_path: Path) -> None:
    async with running(tmp_path) as place:
        anna, _ = await with_partner(place)
        other = place.browser()
        await other.signs_in("anna")
        page = elsewhere(place, token=(await token_of(other)).json()["token"])
        assert (await page.get("/api/me")).status_code == 200
        row = next(one for one in (await anna.get("/api/devices")).json() if one["dev"] == other.pen.dev)
        cuts: dict[SpaceId, int] = row["cuts"] or {SpaceId(anna.account): 0}
        event = DeviceRevoked(dev=other.pen.dev, cuts={SpaceId(anna.account): 0, **cuts})
        _, parcel = anna.pen.write(anna.account, event, await anna.heads(anna.account))
        answer = await anna.delete(f"/api/devices/{other.pen.dev}", {"parcels": [parcel]})
        assert answer.status_code == 204, answer.text
        assert (await page.get("/api/me")).status_code == 401
        assert (await token_of(other)).json()["code"] == "accounts.device_unknown"


async def test_whoever_signs_out_is_out(tmp_path: Path) -> None:
    async with running(tmp_path) as place:
        anna, _ = await with_partner(place)
        page = elsewhere(place, token=(await token_of(anna)).json()["token"])
        assert (await page.delete("/api/sessions/current")).status_code == 204
        assert (await page.get("/api/me")).status_code == 401
        assert (await anna.get("/api/me")).status_code == 200


async def test_token_of_another_provider_or_a_changed_one_is_refused(tmp_path: Path) -> None:
    async with running(tmp_path / "werkhof") as place:
        anna, _ = await with_partner(place)
        token: str = (await token_of(anna)).json()["token"]
        text, _, mac = token.partition(".")
        async with running(tmp_path / "suednetz") as other:
            await with_partner(other)
            foreign = await elsewhere(other, None, token).get("/api/me")
            assert (foreign.status_code, foreign.json()["code"]) == (401, "accounts.signed_out")
        forged = b64(msgspec.json.encode([anna.account, anna.pen.dev, "x", 2**52]))
        for shown in (text, f"{text}.", f"{text}.{mac[:-1]}", f"{forged}.{mac}", f".{mac}", "ä.ö", "x" * 5000):
            headers: Any = {"authorization": f"Bearer {shown}".encode()}
            assert (await elsewhere(place, None).get("/api/me", headers=headers)).status_code == 401


async def test_signature_for_another_provider_opens_nothing(tmp_path: Path) -> None:
    async with running(tmp_path) as place:
        anna, _ = await with_partner(place)
        answer = await token_of(anna, audience=STRANGE)
        assert (answer.status_code, answer.json()["code"]) == (401, "accounts.device_unknown")


async def test_stranger_with_a_key_of_their_own_gets_no_token(tmp_path: Path) -> None:
    async with running(tmp_path) as place:
        await with_partner(place)
        assert (await token_of(place.browser())).json()["code"] == "accounts.device_unknown"


async def test_who_came_by_device_key_gets_a_way_to_sign_in_here(tmp_path: Path) -> None:
    """As after a move: the account came from another provider, and nobody here has its password."""
    async with running(tmp_path) as place:
        anna, _ = await with_partner(place)
        await place.services.log.write(lambda tx: tx.remove(tables.credential, account=anna.account))
        page = elsewhere(place, token=(await token_of(anna)).json()["token"])
        fresh = {"new": "ein ganz neues Passwort 7"}
        assert (await page.post("/api/password", json=fresh)).json()["code"] == "base.unknown"
        assert (await page.post("/api/password", json={**fresh, "handle": "!"})).json()["code"] == "accounts.bad_handle"
        assert (await page.post("/api/password", json={**fresh, "handle": "Anna"})).status_code == 204
        again = {**fresh, "handle": "anna2"}
        assert (await page.post("/api/password", json=again)).json()["code"] == "accounts.wrong_credentials"
        with place.services.store.read() as connection:
            assert verifier_of(connection, "anna")[0] == anna.account
            assert verifier_of(connection, "anna2")[0] is None


async def test_a_name_that_somebody_has_here_is_not_given_twice(tmp_path: Path) -> None:
    async with running(tmp_path) as place:
        anna, firm = await with_partner(place)
        ben = await place.colleague(anna, firm, "ben")
        await place.services.log.write(lambda tx: tx.remove(tables.credential, account=anna.account))
        page = elsewhere(place, token=(await token_of(anna)).json()["token"])
        asked = {"new": "ein ganz neues Passwort 7", "handle": "ben"}
        assert (await page.post("/api/password", json=asked)).json()["code"] == "accounts.handle_taken"
        with place.services.store.read() as connection:
            assert verifier_of(connection, "ben")[0] == ben.account
