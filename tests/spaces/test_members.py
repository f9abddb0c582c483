"""Members: roles, leaving, removing, archiving, and who sees what of whom."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.accounts.people import Browser, Place
from tests.accounts.scenes import Played, Scene
from verbund.accounts.events import DeviceAdded
from verbund.base.ids import AccountId, SpaceId, b64, direct_space, personal_space
from verbund.base.keys import DeviceKey
from verbund.base.refusal import Refusal
from verbund.spaces.events import (
    DirectOpened,
    MemberAdded,
    MemberJoined,
    MemberRemoved,
    PersonalOpened,
    ProviderAdded,
    ProviderRemoved,
    RoleChanged,
    SpaceArchived,
    SpaceCreated,
    SpaceDescribed,
)  # fmt: skip


class Firm:
    """Anna owns it, Carla is an admin, Ben a member, Gesa a guest."""

    def __init__(self, place: Place, space: SpaceId, people: dict[str, Browser]) -> None:
        self.place, self.space, self.people = place, space, people

    def __getattr__(self, name: str) -> Browser:
        return self.people[name]

    async def child(self, by: Browser, sort: str, title: str = "Werkstatt") -> SpaceId:
        event = SpaceCreated(
            sort=sort, title=title, parent=self.space, account=by.account,  # type: ignore[arg-type]
            providers=(self.place.services.log.provider,), address_form="sie",
        )  # fmt: skip
        return SpaceId(await by.writes(None, event))

    async def cuts(self, by: Browser, space: str, account: str) -> dict[str, int]:
        members = (await by.get(f"/api/spaces/{space}/members")).json()
        devices = next(one["devices"] for one in members if one["account"] == account)
        return {device["id"]: device["ds"] for device in devices}


async def play(place: Place) -> Played:
    anna, space = await place.firm()
    people = {"anna": anna}
    for handle, role in (("carla", "admin"), ("ben", "member"), ("gesa", "guest")):
        people[handle] = await place.colleague(anna, space, handle, role)
    return space, people


SCENE = Scene(play)


@pytest.fixture
async def firm(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Firm]:
    async with SCENE.taken_up(tmp_path, tmp_path_factory.mktemp) as (place, (space, people)):
        yield Firm(place, space, people)


@pytest.fixture
def place(firm: Firm) -> Place:
    return firm.place


def title(text: str) -> SpaceDescribed:
    return SpaceDescribed(title=text, description="", address_form="du")


async def test_members_come_with_the_keys_that_verify_them(firm: Firm) -> None:
    rows = (await firm.gesa.get(f"/api/spaces/{firm.space}/members")).json()
    shown = {row["name"]: (row["role"], row["devices"][0]["key"]) for row in rows}
    assert shown == {
        browser_name.capitalize(): (role, b64(firm.people[browser_name].pen.key.public.raw))
        for browser_name, role in (("anna", "owner"), ("carla", "admin"), ("ben", "member"), ("gesa", "guest"))
    }


async def test_abilities_are_what_the_rules_allow(firm: Firm) -> None:
    """Whoever has `describe` may describe, and nobody else."""
    for name, browser in firm.people.items():
        summary = await browser.space(firm.space)
        assert summary is not None
        outcome, _ = await browser.tries(firm.space, title(f"von {name}"))
        assert (outcome["st"] == "accepted") == ("describe" in summary["abilities"]), name


@pytest.mark.parametrize(
    ("who", "whom", "role", "allowed"),
    [
        ("anna", "ben", "admin", True),
        ("anna", "ben", "owner", True),
        ("carla", "ben", "guest", True),
        ("carla", "gesa", "member", True),
        ("carla", "ben", "admin", False),
        ("carla", "carla", "owner", False),
        ("carla", "anna", "member", False),
        ("ben", "ben", "admin", False),
        ("gesa", "gesa", "member", False),
        ("ben", "gesa", "member", False),
    ],
)
async def test_who_gives_which_role(firm: Firm, who: str, whom: str, role: str, allowed: bool) -> None:
    event = RoleChanged(account=firm.people[whom].account, role=role)  # type: ignore[arg-type]
    outcome, _ = await firm.people[who].tries(firm.space, event)
    assert (outcome["st"] == "accepted") is allowed, outcome
    if not allowed:
        assert outcome["code"] == "spaces.not_allowed"


@pytest.mark.parametrize(
    ("who", "whom", "allowed"),
    [
        ("anna", "carla", True), ("anna", "ben", True), ("carla", "ben", True), ("carla", "gesa", True),
        ("carla", "anna", False), ("ben", "gesa", False), ("gesa", "ben", False), ("ben", "anna", False),
    ],
)  # fmt: skip
async def test_who_removes_whom(firm: Firm, who: str, whom: str, allowed: bool) -> None:
    other = firm.people[whom]
    cuts = await firm.cuts(firm.anna, firm.space, other.account)
    outcome, _ = await firm.people[who].tries(firm.space, MemberRemoved(account=other.account, cuts=cuts))  # type: ignore[arg-type]
    assert (outcome["st"] == "accepted") is allowed, outcome
    assert (await other.space(firm.space) is None) is allowed


async def test_the_removed_is_out_at_once_and_what_they_wrote_stays(firm: Firm) -> None:
    await firm.carla.writes(firm.space, title("Von Carla"))
    heads = await firm.anna.heads(firm.space)
    cuts = await firm.cuts(firm.anna, firm.space, firm.carla.account)
    await firm.anna.writes(firm.space, MemberRemoved(account=firm.carla.account, cuts=cuts))  # type: ignore[arg-type]

    assert (await firm.carla.get(f"/api/spaces/{firm.space}")).status_code == 404
    assert (await firm.carla.get(f"/api/spaces/{firm.space}/log")).status_code == 404
    outcome, _ = await firm.carla.tries(firm.space, title("Danach, mit alten Köpfen"), ah=heads)
    assert outcome["st"] == "refused"
    details = (await firm.anna.get(f"/api/spaces/{firm.space}")).json()
    assert details["title"] == "Von Carla"
    members = (await firm.anna.get(f"/api/spaces/{firm.space}/members")).json()
    gone = [row for row in members if row["gone"]]
    assert [(row["account"], row["role"]) for row in gone] == [(firm.carla.account, None)]
    assert gone[0]["left_by"] == firm.anna.account
    assert gone[0]["left_at"] is not None
    assert all(row["left_at"] is row["left_by"] is None for row in members if not row["gone"])
    assert gone[0]["devices"], "their keys still verify what they wrote"
    left = [(await who.get("/api/me")).json()["left"] for who in (firm.anna, firm.carla)]
    assert left == [[], [firm.space]]


async def test_a_device_that_comes_later_does_not_bring_the_removed_back(firm: Firm) -> None:
    heads = await firm.anna.heads(firm.space)
    cuts = await firm.cuts(firm.anna, firm.space, firm.carla.account)
    await firm.anna.writes(firm.space, MemberRemoved(account=firm.carla.account, cuts=cuts))  # type: ignore[arg-type]
    phone = firm.place.browser()
    public = b64(phone.pen.key.public.raw)
    added = DeviceAdded(dev=phone.pen.dev, alg="ed25519", key=public, label="", voucher="device")
    await firm.carla.writes(firm.carla.account, added)
    (outcome,) = await firm.carla.send(phone.pen.write(firm.space, title("Vom Telefon"), heads)[1])
    assert (outcome["st"], outcome["code"]) == ("refused", "log.removed")


async def test_a_removal_that_forgets_a_device_is_sent_back(firm: Firm) -> None:
    outcome, _ = await firm.anna.tries(firm.space, MemberRemoved(account=firm.carla.account, cuts={}))
    assert (outcome["st"], outcome["code"]) == ("refused", "spaces.cuts_missing")


async def test_a_removal_does_not_reach_a_bystander(firm: Firm) -> None:
    """Its cuts may name anybody's device; only the removed one's count."""
    await firm.carla.writes(firm.space, title("Von Carla"))
    cuts = await firm.cuts(firm.anna, firm.space, firm.ben.account)
    event = MemberRemoved(account=firm.ben.account, cuts={**cuts, firm.carla.pen.dev: 0})  # type: ignore[arg-type]
    await firm.anna.writes(firm.space, event)
    assert (await firm.anna.get(f"/api/spaces/{firm.space}")).json()["title"] == "Von Carla"
    assert await firm.carla.space(firm.space) is not None


async def test_leaving_and_coming_back(firm: Firm) -> None:
    ds = firm.ben.pen.last[firm.space][0] + 1
    await firm.ben.writes(firm.space, MemberRemoved(account=firm.ben.account, cuts={firm.ben.pen.dev: ds}))
    assert await firm.ben.space(firm.space) is None
    link = await firm.anna.invites(firm.space)
    assert (await firm.ben.joins(link))["st"] == "accepted"
    summary = await firm.ben.space(firm.space)
    assert summary is not None
    assert summary["role"] == "member"


async def test_the_last_owner_stays(firm: Firm) -> None:
    ds = firm.anna.pen.last[firm.space][0] + 1
    leave = MemberRemoved(account=firm.anna.account, cuts={firm.anna.pen.dev: ds})
    outcome, _ = await firm.anna.tries(firm.space, leave)
    assert (outcome["st"], outcome["code"]) == ("refused", "spaces.last_owner")
    firm.anna.pen.last[firm.space] = (outcome["ds"] - 1, outcome["dp"])
    outcome, _ = await firm.anna.tries(firm.space, RoleChanged(account=firm.anna.account, role="member"))
    assert outcome["code"] == "spaces.last_owner"


async def test_an_archived_space_is_read_and_opened_again(firm: Firm) -> None:
    await firm.anna.writes(firm.space, SpaceArchived(archived=True))
    summary = await firm.anna.space(firm.space)
    assert summary is not None
    assert summary["archived"] is True
    assert {"post", "invite", "add_film", "describe"}.isdisjoint(summary["abilities"])
    outcome, _ = await firm.anna.tries(firm.space, title("Neu"))
    assert (outcome["st"], outcome["code"]) == ("refused", "spaces.archived")
    firm.anna.pen.last[firm.space] = (outcome["ds"] - 1, outcome["dp"])
    assert (await firm.ben.get(f"/api/spaces/{firm.space}")).status_code == 200
    await firm.anna.writes(firm.space, SpaceArchived(archived=False))
    await firm.anna.writes(firm.space, title("Neu"))


async def test_a_team_is_open_to_the_firm_and_closed_to_its_guests(firm: Firm) -> None:
    team = await firm.child(firm.anna, "team")
    open_to_ben = (await firm.ben.get("/api/spaces/open")).json()
    assert [(one["id"], one["title"]) for one in open_to_ben] == [(team, "Werkstatt")]
    assert (await firm.gesa.get("/api/spaces/open")).json() == []
    assert (await firm.ben.get(f"/api/spaces/{team}")).status_code == 404, "not before joining"

    heads, parent_heads = open_to_ben[0]["heads"], open_to_ben[0]["parent_heads"]

    def join(account: AccountId) -> MemberJoined:
        return MemberJoined(account=account, invitation=None, proof=None, parent_heads=tuple(parent_heads))

    uncited, _ = await firm.ben.tries(team, join(firm.ben.account), ah=heads)
    assert uncited["code"] == "spaces.uncited"
    firm.ben.pen.last[team] = (uncited["ds"] - 1, uncited["dp"])
    outcome, _ = await firm.ben.tries(team, join(firm.ben.account), re=parent_heads, ah=heads)
    assert outcome["st"] == "accepted", outcome
    refused, _ = await firm.gesa.tries(team, join(firm.gesa.account), re=parent_heads, ah=heads)
    assert refused["code"] == "base.unknown"
    wolf, _ = await firm.place.firm("Glaserei Wolf", "wolf")
    stranger, _ = await wolf.tries(team, join(wolf.account), re=parent_heads, ah=heads)
    assert (stranger["st"], stranger["code"]) == ("refused", "base.unknown")


async def test_a_private_space_is_by_invitation_only(firm: Firm) -> None:
    private = await firm.child(firm.anna, "private", "Gehälter")
    assert (await firm.ben.get("/api/spaces/open")).json() == []
    parent_heads = await firm.ben.heads(firm.space)
    event = MemberJoined(account=firm.ben.account, invitation=None, proof=None, parent_heads=tuple(parent_heads))
    outcome, _ = await firm.ben.tries(private, event, re=parent_heads, ah=[private])
    assert outcome["code"] == "base.unknown"
    assert (await firm.ben.joins(await firm.anna.invites(private)))["st"] == "accepted"


async def test_a_member_takes_colleagues_in_but_no_strangers(firm: Firm) -> None:
    private = await firm.child(firm.carla, "private", "Kalkulation")
    await firm.carla.writes(private, MemberAdded(account=firm.ben.account, role="member"))
    assert await firm.ben.space(private) is not None
    wolf, _ = await firm.place.firm("Glaserei Wolf", "wolf")
    outcome, _ = await firm.carla.tries(private, MemberAdded(account=wolf.account, role="member"))
    assert outcome["code"] == "base.unknown"
    assert await wolf.space(private) is None


@pytest.mark.parametrize("who", ["gesa", "wolf"])
async def test_who_does_not_belong_founds_nothing_below_the_firm(firm: Firm, who: str) -> None:
    wolf, _ = await firm.place.firm("Glaserei Wolf", "wolf")
    somebody = wolf if who == "wolf" else firm.gesa
    for sort in ("team", "private", "meeting"):
        event = SpaceCreated(
            sort=sort, title="Trojaner", parent=firm.space, account=somebody.account,  # type: ignore[arg-type]
            providers=(firm.place.services.log.provider,), address_form="sie",
        )  # fmt: skip
        outcome, _ = await somebody.tries(None, event)
        assert (outcome["st"], outcome["code"]) == ("refused", "base.unknown"), sort
    assert (await firm.ben.get("/api/spaces/open")).json() == []


async def test_a_guest_founds_no_firm(firm: Firm) -> None:
    event = SpaceCreated(
        sort="organisation", title="Gesas Firma", parent=None, account=firm.gesa.account,
        providers=(firm.place.services.log.provider,), address_form="sie",
    )  # fmt: skip
    assert (await firm.gesa.tries(None, event))[0]["code"] == "spaces.full"


async def test_a_team_needs_a_firm_and_a_founder_who_is_the_author(firm: Firm) -> None:
    provider = firm.place.services.log.provider
    team = SpaceCreated(
        sort="team", title="Ohne Firma", parent=None, account=firm.anna.account, providers=(provider,),
        address_form="sie",
    )  # fmt: skip
    assert (await firm.anna.tries(None, team))[0]["code"] == "spaces.malformed"
    stolen = SpaceCreated(
        sort="private", title="Anna gehört das", parent=firm.space, account=firm.anna.account, providers=(provider,),
        address_form="sie",
    )  # fmt: skip
    assert (await firm.ben.tries(None, stolen))[0]["code"] == "spaces.not_allowed"


async def test_who_leaves_the_firm_leaves_its_spaces(firm: Firm) -> None:
    private = await firm.child(firm.anna, "private", "Gehälter")
    await firm.ben.joins(await firm.anna.invites(private))
    assert await firm.ben.space(private) is not None
    cuts = await firm.cuts(firm.anna, firm.space, firm.ben.account)
    await firm.anna.writes(firm.space, MemberRemoved(account=firm.ben.account, cuts=cuts))  # type: ignore[arg-type]
    for _ in range(200):
        if await firm.ben.space(private) is None:
            break
        await asyncio.sleep(0.01)
    assert await firm.ben.space(private) is None
    assert (await firm.ben.get(f"/api/spaces/{private}/log")).status_code == 404


async def test_a_provider_removes_nobody_by_itself(firm: Firm) -> None:
    team = await firm.child(firm.anna, "private", "Gehälter")
    await firm.ben.joins(await firm.anna.invites(team))
    log = firm.place.services.log
    for space, re in ((team, ()), (team, tuple(await firm.anna.heads(firm.space))), (firm.space, ())):
        event = MemberRemoved(account=firm.ben.account, cuts={})
        with pytest.raises(Refusal):
            await log.author(log.provider_device, space, event, re)  # type: ignore[arg-type]
    assert await firm.ben.space(team) is not None


async def test_a_conversation_of_two_is_one_whoever_begins(firm: Firm) -> None:
    people = tuple(sorted([firm.anna.account, firm.ben.account]))
    space = direct_space(list(people))
    for browser in (firm.anna, firm.ben):
        _, parcel = browser.pen.write(space, DirectOpened(people=people))
        (outcome,) = await browser.send(parcel)
        assert outcome["st"] == "accepted", outcome
    summary = await firm.ben.space(space)
    assert summary is not None
    assert (summary["sort"], summary["people"]) == ("direct", list(people))
    assert (await firm.ben.get("/api/me")).json()["names"][firm.anna.account] == "Anna"
    assert (await firm.carla.get(f"/api/spaces/{space}/members")).status_code == 404


async def test_a_conversation_with_strangers_or_in_anothers_name_is_refused(firm: Firm) -> None:
    wolf, _ = await firm.place.firm("Glaserei Wolf", "wolf")

    async def begins(by: Browser, people: list[AccountId], space: SpaceId | None = None) -> str:
        event = DirectOpened(people=tuple(people))
        (outcome,) = await by.send(by.pen.write(space or direct_space(people), event)[1])
        by.pen.last.clear()
        return str(outcome.get("code", outcome["st"]))

    two = sorted([wolf.account, firm.ben.account])
    assert await begins(wolf, two) == "base.unknown"
    ours = sorted([firm.anna.account, firm.ben.account])
    assert await begins(firm.carla, ours) == "base.unknown"
    assert await begins(firm.anna, ours[::-1]) == "spaces.malformed"
    assert await begins(firm.anna, [ours[0], ours[0]]) == "spaces.malformed"
    assert await begins(firm.anna, ours, SpaceId("A" * 43)) == "log.misplaced"


async def test_a_personal_space_is_of_one_alone(firm: Firm) -> None:
    space = personal_space(firm.ben.account)
    opened = PersonalOpened(account=firm.ben.account)
    (stolen,) = await firm.carla.send(firm.carla.pen.write(space, opened)[1])
    assert (stolen["st"], stolen["code"]) == ("refused", "base.unknown")
    (outcome,) = await firm.ben.send(firm.ben.pen.write(space, opened)[1])
    assert outcome["st"] == "accepted"
    assert await firm.ben.space(space) is not None
    for browser in (firm.anna, firm.carla):
        assert (await browser.get(f"/api/spaces/{space}")).status_code == 404
        assert (await browser.get(f"/api/spaces/{space}/log")).status_code == 404


@pytest.mark.parametrize(
    "text", ["👩‍👩‍👧‍👦" * 17, "مساحة العمل", "<img src=x onerror=alert(1)>", "x" * 120, "Ü", "\u202eabc"]
)
async def test_titles_are_kept_as_they_are(firm: Firm, text: str) -> None:
    text = text[:120]
    space = await firm.child(firm.anna, "private", text)
    assert (await firm.anna.get(f"/api/spaces/{space}")).json()["title"] == text
    await firm.anna.writes(space, title(text[::-1]))
    assert (await firm.anna.get(f"/api/spaces/{space}")).json()["title"] == text[::-1]


@pytest.mark.parametrize("text", ["", " ", "x" * 121, "zwei\nZeilen", "\x00"])
async def test_titles_that_cannot_be_shown_are_refused(firm: Firm, text: str) -> None:
    outcome, _ = await firm.anna.tries(firm.space, title(text))
    assert outcome["st"] == "refused"


async def test_only_owners_say_where_the_firm_lives(firm: Firm) -> None:
    key = DeviceKey.generate()
    event = ProviderAdded(
        provider=key.public.provider, alg="ed25519", key=b64(key.public.raw), name="Südnetz", url="https://suednetz.de"
    )
    assert (await firm.carla.tries(firm.space, event))[0]["code"] == "spaces.not_allowed"
    await firm.anna.writes(firm.space, event)
    providers = (await firm.anna.get(f"/api/spaces/{firm.space}")).json()["providers"]
    assert set(providers) == {key.public.provider, firm.place.services.log.provider}
    gone = ProviderRemoved(provider=key.public.provider)
    assert (await firm.anna.tries(firm.space, gone))[0]["code"] == "spaces.needs_motion"


async def test_a_providers_id_follows_from_its_key(firm: Firm) -> None:
    key, other = DeviceKey.generate(), DeviceKey.generate()
    event = ProviderAdded(
        provider=other.public.provider, alg="ed25519", key=b64(key.public.raw), name="", url="https://example.org"
    )
    assert (await firm.anna.tries(firm.space, event))[0]["code"] == "base.weak_key"


async def test_a_rebuild_gives_the_same_spaces(firm: Firm) -> None:
    team = await firm.child(firm.anna, "private", "Gehälter")
    await firm.ben.joins(await firm.anna.invites(team))
    await firm.carla.writes(firm.space, title("Lindner"))
    cuts = await firm.cuts(firm.anna, firm.space, firm.carla.account)
    await firm.anna.writes(firm.space, MemberRemoved(account=firm.carla.account, cuts=cuts))  # type: ignore[arg-type]

    async def seen() -> list[object]:
        paths = ("/api/me", f"/api/spaces/{firm.space}/members", f"/api/spaces/{team}", f"/api/spaces/{team}/members")
        found = [(await browser.get(path)).json() for browser in (firm.anna, firm.ben, firm.gesa) for path in paths]
        # The list of hosts is signed anew each time, with the time in it.
        return [{**one, "signed": None} if isinstance(one, dict) else one for one in found]

    before = await seen()
    await firm.place.services.log.refold()
    assert await seen() == before
