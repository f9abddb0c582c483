"""Devices: what a person sees of theirs, and what signing one out means everywhere."""

from typing import Any

from tests.accounts.people import Browser, Place
from tests.web.sockets import Socket
from verbund.accounts.events import AgentGranted, DeviceAdded, DeviceRevoked, ProfileChanged
from verbund.accounts.schemas import Caller
from verbund.base.ids import AccountId, SpaceId, b64
from verbund.base.keys import DeviceKey
from verbund.log.core import Parcel
from verbund.spaces.events import SpaceDescribed
from verbund.web.hub import Connection


async def two_browsers(place: Place) -> tuple[Browser, Browser, SpaceId]:
    anna, firm = await place.firm()
    second = place.browser()
    assert (await second.signs_in("anna")).status_code == 201
    return anna, second, firm


async def revocation(by: Browser, dev: str, cuts: dict[str, int] | None = None) -> Parcel:
    if cuts is None:
        rows = (await by.get("/api/devices")).json()
        cuts = next(row["cuts"] for row in rows if row["dev"] == dev)
    cuts = {by.account: 0, **cuts}
    event = DeviceRevoked(dev=dev, cuts=cuts)  # type: ignore[arg-type]
    return by.pen.write(by.account, event, await by.heads(by.account))[1]


def described(title: str) -> SpaceDescribed:
    return SpaceDescribed(title=title, description="", address_form="sie")


async def test_a_device_that_is_signed_out_is_out(place: Place) -> None:
    anna, second, firm = await two_browsers(place)
    await second.writes(firm, described("Tischlerei Lindner & Tochter"))
    parcel = await revocation(anna, second.pen.dev)

    assert (await anna.delete(f"/api/devices/{second.pen.dev}", {"parcels": [parcel]})).status_code == 204

    assert (await second.get("/api/me")).status_code == 401
    assert (await anna.get(f"/api/spaces/{firm}")).json()["title"] == "Tischlerei Lindner & Tochter", "it stays"
    rows = (await anna.get("/api/devices")).json()
    assert [row["revoked_at"] is not None for row in rows if row["dev"] == second.pen.dev] == [True]


async def test_what_it_wrote_after_its_cut_is_taken_in_nowhere(place: Place) -> None:
    anna, second, firm = await two_browsers(place)
    await second.writes(firm, described("Vorher"))
    heads = await anna.heads(firm)
    await anna.delete(f"/api/devices/{second.pen.dev}", {"parcels": [await revocation(anna, second.pen.dev)]})
    parcel = second.pen.write(firm, described("Nachher"), heads)[1]
    (outcome,) = await anna.send(parcel)
    assert outcome["st"] == "refused"
    assert (await anna.get(f"/api/spaces/{firm}")).json()["title"] == "Vorher"


async def test_a_stolen_device_is_cut_back(place: Place) -> None:
    """Anna names an earlier number: what the thief wrote is set aside, here after it was shown."""
    anna, second, firm = await two_browsers(place)
    await second.writes(firm, described("Tischlerei"))
    await second.writes(firm, described("Gestohlen"))
    rows = (await anna.get("/api/devices")).json()
    cuts = next(row["cuts"] for row in rows if row["dev"] == second.pen.dev)
    assert cuts == {firm: 2}
    parcel = await revocation(anna, second.pen.dev, {firm: 1})
    await anna.delete(f"/api/devices/{second.pen.dev}", {"parcels": [parcel]})
    assert (await anna.get(f"/api/spaces/{firm}")).json()["title"] == "Tischlerei"


async def test_a_revoked_device_neither_signs_in_nor_comes_back(place: Place) -> None:
    anna, second, _ = await two_browsers(place)
    await anna.delete(f"/api/devices/{second.pen.dev}", {"parcels": [await revocation(anna, second.pen.dev)]})
    answer = await second.signs_in("anna")
    assert (answer.status_code, answer.json()["code"]) == (409, "accounts.device_taken")
    fresh = place.browser()
    assert (await fresh.signs_in("anna")).status_code == 201


async def test_without_the_fact_no_device_is_signed_out(place: Place) -> None:
    anna, second, _ = await two_browsers(place)
    assert (await anna.delete(f"/api/devices/{second.pen.dev}", {"parcels": []})).status_code == 422
    assert (await second.get("/api/me")).status_code == 200


async def test_a_revocation_that_forgets_a_space_is_sent_back(place: Place) -> None:
    anna, second, firm = await two_browsers(place)
    await second.writes(firm, described("Werkstatt"))
    parcel = await revocation(anna, second.pen.dev, {})
    answer = await anna.delete(f"/api/devices/{second.pen.dev}", {"parcels": [parcel]})
    assert (answer.status_code, answer.json()["code"]) == (409, "accounts.cut_missing")
    assert (await second.get("/api/me")).status_code == 200


async def test_strangers_sign_nobody_out(place: Place) -> None:
    anna, second, _ = await two_browsers(place)
    wolf, _ = await place.firm("Glaserei Wolf", "wolf")
    own = await revocation(wolf, wolf.pen.dev, {wolf.account: 99})
    foreign = await wolf.delete(f"/api/devices/{second.pen.dev}", {"parcels": [own]})
    nobody = await wolf.delete(f"/api/devices/{'A' * 43}", {"parcels": []})
    assert foreign.status_code == nobody.status_code == 404
    assert foreign.json() == nobody.json()
    event = DeviceRevoked(dev=second.pen.dev, cuts={SpaceId(anna.account): 0})
    (outcome,) = await wolf.send(wolf.pen.write(anna.account, event, [anna.account])[1])
    assert (outcome["st"], outcome["code"]) == ("refused", "base.unknown")
    assert (await second.get("/api/me")).status_code == 200
    assert (await wolf.get("/api/me")).status_code == 200


async def test_everywhere_else_means_every_device(place: Place) -> None:
    anna, second, _ = await two_browsers(place)
    third = place.browser()
    await third.signs_in("anna")
    one = await revocation(anna, second.pen.dev)
    answer = await anna.delete("/api/sessions", {"parcels": [one]})
    assert (answer.status_code, answer.json()["code"]) == (409, "accounts.devices_left")
    assert (await second.get("/api/me")).status_code == 200, "all or nothing"

    anna.pen.takes_back(anna.account, to=(2, anna.pen.last[anna.account][1]))
    await reset_number(anna)
    both = [await revocation(anna, browser.pen.dev) for browser in (second, third)]
    assert (await anna.delete("/api/sessions", {"parcels": both})).status_code == 204
    assert [(await one.get("/api/me")).status_code for one in (anna, second, third)] == [200, 401, 401]


async def reset_number(browser: Browser) -> None:
    """Go on where the provider says."""
    own = await browser.space(browser.account)
    assert own is not None
    browser.pen.last[browser.account] = (own["ds"], own["dp"])


async def test_a_device_may_vouch_for_another(place: Place) -> None:
    anna, _ = await place.firm()
    phone = place.browser()
    event = DeviceAdded(
        dev=phone.pen.dev, alg="ed25519", key=b64(phone.pen.key.public.raw), label="Telefon", voucher="device"
    )
    await anna.writes(anna.account, event)
    rows = (await anna.get("/api/devices")).json()
    assert [row["voucher"] for row in rows if row["dev"] == phone.pen.dev] == ["device"]
    await phone.signs_in("anna")
    phone.account = anna.account
    await phone.writes(phone.account, ProfileChanged(name="Anna L."))
    assert (await anna.get("/api/me")).json()["account"]["name"] == "Anna L."


async def test_nobody_vouches_in_a_foreign_account_nor_in_the_providers_name(place: Place) -> None:
    anna, _ = await place.firm()
    eve, _ = await place.firm("Eves Firma", "eve")
    key = DeviceKey.generate()

    def added(voucher: str) -> DeviceAdded:
        public = b64(key.public.raw)
        return DeviceAdded(dev=key.device, alg="ed25519", key=public, label="", voucher=voucher)  # type: ignore[arg-type]

    (outcome,) = await eve.send(eve.pen.write(anna.account, added("device"), [anna.account])[1])
    assert outcome["code"] == "base.unknown"
    outcome, _ = await anna.tries(anna.account, added("provider"))
    assert outcome["code"] == "accounts.not_yours"
    assert len((await anna.get("/api/devices")).json()) == 1


async def test_another_persons_device_is_not_claimed(place: Place) -> None:
    anna, _ = await place.firm()
    eve, _ = await place.firm("Eves Firma", "eve")
    public = b64(anna.pen.key.public.raw)
    event = DeviceAdded(dev=anna.pen.dev, alg="ed25519", key=public, label="", voucher="device")
    outcome, _ = await eve.tries(eve.account, event)
    assert outcome["code"] == "accounts.device_taken"
    lie = DeviceAdded(dev=DeviceKey.generate().device, alg="ed25519", key=public, label="", voucher="device")
    outcome, _ = await eve.tries(eve.account, lie)
    assert outcome["code"] in ("base.weak_key", "accounts.device_taken")


async def test_an_agent_does_what_it_was_granted_and_nothing_else(place: Place) -> None:
    anna, firm = await place.firm()
    agent = place.browser()
    granted = AgentGranted(
        dev=agent.pen.dev, alg="ed25519", key=b64(agent.pen.key.public.raw), label="über WebDAV",
        kinds=("chat.message_posted.1",), spaces=(firm,),
    )  # fmt: skip
    await anna.writes(anna.account, granted)
    heads = await anna.heads(firm)
    (outcome,) = await anna.send(agent.pen.write(firm, described("Vom Agenten"), heads)[1])
    assert (outcome["st"], outcome["code"]) == ("refused", "log.limited_agent")
    profile = agent.pen.write(anna.account, ProfileChanged(name="Agent"), [anna.account])[1]
    (outcome,) = await anna.send(profile)
    assert outcome["code"] == "log.limited_agent"
    fresh = DeviceKey.generate()
    master = AgentGranted(
        dev=fresh.device, alg="ed25519", key=b64(fresh.public.raw), label="", kinds=("account.device_added.1",),
        spaces=None,
    )  # fmt: skip
    outcome, _ = await anna.tries(anna.account, master)
    assert outcome["code"] == "accounts.not_yours"


async def test_somebody_elses_profile_is_theirs(place: Place) -> None:
    anna, _ = await place.firm()
    eve, _ = await place.firm("Eves Firma", "eve")
    (outcome,) = await eve.send(eve.pen.write(anna.account, ProfileChanged(name="Eve"), [anna.account])[1])
    assert outcome["code"] == "base.unknown"
    assert (await anna.get("/api/me")).json()["account"]["name"] == "Anna"
    assert AccountId(anna.account) != eve.account


async def test_a_rebuild_gives_the_same_devices(place: Place) -> None:
    anna, second, firm = await two_browsers(place)
    await second.writes(firm, described("Werkstatt"))
    await anna.delete(f"/api/devices/{second.pen.dev}", {"parcels": [await revocation(anna, second.pen.dev)]})

    async def shown() -> tuple[Any, dict[str, Any]]:
        # The list of hosts is signed anew each time, with the time in it.
        return (await anna.get("/api/devices")).json(), {**(await anna.get("/api/me")).json(), "signed": None}

    before = await shown()
    await place.services.log.refold()
    assert await shown() == before


async def test_a_revocation_that_came_with_the_log_ends_sessions_too(place: Place) -> None:
    """As the app does it: the fact by the outbox, then the end of the sessions."""
    anna, second, _ = await two_browsers(place)
    (outcome,) = await anna.send(await revocation(anna, second.pen.dev))
    assert outcome["st"] == "accepted"
    assert (await second.get("/api/me")).status_code == 401
    assert (await anna.delete(f"/api/devices/{second.pen.dev}", {"parcels": []})).status_code == 204


async def test_the_sockets_of_a_device_close_with_it(place: Place) -> None:
    anna, second, _ = await two_browsers(place)
    live = place.services.live
    sockets, connections = {}, {}
    for name, browser in (("anna", anna), ("second", second)):
        caller = Caller(browser.account, browser.pen.dev, f"session of {name}")
        sockets[name] = Socket()
        connections[name] = Connection(caller, "de", sockets[name])
        live.add(connections[name])
    await anna.delete(f"/api/devices/{second.pen.dev}", {"parcels": [await revocation(anna, second.pen.dev)]})
    assert await connections["second"].over == "accounts.signed_out"
    assert await sockets["second"].next() == {"f": "bye", "code": "accounts.signed_out"}
    connections["anna"].send_json({"f": "pong"})
    assert await sockets["anna"].next() == {"f": "pong"}
    assert not connections["anna"].over.done()


async def test_the_first_device_can_be_replaced(place: Place) -> None:
    """The device that opened the account is lost; what it did for the account stays."""
    anna, second, firm = await two_browsers(place)
    await second.delete(f"/api/devices/{anna.pen.dev}", {"parcels": [await revocation(second, anna.pen.dev)]})
    assert (await anna.get("/api/me")).status_code == 401
    me = (await second.get("/api/me")).json()
    assert (me["account"]["name"], me["organisation"]) == ("Anna", firm)
    await second.writes(firm, described("Es geht weiter"))


async def test_revoking_the_first_device_from_its_first_fact_on_leaves_the_account(place: Place) -> None:
    """A cut of 0 in the account's own space would take the account away with everything in it."""
    anna, second, _ = await two_browsers(place)
    parcel = await revocation(second, anna.pen.dev, {**await cuts_of(second, anna.pen.dev), second.account: 0})
    answer = await second.delete(f"/api/devices/{anna.pen.dev}", {"parcels": [parcel]})
    assert (answer.status_code, answer.json()["code"]) == (409, "accounts.cut_missing")
    assert (await second.get("/api/me")).json()["account"]["name"] == "Anna"


async def cuts_of(browser: Browser, dev: str) -> dict[str, int]:
    rows = (await browser.get("/api/devices")).json()
    found: dict[str, int] = next(row["cuts"] for row in rows if row["dev"] == dev)
    return found
