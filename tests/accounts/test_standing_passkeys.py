"""Passkeys that stand in the account's log: made on a provider's page, believed by everybody, revoked everywhere."""

from pathlib import Path

import msgspec
import pytest

from tests.accounts.authenticator import Authenticator
from tests.accounts.people import Browser, Pen, Place, running
from tests.accounts.test_cards import code_of, head
from tests.accounts.visiting import signs_in, with_passkey
from tests.spaces.test_replica import acquainted, entries, rows
from verbund.accounts.commands import admit_provider_device
from verbund.accounts.events import PasskeyMade, PasskeyRevoked, PasskeyShown
from verbund.accounts.passkeys import challenge_for
from verbund.base.ids import CoreId, b64, unb64
from verbund.base.keys import DeviceKey
from verbund.log.entry import CHAIN_START, Entry
from verbund.log.entry import chain as chain_of


async def test_a_browser_that_was_never_here_comes_in(place: Place) -> None:
    anna, key, fact = await with_passkey(place)
    new = place.browser()
    assert (await signs_in(new, key)).status_code == 201
    assert (await new.get("/api/me")).json()["account"]["id"] == anna.account
    device = next(row for row in (await anna.get("/api/devices")).json() if row["dev"] == new.pen.dev)
    assert (device["voucher"], device["label"]) == ("passkey", "Werkbank")
    held = (await anna.get("/api/security")).json()
    (one,) = held["standing"]
    assert (one["fact"], one["label"], one["devices"]) == (fact, "Telefon", [new.pen.dev])
    assert held["passkeys"] == [], "the others are this provider's alone"
    assert (await signs_in(new, key)).status_code == 201, "a device that it has needs no fact"
    assert len(entries(place)[anna.account]) == 4


async def test_it_brings_in_the_device_that_it_signed_for_and_no_other(place: Place) -> None:
    _, key, _ = await with_passkey(place)
    new, thief = place.browser(), place.browser()
    assert code_of(await signs_in(new, key, thief.pen.public)) == (401, "accounts.stale_challenge")
    begun = (await new.post("/api/sessions/passkey/options")).json()
    passkey = {"challenge": begun["challenge"], "credential": key.answers(begun["options"])}
    silent = await new.post("/api/sessions/passkey", {"passkey": passkey, "device": new.pen.public})
    assert code_of(silent) == (401, "accounts.passkey_refused"), "it signed for no device at all"
    key.user = None
    assert code_of(await signs_in(new, key)) == (401, "accounts.device_unknown")


async def test_a_visit_is_for_who_began_it_once_and_for_ten_minutes(place: Place) -> None:
    anna, _ = await place.firm()
    wolf, _ = await place.firm("Glaserei Wolf", "wolf")
    ticket = {"ticket": (await anna.post("/api/passkeys/visits")).json()["ticket"]}
    assert code_of(await wolf.post("/api/passkeys/visits/state", ticket)) == (410, "accounts.visit_over")
    assert (await anna.post("/api/passkeys/visits/state", ticket)).json() == {"made": None}
    asked = (await wolf.post("/api/passkeys/visits/options", ticket)).json()
    foreign = {
        "challenge": asked["challenge"],
        "credential": Authenticator("localhost", "https://else.example").creates(asked["options"]),
    }
    assert code_of(await wolf.post("/api/passkeys/visits/answer", {**ticket, "passkey": foreign})) == (
        401, "accounts.passkey_refused",
    )  # fmt: skip
    place.clock.pass_s(11 * 60)
    assert code_of(await anna.post("/api/passkeys/visits/options", ticket)) == (410, "accounts.visit_over")
    assert (await place.browser().post("/api/passkeys/visits")).status_code == 401


async def test_a_revoked_one_brings_nobody_in_and_who_came_before_stays(place: Place) -> None:
    anna, key, fact = await with_passkey(place)
    first, late = place.browser(), place.browser()
    assert (await signs_in(first, key)).status_code == 201
    outcome, _ = await anna.tries(anna.account, PasskeyRevoked(passkey=fact, stays=()), [fact])
    assert (outcome["st"], outcome["code"]) == ("refused", "accounts.cut_missing"), "somebody came in by it"
    anna.pen.last[anna.account] = await head(anna)
    await anna.writes(anna.account, PasskeyRevoked(passkey=fact, stays=(first.pen.dev,)), [fact])
    assert code_of(await signs_in(late, key)) == (401, "accounts.device_unknown")
    assert (await first.get("/api/me")).status_code == 200
    assert (await anna.get("/api/security")).json()["standing"] == []


async def test_nobody_takes_or_revokes_the_passkeys_of_others(place: Place) -> None:
    _, key, fact = await with_passkey(place)
    wolf, _ = await place.firm("Glaserei Wolf", "wolf")
    copied = PasskeyMade(credential=b64(key.id), key="abc", provider=place.services.log.provider, origin=place.origin)
    assert (await wolf.tries(wolf.account, copied))[0]["code"] == "accounts.too_many_passkeys"
    outcome, _ = await wolf.tries(wolf.account, PasskeyRevoked(passkey=fact, stays=()), [fact])
    assert outcome["st"] != "accepted"
    assert (await signs_in(place.browser(), key)).status_code == 201


class Rogue:
    """A partner that signs what it likes into Anna's account and passes it on."""

    def __init__(self, place: Place, anna: Browser) -> None:
        self.place, self.space, self.key = place, anna.account, DeviceKey.generate()
        self.pen = Pen(anna.place.clock, self.key)
        self._number, self._chain = 0, CHAIN_START

    async def known(self) -> "Rogue":
        public = self.key.public
        await self.place.services.log.write(lambda tx: admit_provider_device(tx, public.provider, public))
        return self

    async def brings(self, shown: PasskeyShown, seen: list[str]) -> CoreId:
        identifier, parcel = self.pen.write(self.space, shown, seen, [shown.passkey])
        self._number += 1
        at = self.pen.clock.now_ms()
        provider = self.key.public.provider
        self._chain = chain_of(self._chain, provider, 1, self._number, identifier, at, void=False)
        await self.place.services.log.accept([
            Entry(
                c=parcel.c, s=parcel.s, sa=parcel.sa, b=parcel.b, id=identifier, p=provider, i=1, n=self._number,
                h=b64(self._chain), at=at, o=0, x=0,
            )
        ])  # fmt: skip
        return identifier


def shown_for(key: Authenticator, pen: Pen, fact: CoreId) -> PasskeyShown:
    """What an authenticator signs for a device."""
    answer = key.answers({"challenge": b64(challenge_for(bytes(40), pen.dev))})["response"]
    return PasskeyShown(
        passkey=fact, dev=pen.dev, alg="ed25519", key=pen.public["key"], label="",
        client=answer["clientDataJSON"], data=answer["authenticatorData"], sig=answer["signature"],
    )  # fmt: skip


@pytest.mark.parametrize("forgery", ["another key", "another device", "another page", "unverified", "rubbish", "true"])
async def test_a_partner_that_forges_brings_nobody_in(tmp_path: Path, forgery: str) -> None:
    """What counts is what the passkey signed, and nothing that a provider says."""
    async with running(tmp_path / "one") as one, running(tmp_path / "two") as two:
        anna, key, fact = await with_passkey(one)
        await two.services.log.write(acquainted(one))
        await two.services.log.accept([one for found in entries(one).values() for one in found])
        before, pen = rows(two), Pen(one.clock)
        shown = shown_for(key, pen, fact)
        if forgery == "another key":
            shown = shown_for(Authenticator("localhost", one.origin), pen, fact)
        elif forgery == "another device":
            other = Pen(one.clock)
            shown = msgspec.structs.replace(shown, dev=other.dev, key=other.public["key"])
        elif forgery == "another page":
            key.origin = "https://else.example"
            shown = shown_for(key, pen, fact)
        elif forgery == "unverified":
            key.flags = 1
            shown = shown_for(key, pen, fact)
        elif forgery == "rubbish":
            shown = msgspec.structs.replace(shown, client=b64(b"[" * 1500), data="A", sig="A")
        rogue = await Rogue(two, anna).known()
        await rogue.brings(shown, await anna.heads(anna.account))
        changed = {name for name, found in rows(two).items() if found != before[name]}
        assert changed == ({"states", "device", "shown_passkey"} if forgery == "true" else {"states"})


async def test_who_comes_in_after_the_revocation_is_revoked_in_any_order(tmp_path: Path) -> None:
    """Anna revokes it at home; a partner that does not know yet lets somebody in."""
    async with running(tmp_path / "one") as one, running(tmp_path / "two") as two:
        anna, key, fact = await with_passkey(one)
        seen, pen = await anna.heads(anna.account), Pen(one.clock)
        first = entries(one)[anna.account]
        await anna.writes(anna.account, PasskeyRevoked(passkey=fact, stays=()), [fact])
        shown = shown_for(key, pen, fact)
        rogues = []
        await two.services.log.write(acquainted(one))
        for place in (one, two):
            rogue = await Rogue(place, anna).known()
            rogues.append(rogue)
        rogues[1].key, rogues[1].pen = rogues[0].key, rogues[0].pen
        await rogues[1].known()
        await two.services.log.accept(first)
        stamp = one.clock.ms
        await rogues[1].brings(shown, seen)
        assert any(pen.dev in row for row in rows(two)["device"])
        await two.services.log.accept(entries(one)[anna.account])
        one.clock.ms, rogues[0].pen.last = stamp, {}
        await rogues[0].brings(shown, seen)
        for table in ("device", "revocation", "shown_passkey", "passkey_revocation", "made_passkey"):
            assert rows(one)[table] == [row for row in rows(two)[table] if anna.account in row], table
        assert any(pen.dev in row for row in rows(one)["revocation"])
        await two.services.log.refold()
        assert any(pen.dev in row for row in rows(two)["revocation"])


def test_what_is_signed_names_the_device() -> None:
    nonce = bytes(40)
    assert challenge_for(nonce, "A" * 43) != challenge_for(nonce, "B" * 43)
    assert len(challenge_for(nonce, "A" * 43)) == 72
    assert unb64(b64(challenge_for(nonce, "A" * 43)))[:40] == nonce
