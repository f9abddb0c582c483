"""Emergency cards: whose codes bring whom in, where, how often, and what everybody can check."""

from typing import Any

import httpx

from tests.accounts.people import Browser, Place
from tests.accounts.test_second_factor import turned_on
from verbund.accounts.challenges import login_message
from verbund.accounts.events import CardCode, CardMade, CardRevoked, DeviceAdded, DeviceRevoked, ProfileChanged
from verbund.base.ids import CoreId, DeviceId, ProviderId, b64
from verbund.base.keys import DeviceKey
from verbund.log.core import Parcel

NUMBER = "H7KM2PQR"


class Card:
    """A card as somebody holds it: the keys that follow from its codes."""

    def __init__(self, owner: Browser, *providers: ProviderId) -> None:
        self.owner, self.keys = owner, [DeviceKey.generate() for _ in providers]
        codes = (
            CardCode(key.device, "ed25519", b64(key.public.raw), provider)
            for key, provider in zip(self.keys, providers, strict=True)
        )
        self.event = CardMade(number=NUMBER, codes=tuple(codes))
        self.id = CoreId("")

    async def made(self) -> "Card":
        self.id = await self.owner.writes(self.owner.account, self.event)
        return self

    def cuts(self, *used: int) -> dict[DeviceId, int]:
        return {key.device: int(at in used) for at, key in enumerate(self.keys)}

    def vouches(self, code: int, new: Browser, heads: list[str], voucher: Any = "recovery") -> Parcel:
        """What the browser signs with a code's key: that its own device belongs to the account."""
        event = DeviceAdded(
            dev=new.pen.dev, alg="ed25519", key=b64(new.pen.key.public.raw), label="Leihgerät", voucher=voucher
        )
        return type(new.pen)(new.place.clock, self.keys[code]).write(self.owner.account, event, heads)[1]


async def with_card(place: Place) -> tuple[Browser, Card]:
    """Anna, with two codes that are good here and one that is not."""
    anna, _ = await place.firm()
    here = place.services.log.provider
    return anna, await Card(anna, here, here, ProviderId("S" * 42 + "A")).made()


async def heads(new: Browser) -> list[str]:
    found: list[str] = (await new.get(f"/api/cards/{NUMBER}")).json()[0]["heads"]
    return found


async def uses(new: Browser, card: Card, code: int, factor: str | None = None) -> httpx.Response:
    parcel = card.vouches(code, new, await heads(new))
    return await new.post("/api/sessions/card", {"parcel": parcel, "code": factor})


async def comes_in(new: Browser) -> httpx.Response:
    """Signs in with the key of its device."""
    asked = (await new.post("/api/sessions/challenge")).json()
    sig = b64(new.pen.key.sign(login_message(asked["nonce"], asked["audience"], new.pen.dev)))
    return await new.post("/api/sessions/device", {"dev": new.pen.dev, "challenge": asked["nonce"], "sig": sig})


def code_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def test_a_code_brings_a_new_device_in_once(place: Place) -> None:
    anna, card = await with_card(place)
    new = place.browser("198.51.100.4")
    assert (await comes_in(new)).status_code == 401
    assert (await uses(new, card, 0)).status_code == 204
    assert (await comes_in(new)).json()["account"] == anna.account
    assert (await new.get("/api/me")).json()["account"]["name"] == "Anna"

    device = next(row for row in (await anna.get("/api/devices")).json() if row["dev"] == new.pen.dev)
    assert (device["voucher"], device["label"]) == ("recovery", "Leihgerät")
    shown = (await anna.get("/api/cards")).json()[0]
    assert [code["used_at"] is not None for code in shown["codes"]] == [True, False, False]

    another = place.browser()
    assert code_of(await uses(another, card, 0)) == (409, "accounts.card_code_used")
    assert (await uses(another, card, 1)).status_code == 204, "the next one is good"
    assert (await comes_in(another)).status_code == 201


async def test_the_same_said_twice_is_said_once_and_gives_nobody_a_session(place: Place) -> None:
    _, card = await with_card(place)
    new, thief = place.browser(), place.browser()
    parcel = card.vouches(0, new, await heads(new))
    assert (await new.post("/api/sessions/card", {"parcel": parcel})).status_code == 204
    assert (await new.post("/api/sessions/card", {"parcel": parcel})).status_code == 204, "an answer was lost"
    assert (await thief.post("/api/sessions/card", {"parcel": parcel})).status_code == 204
    assert (await thief.get("/api/me")).status_code == 401
    assert (await comes_in(thief)).status_code == 401


async def test_a_code_is_good_at_its_provider_only(place: Place) -> None:
    _, card = await with_card(place)
    new = place.browser()
    assert code_of(await uses(new, card, 2)) == (409, "accounts.card_code_elsewhere")
    assert (await comes_in(new)).status_code == 401


async def test_a_device_that_somebody_has_leaves_the_code_unused(place: Place) -> None:
    anna, card = await with_card(place)
    wolf, _ = await place.firm("Glaserei Wolf", "wolf")
    assert code_of(await uses(wolf, card, 0)) == (409, "accounts.device_taken")
    shown = (await anna.get("/api/cards")).json()[0]
    assert shown["codes"][0]["used_at"] is None
    assert (await uses(place.browser(), card, 0)).status_code == 204


async def test_what_no_code_signed_brings_nobody_in(place: Place) -> None:
    anna, card = await with_card(place)
    new, forger = place.browser(), place.browser()
    seen = await heads(new)
    forged = Card(anna, place.services.log.provider)
    assert code_of(await new.post("/api/sessions/card", {"parcel": forged.vouches(0, new, seen)})) == (
        401, "accounts.card_code_unknown",
    )  # fmt: skip
    core, body = card.vouches(0, new, seen), card.vouches(0, forger, seen)
    torn = Parcel(c=body.c, s=core.s, sa=body.sa, b=body.b)
    assert (await new.post("/api/sessions/card", {"parcel": torn})).status_code == 422
    lie = card.vouches(0, new, seen, voucher="device")
    assert code_of(await new.post("/api/sessions/card", {"parcel": lie})) == (403, "accounts.not_yours")
    key = card.keys[0]
    other = type(new.pen)(place.clock, key).write(anna.account, ProfileChanged(name="Eve"), seen)[1]
    assert code_of(await new.post("/api/sessions/card", {"parcel": other})) == (401, "accounts.card_code_unknown")
    (outcome,) = await anna.send(other)
    assert (outcome["st"], outcome["code"]) == ("refused", "log.limited_agent")
    assert (await comes_in(new)).status_code == 401


async def test_a_code_signs_nobody_in_by_itself(place: Place) -> None:
    anna, card = await with_card(place)
    thief = Browser(place, type(anna.pen)(place.clock, card.keys[0]))
    assert (await comes_in(thief)).status_code == 401


async def test_a_second_factor_is_asked_for_as_well(place: Place) -> None:
    anna, card = await with_card(place)
    _, recovery = await turned_on(place, anna)
    new = place.browser()
    assert code_of(await uses(new, card, 0)) == (401, "accounts.card_factor_needed")
    assert code_of(await uses(new, card, 0, "000000")) == (401, "accounts.wrong_code")
    assert (await uses(new, card, 0, recovery[0])).status_code == 204
    assert (await comes_in(new)).status_code == 201


async def test_a_revoked_card_is_void_and_who_came_in_by_it_stays(place: Place) -> None:
    anna, card = await with_card(place)
    first, late = place.browser(), place.browser()
    assert (await uses(first, card, 0)).status_code == 204
    await comes_in(first)
    wrong = CardRevoked(card=card.id, cuts=card.cuts())
    outcome, _ = await anna.tries(anna.account, wrong, [card.id])
    assert (outcome["st"], outcome["code"]) == ("refused", "accounts.cut_missing"), "one of them was used"
    anna.pen.last[anna.account] = await head(anna)
    await anna.writes(anna.account, CardRevoked(card=card.id, cuts=card.cuts(0)), [card.id])
    assert (await late.get(f"/api/cards/{NUMBER}")).json()[0]["revoked"] is True
    assert code_of(await uses(late, card, 1)) == (410, "accounts.card_revoked")
    assert (await first.get("/api/me")).status_code == 200


async def head(browser: Browser) -> tuple[int, CoreId | None]:
    said = (await browser.get(f"/api/spaces/{browser.account}/head")).json()
    return said["ds"], said["dp"]


async def test_nobody_makes_or_revokes_cards_for_others(place: Place) -> None:
    anna, card = await with_card(place)
    wolf, _ = await place.firm("Glaserei Wolf", "wolf")
    seen = await anna.heads(anna.account)
    for event, re in ((card.event, []), (CardRevoked(card=card.id, cuts=card.cuts()), [card.id])):
        wolf.pen.takes_back(anna.account, to=(0, None))
        (outcome,) = await wolf.send(wolf.pen.write(anna.account, event, seen, re)[1])
        assert (outcome["st"], outcome["code"]) == ("refused", "base.unknown")
    stolen = CardMade(number="AAAAAAAA", codes=card.event.codes)
    outcome, _ = await wolf.tries(wolf.account, stolen)
    assert outcome["code"] == "accounts.device_taken"
    assert (await wolf.get("/api/cards")).json() == []


async def test_a_device_that_came_by_card_can_be_signed_out(place: Place) -> None:
    anna, card = await with_card(place)
    new = place.browser()
    await uses(new, card, 0)
    await comes_in(new)
    gone = DeviceRevoked(dev=new.pen.dev, cuts={anna.account: 0})  # type: ignore[dict-item]
    parcel = anna.pen.write(anna.account, gone, await anna.heads(anna.account))[1]
    assert (await anna.delete(f"/api/devices/{new.pen.dev}", {"parcels": [parcel]})).status_code == 204
    assert (await new.get("/api/me")).status_code == 401


async def test_numbers_are_not_tried_out_without_end(place: Place) -> None:
    await with_card(place)
    guesser = place.browser("203.0.113.9")
    answers = [(await guesser.get(f"/api/cards/{at:08d}")).status_code for at in range(60)]
    assert set(answers) == {404, 429}
    assert (await place.browser("198.51.100.4").get(f"/api/cards/{NUMBER}")).status_code == 200, "others do not wait"


async def test_cards_do_not_stand_among_devices(place: Place) -> None:
    anna, card = await with_card(place)
    codes = {key.device for key in card.keys}
    assert not codes & {row["dev"] for row in (await anna.get("/api/devices")).json()}
