"""Two firms at one provider: neither learns anything of the other, whatever ids it walks."""

import pytest

from tests.accounts.people import Browser, Place
from verbund.accounts.events import ProfileChanged
from verbund.base.ids import AccountId, CoreId, SpaceId, direct_space, personal_space
from verbund.chat.events import ChannelRead, MessagePosted
from verbund.log.registry import Event
from verbund.spaces.events import (
    DirectOpened,
    InvitationWithdrawn,
    MemberAdded,
    MemberJoined,
    MemberRemoved,
    PersonalOpened,
    RoleChanged,
    SpaceArchived,
    SpaceDescribed,
)  # fmt: skip

NOWHERE = "A" * 43


@pytest.fixture
async def ids(place: Place) -> dict[str, str]:
    """Every id of the Lindner firm that could leak."""
    anna, firm = await place.firm()
    ben = await place.colleague(anna, firm, "ben")
    link = await anna.invites(firm)
    people = sorted([anna.account, ben.account])
    direct = direct_space(people)
    await anna.send(anna.pen.write(direct, DirectOpened(people=tuple(people)))[1])
    await anna.send(anna.pen.write(personal_space(anna.account), PersonalOpened(account=anna.account))[1])
    return {
        "firm": firm, "direct": direct, "personal": personal_space(anna.account), "account": anna.account,
        "device": anna.pen.dev, "invitation": link.invitation, "ben": ben.account,
    }  # fmt: skip


@pytest.fixture
async def wolf(place: Place, ids: dict[str, str]) -> Browser:
    browser, _ = await place.firm("Glaserei Wolf", "wolf")
    return browser


PATHS = (
    "/api/spaces/{}", "/api/spaces/{}/members", "/api/spaces/{}/log", "/api/spaces/{}/head", "/api/spaces/{}/messages",
    "/api/spaces/{}/invitations", "/api/spaces/{}/channels", "/api/spaces/{}/films", "/blobs/{}/" + NOWHERE,
)  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
async def test_foreign_and_missing_look_the_same(wolf: Browser, ids: dict[str, str], path: str) -> None:
    missing = await wolf.get(path.format(NOWHERE))
    for name, identifier in ids.items():
        answer = await wolf.get(path.format(identifier))
        assert (answer.status_code, answer.content) == (missing.status_code, missing.content), (name, path)
    assert missing.status_code == 404


async def test_nobody_reads_without_a_session(place: Place, ids: dict[str, str]) -> None:
    for path in (*PATHS, "/api/me", "/api/devices", "/api/security", "/api/spaces/open"):
        for identifier in ids.values():
            assert (await place.browser().get(path.format(identifier))).status_code == 401, path


def attempts(ids: dict[str, str], wolf: Browser) -> list[tuple[str, Event]]:
    """What somebody could try in each of them."""
    firm: list[Event] = [
        SpaceDescribed(title="Übernommen", description="", address_form="du"),
        MemberAdded(account=wolf.account, role="owner"),
        RoleChanged(account=wolf.account, role="owner"),
        MemberRemoved(account=AccountId(ids["account"]), cuts={}),
        InvitationWithdrawn(invitation=CoreId(ids["invitation"])),
        MemberJoined(account=wolf.account, invitation=CoreId(NOWHERE), proof="A" * 86, parent_heads=()),
        SpaceArchived(archived=True),
        MessagePosted(text="Hallo"),
    ]
    return [
        *(("firm", event) for event in firm),
        ("direct", MessagePosted(text="Hallo")),
        ("personal", ChannelRead(space=SpaceId(ids["firm"]), id=CoreId(NOWHERE), read="0" * 16)),
        ("account", ProfileChanged(name="Übernommen")),
    ]


async def test_writing_into_foreign_and_missing_looks_the_same(wolf: Browser, ids: dict[str, str]) -> None:
    for name, event in attempts(ids, wolf):
        answers = []
        for space in (ids[name], NOWHERE):
            wolf.pen.last.pop(space, None)
            (outcome,) = await wolf.send(wolf.pen.write(space, event)[1])
            answers.append((outcome["st"], outcome["code"]))
        assert answers == [("refused", "base.unknown")] * 2, (name, event.kind)


async def test_my_list_holds_mine_alone(wolf: Browser, ids: dict[str, str]) -> None:
    text = (await wolf.get("/api/me")).text + (await wolf.get("/api/spaces/open")).text
    text += (await wolf.get("/api/devices")).text
    assert "Glaserei" in text
    for identifier in ids.values():
        assert identifier not in text


async def test_an_account_of_two_firms_keeps_them_apart(place: Place, wolf: Browser, ids: dict[str, str]) -> None:
    """Ben joins the glaziers too; their people see nothing of the joiners through him."""
    glass = SpaceId((await wolf.get("/api/me")).json()["organisation"])
    ben = place.browser()
    await ben.signs_in("ben")
    assert (await ben.joins(await wolf.invites(glass)))["st"] == "accepted"
    assert {one["sort"] for one in (await ben.get("/api/me")).json()["spaces"]} == {"account", "organisation", "direct"}
    members = (await wolf.get(f"/api/spaces/{glass}/members")).text
    assert ids["ben"] in members
    assert ids["account"] not in members
    assert ids["firm"] not in members
    assert (await wolf.get(f"/api/spaces/{ids['ben']}/log")).status_code == 404, "nor his account's own space"
