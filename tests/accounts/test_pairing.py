"""A new device from an old one: whose code it is, who may ask, who hears what, and when it is over."""

from typing import Any

import httpx

from tests.accounts.people import Browser, Place
from tests.accounts.test_cards import Card, code_of, comes_in
from verbund.accounts.events import AskingPutOff, DeviceAdded, PasskeyMade
from verbund.accounts.pairing import LIFE_MS
from verbund.base.ids import ProviderId, b64, personal_space
from verbund.spaces.events import PersonalOpened
from verbund.spaces.schemas import Host

NAME = "A" * 43
PROOF = "B" * 43
SUEDNETZ = ProviderId("S" * 42 + "A")


async def begun(place: Place) -> tuple[Browser, Browser]:
    """Anna, who shows a code, and a browser that has read it."""
    anna, _ = await place.firm()
    assert (await anna.post("/api/pairings", {"name": NAME})).status_code == 201
    return anna, place.browser("198.51.100.4")


async def claims(new: Browser, proof: str = PROOF) -> httpx.Response:
    return await new.post(f"/api/pairings/{NAME}/claim", {"device": new.pen.public, "proof": proof})


async def test_the_old_device_says_yes(place: Place) -> None:
    anna, new = await begun(place)
    assert (await anna.get(f"/api/pairings/{NAME}")).json()["claim"] is None
    assert (await claims(new)).json() == {"state": "waiting"}
    asked: dict[str, Any] = (await anna.get(f"/api/pairings/{NAME}")).json()["claim"]
    assert (asked["device"]["key"], asked["proof"]) == (new.pen.public["key"], PROOF)
    assert (await comes_in(new)).status_code == 401, "not before the old one has said yes"
    event = DeviceAdded(
        dev=new.pen.dev, alg="ed25519", key=b64(new.pen.key.public.raw), label="Tablet", voucher="device"
    )
    await anna.writes(anna.account, event)
    assert (await claims(new)).json() == {"state": "added"}
    assert (await comes_in(new)).json()["account"] == anna.account


async def test_the_old_device_says_no(place: Place) -> None:
    anna, new = await begun(place)
    await claims(new)
    assert (await anna.delete(f"/api/pairings/{NAME}")).status_code == 204
    assert (await claims(new)).json() == {"state": "refused"}
    assert (await comes_in(new)).status_code == 401


async def test_who_comes_second_is_told(place: Place) -> None:
    _, new = await begun(place)
    await claims(new)
    assert code_of(await claims(place.browser())) == (409, "accounts.pairing_taken")
    assert (await claims(new)).json() == {"state": "waiting"}


async def test_it_is_over_after_ten_minutes_and_after_another_one(place: Place) -> None:
    anna, new = await begun(place)
    await anna.post("/api/pairings", {"name": "C" * 42 + "A"})
    assert code_of(await claims(new)) == (410, "accounts.pairing_over")
    await anna.post("/api/pairings", {"name": NAME})
    place.clock.pass_s(LIFE_MS / 1000 + 1)
    assert code_of(await claims(new)) == (410, "accounts.pairing_over")
    assert code_of(await anna.get(f"/api/pairings/{NAME}")) == (410, "accounts.pairing_over")


async def test_nobody_else_sees_or_ends_it(place: Place) -> None:
    anna, new = await begun(place)
    wolf, _ = await place.firm("Glaserei Wolf", "wolf")
    await claims(new)
    assert (await wolf.get(f"/api/pairings/{NAME}")).status_code == 410
    assert (await wolf.delete(f"/api/pairings/{NAME}")).status_code == 410
    assert (await wolf.post("/api/pairings", {"name": NAME})).status_code == 409
    assert (await place.browser().post("/api/pairings", {"name": NAME})).status_code == 401
    assert (await anna.post("/api/pairings", {"name": "kurz"})).status_code == 404


async def test_codes_are_not_tried_out_without_end(place: Place) -> None:
    await begun(place)
    guesser = place.browser("203.0.113.9")
    body = {"device": guesser.pen.public, "proof": PROOF}
    tried = [(await guesser.post(f"/api/pairings/{at:042d}A/claim", body)).status_code for at in range(40)]
    assert set(tried) == {410, 429}


async def test_card_and_passkey_are_asked_for_in_turn_until_there_are_some_or_they_are_put_off(place: Place) -> None:
    anna, _ = await place.firm()
    nothing = {"card": False, "passkey": None}
    assert (await anna.get("/api/asking")).json() == nothing, "there is one provider only"
    home = place.services.log.provider
    two = [Host(home, "Werkhof", place.origin), Host(SUEDNETZ, "Südnetz", "https://suednetz.example")]
    place.services.parts["hosts_of"] = lambda _connection, _account: two
    assert (await anna.get("/api/asking")).json() == {"card": True, "passkey": None}, "one thing at a time"
    own = personal_space(anna.account)
    await anna.writes(own, PersonalOpened(account=anna.account), ah=[])
    await anna.writes(own, AskingPutOff(what="card"))
    assert (await anna.get("/api/asking")).json() == {"card": False, "passkey": "Südnetz"}
    await anna.writes(own, AskingPutOff(what="passkey"))
    assert (await anna.get("/api/asking")).json() == nothing
    place.clock.pass_s(31 * 24 * 3600)
    assert (await anna.get("/api/asking")).json() == {"card": True, "passkey": None}
    await Card(anna, home).made()
    assert (await anna.get("/api/asking")).json() == {"card": False, "passkey": "Südnetz"}
    two[1] = Host(SUEDNETZ, "Südnetz", "https://192.0.2.4:8443")
    assert (await anna.get("/api/asking")).json() == nothing, "browsers make no passkeys for a bare number"
    two[1] = Host(SUEDNETZ, "Südnetz", "https://suednetz.example")
    made = PasskeyMade(credential="abc", key="abc", provider=SUEDNETZ, origin="https://suednetz.example")
    await anna.writes(anna.account, made)
    assert (await anna.get("/api/asking")).json() == nothing
    wolf, _ = await place.firm("Glaserei Wolf", "wolf")
    outcome, _ = await wolf.tries(own, AskingPutOff(what="card"), ah=[])
    assert outcome["st"] != "accepted"
