"""Passkeys at a provider that is not one's own, as its page and the own page make and use them."""

from typing import Any

import httpx
import msgspec

from tests.accounts.authenticator import Authenticator
from tests.accounts.people import Browser, Place
from verbund.accounts.events import PasskeyMade
from verbund.base.ids import CoreId


async def visits(anna: Browser, key: Authenticator) -> dict[str, Any]:
    """What the other page learns after this provider's page made the passkey."""
    ticket = {"ticket": (await anna.post("/api/passkeys/visits")).json()["ticket"]}
    page = anna.place.browser("198.51.100.8")
    asked = (await page.post("/api/passkeys/visits/options", ticket)).json()
    assert asked["name"] in ("Anna", "Bert")
    answer = {"challenge": asked["challenge"], "credential": key.creates(asked["options"]), "label": "Telefon"}
    done = await page.post("/api/passkeys/visits/answer", {**ticket, "passkey": answer})
    assert done.status_code == 204, done.text
    made: dict[str, Any] = (await anna.post("/api/passkeys/visits/state", ticket)).json()["made"]
    return made


async def with_passkey(place: Place, handle: str = "anna") -> tuple[Browser, Authenticator, CoreId]:
    """Anna, with a passkey in her log; its fact."""
    anna, _ = await place.firm(handle=handle)
    key = Authenticator("localhost", place.origin)
    made = msgspec.convert(await visits(anna, key), PasskeyMade)
    return anna, key, await anna.writes(anna.account, made)


async def signs_in(browser: Browser, key: Authenticator, device: dict[str, str] | None = None) -> httpx.Response:
    begun = (await browser.post("/api/sessions/passkey/options", {"device": browser.pen.public})).json()
    passkey = {"challenge": begun["challenge"], "credential": key.answers(begun["options"])}
    return await browser.post("/api/sessions/passkey", {"passkey": passkey, "device": device or browser.pen.public})
