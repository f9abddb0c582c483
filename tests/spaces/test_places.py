"""Where a firm lives, its spaces live: providers come and go in the organisation, and the children follow."""

import asyncio

import pytest

from tests.accounts.people import Browser, Place
from verbund.base.ids import SpaceId, b64
from verbund.base.keys import DeviceKey, PublicKey
from verbund.spaces.events import (
    HomeChosen,
    MotionMade,
    MotionSeconded,
    ProviderAdded,
    ProviderRemoved,
    RoleChanged,
    SpaceCreated,
)

WAITS_MAX = 500


class Firm:
    """Anna's, with one team."""

    def __init__(self, place: Place, anna: Browser, space: SpaceId) -> None:
        self.place, self.anna, self.space = place, anna, space

    async def child(self, title: str) -> SpaceId:
        event = SpaceCreated(
            sort="team", title=title, parent=self.space, account=self.anna.account,
            providers=(self.place.services.log.provider,), address_form="sie",
        )  # fmt: skip
        return SpaceId(await self.anna.writes(None, event))

    async def removes(self, key: PublicKey) -> None:
        """Anna wants it, Ben agrees."""
        motion = MotionMade(deed="provider_removed", provider=key.provider)
        made = await self.anna.writes(self.space, motion)
        ben = await self.place.colleague(self.anna, self.space, "ben")
        await self.anna.writes(self.space, RoleChanged(account=ben.account, role="owner"))
        await ben.writes(self.space, MotionSeconded(motion=made), [made])

    async def lives_at(self, space: SpaceId, wanted: set[str]) -> None:
        for _ in range(WAITS_MAX):
            found = set((await self.anna.get(f"/api/spaces/{space}")).json()["providers"])
            if found == wanted:
                return
            await asyncio.sleep(0.02)
        assert found == wanted


@pytest.fixture
async def firm(place: Place) -> Firm:
    return Firm(place, *await place.firm())


def named(key: PublicKey, name: str = "Südnetz", url: str = "https://suednetz.example") -> ProviderAdded:
    return ProviderAdded(provider=key.provider, alg=key.alg, key=b64(key.raw), name=name, url=url)  # type: ignore[arg-type]


async def test_the_children_follow(firm: Firm) -> None:
    own, other = firm.place.services.log.provider, DeviceKey.generate().public
    early = await firm.child("Werkstatt")
    await firm.anna.writes(firm.space, named(other))
    await firm.lives_at(early, {own, other.provider})
    late = await firm.child("Büro")
    await firm.lives_at(late, {own, other.provider})
    await firm.removes(other)
    await firm.lives_at(early, {own})
    await firm.lives_at(late, {own})


async def test_a_provider_that_is_not_alone_says_where_it_is_found(firm: Firm) -> None:
    services = firm.place.services
    await firm.anna.writes(firm.space, named(DeviceKey.generate().public))
    for _ in range(WAITS_MAX):
        entries = (await firm.anna.get(f"/api/spaces/{firm.space}/log")).json()["entries"]
        own = [one for one in entries if services.log.provider in (one["b"] or "") and "provider_added" in one["c"]]
        if own:
            break
        await asyncio.sleep(0.02)
    assert services.settings.origin in own[0]["b"]


async def test_a_provider_brings_in_nobody_by_itself(firm: Firm) -> None:
    """Without the parent's word, with a word about another provider, or about one who went since."""
    log, child = firm.place.services.log, await firm.child("Werkstatt")
    friend, stranger = DeviceKey.generate().public, DeviceKey.generate().public
    said = await firm.anna.writes(firm.space, named(friend))
    await firm.lives_at(child, {log.provider, friend.provider})
    for event, because in (
        (named(stranger), []),
        (named(stranger), [said]),
        (ProviderRemoved(provider=friend.provider), []),
        (ProviderRemoved(provider=friend.provider), [said]),
    ):
        with pytest.raises(Exception, match=r"spaces\.uncited"):
            await log.author(log.provider_device, child, event, because)
    with pytest.raises(Exception, match=r"spaces\.uncited"):
        await log.author(log.provider_device, firm.space, named(stranger), [said])


async def test_a_firm_chooses_its_home_among_its_providers(firm: Firm) -> None:
    own, other = firm.place.services.log.provider, DeviceKey.generate().public
    child = await firm.child("Werkstatt")
    for space, provider, code in (
        (firm.space, other.provider, "base.unknown"), (child, own, "log.misplaced"),
    ):  # fmt: skip
        with pytest.raises(AssertionError, match=code):
            await firm.anna.writes(space, HomeChosen(provider=provider))
    assert (await firm.anna.get("/api/me")).json()["home"] is None
    await firm.anna.writes(firm.space, named(other))
    await firm.anna.writes(firm.space, named(DeviceKey.generate().public, "Mitte", "https://mitte.example"))
    await firm.anna.writes(firm.space, HomeChosen(provider=other.provider))
    me = (await firm.anna.get("/api/me")).json()
    assert (me["home"]["url"], me["home"]["home"]) == ("https://suednetz.example", True)
    assert [host["home"] for host in me["hosts"]] == [False, True, False]
    await firm.anna.writes(firm.space, HomeChosen(provider=own))
    me = (await firm.anna.get("/api/me")).json()
    assert (me["home"]["provider"], [host["home"] for host in me["hosts"]]) == (own, [True, False, False])
