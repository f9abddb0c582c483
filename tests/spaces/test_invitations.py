"""Invitations: what their holder sees, and the ways in which they do not work."""

import pytest
from sqlalchemy import select

from tests.accounts.people import Browser, Place
from verbund.base.ids import SpaceId, b64
from verbund.base.keys import DeviceKey
from verbund.log import tables as log_tables
from verbund.spaces.events import InvitationMade, InvitationWithdrawn, MemberJoined, MemberRemoved, SpaceCreated

DAY_MS = 24 * 3600 * 1000


@pytest.fixture
async def firm(place: Place) -> tuple[Browser, SpaceId]:
    return await place.firm()


async def preview(place: Place, invitation: str) -> dict[str, object]:
    answer: dict[str, object] = (await place.browser().get(f"/api/invitations/{invitation}")).json()
    return answer


async def test_the_holder_sees_where_it_leads(place: Place, firm: tuple[Browser, SpaceId]) -> None:
    anna, space = firm
    link = await anna.invites(space, expires_at=place.clock.ms + DAY_MS)
    seen = await preview(place, link.invitation)
    assert seen["usable"] is True
    assert (seen["title"], seen["by"], seen["role"]) == ("Tischlerei Lindner", "Anna", "member")
    assert seen["heads"] == await anna.heads(space)


async def test_an_unknown_invitation_is_not_there(place: Place) -> None:
    for invitation in ("A" * 43, "x", "..%2f..", "ä" * 43):
        answer = await place.browser().get(f"/api/invitations/{invitation}")
        assert (answer.status_code, answer.json()["code"]) == (404, "base.unknown")


async def test_an_expired_one_tells_nothing_but_that(place: Place, firm: tuple[Browser, SpaceId]) -> None:
    anna, space = firm
    link = await anna.invites(space, expires_at=place.clock.ms + DAY_MS)
    heads = await anna.heads(space)
    place.clock.pass_s(DAY_MS / 1000 + 1)
    seen = await preview(place, link.invitation)
    assert (seen["usable"], seen["reason"]) == (False, "spaces.invitation_expired")
    assert not seen["title"]
    assert seen["space"] is None
    answer = await place.browser().registers(link, "Ben", "ben", heads=heads)
    assert (answer.status_code, answer.json()["code"]) == (410, "spaces.invitation_expired")


async def test_a_used_up_one_says_so(place: Place, firm: tuple[Browser, SpaceId]) -> None:
    anna, space = firm
    link = await anna.invites(space, uses_max=1)
    ben = place.browser()
    assert (await ben.registers(link, "Ben", "ben")).status_code == 201
    assert (await preview(place, link.invitation))["reason"] == "spaces.invitation_used_up"
    assert (await ben.get(f"/api/invitations/{link.invitation}")).json()["joined"] is True
    rows = (await anna.get(f"/api/spaces/{space}/invitations")).json()
    assert [(row["uses"], row["usable"]) for row in rows] == [(1, False)]


async def test_joining_twice_uses_one_place(place: Place, firm: tuple[Browser, SpaceId]) -> None:
    anna, space = firm
    link = await anna.invites(space, uses_max=2)
    ben = place.browser()
    await ben.registers(link, "Ben", "ben")
    ben.account = ben.account or (await ben.get("/api/me")).json()["account"]["id"]
    assert (await ben.joins(link))["st"] == "accepted"
    assert (await place.browser().registers(link, "Carla", "carla")).status_code == 201


async def test_a_withdrawn_one_is_closed(place: Place, firm: tuple[Browser, SpaceId]) -> None:
    anna, space = firm
    link = await anna.invites(space)
    await anna.writes(space, InvitationWithdrawn(invitation=link.invitation), re=[link.invitation])
    seen = await preview(place, link.invitation)
    assert (seen["usable"], seen["reason"], seen["title"]) == (False, "spaces.invitation_unusable", "")
    answer = await place.browser().registers(link, "Ben", "ben", heads=await anna.heads(space))
    assert (answer.status_code, answer.json()["code"]) == (410, "spaces.invitation_unusable")


async def test_a_forged_proof_is_refused(place: Place, firm: tuple[Browser, SpaceId]) -> None:
    """Signed by another key, for another account, for another space, or not at all."""
    anna, space = firm
    wolf, glass = await place.firm("Glaserei Wolf", "wolf")
    link = await anna.invites(space)
    heads = await anna.heads(space)
    good = link.join(wolf.account)
    elsewhere = (await wolf.invites(glass)).join(wolf.account)
    proofs = [
        link.join(wolf.account, DeviceKey.generate()).proof, link.join(anna.account).proof, elsewhere.proof, None, "",
        "!" * 86, "A" * 86,
    ]  # fmt: skip
    for proof in proofs:
        event = MemberJoined(account=wolf.account, invitation=link.invitation, proof=proof, parent_heads=())
        outcome, _ = await wolf.tries(space, event, ah=heads)
        assert (outcome["st"], outcome.get("code")) == ("refused", "spaces.forged_proof"), (proof, outcome)
        wolf.pen.last[space] = (outcome["ds"] - 1, outcome["dp"])
    assert (await wolf.tries(space, good, ah=heads))[0]["st"] == "accepted"


async def test_nobody_joins_in_anothers_name(place: Place, firm: tuple[Browser, SpaceId]) -> None:
    anna, space = firm
    wolf, _ = await place.firm("Glaserei Wolf", "wolf")
    eve, _ = await place.firm("Eves Firma", "eve")
    link = await anna.invites(space)
    outcome, _ = await eve.tries(space, link.join(wolf.account), ah=await anna.heads(space))
    assert (outcome["st"], outcome["code"]) == ("refused", "base.unknown")


async def test_an_invitation_of_another_space_opens_nothing(place: Place, firm: tuple[Browser, SpaceId]) -> None:
    anna, space = firm
    wolf, glass = await place.firm("Glaserei Wolf", "wolf")
    link = await wolf.invites(glass)
    link.space = space
    outcome, _ = await wolf.tries(space, link.join(wolf.account), ah=await anna.heads(space))
    assert outcome["code"] == "base.unknown"


async def test_who_was_removed_does_not_come_back_by_the_old_link(place: Place, firm: tuple[Browser, SpaceId]) -> None:
    anna, space = firm
    link = await anna.invites(space)
    ben = place.browser()
    await ben.registers(link, "Ben", "ben")
    before = await anna.heads(space)
    await anna.writes(space, MemberRemoved(account=ben.account, cuts={ben.pen.dev: 1}))
    for heads in (await anna.heads(space), before):
        outcome, _ = await ben.tries(space, link.join(ben.account), ah=heads)
        assert outcome["st"] == "refused", heads
        if outcome["ds"]:
            ben.pen.last[space] = (outcome["ds"] - 1, outcome["dp"])
    assert await ben.space(space) is None


@pytest.mark.parametrize(("role", "allowed"), [("member", True), ("guest", True), ("admin", False)])
async def test_an_admin_invites_members_and_guests(
    place: Place, firm: tuple[Browser, SpaceId], role: str, allowed: bool
) -> None:
    anna, space = firm
    carla = await place.colleague(anna, space, "carla", "admin")
    event = InvitationMade(
        key=b64(DeviceKey.generate().public.raw), role=role, expires_at=None, uses_max=None, note="",  # type: ignore[arg-type]
    )  # fmt: skip
    outcome, _ = await carla.tries(space, event)
    assert (outcome["st"] == "accepted") is allowed


async def test_members_and_guests_invite_nobody_into_the_firm(place: Place, firm: tuple[Browser, SpaceId]) -> None:
    anna, space = firm
    for handle, role in (("ben", "member"), ("gast", "guest")):
        somebody = await place.colleague(anna, space, handle, role)
        event = InvitationMade(
            key=b64(DeviceKey.generate().public.raw), role="guest", expires_at=None, uses_max=None, note=""
        )
        outcome, _ = await somebody.tries(space, event)
        assert outcome["code"] == "spaces.not_allowed"
        assert (await somebody.get(f"/api/spaces/{space}/invitations")).status_code == 404


@pytest.mark.parametrize("offset_ms", [-1, 0, 400 * DAY_MS])
async def test_an_expiry_that_makes_no_sense_is_refused(
    place: Place, firm: tuple[Browser, SpaceId], offset_ms: int
) -> None:
    anna, space = firm
    key = b64(DeviceKey.generate().public.raw)
    event = InvitationMade(key=key, role="guest", expires_at=place.clock.ms + offset_ms, uses_max=None, note="")
    assert (await anna.tries(space, event))[0]["code"] == "spaces.bad_expiry"


async def test_a_weak_invitation_key_is_refused(firm: tuple[Browser, SpaceId]) -> None:
    anna, space = firm
    for key in (b64(bytes(32)), b64(b"\x01" + bytes(31)), "_" * 43):
        event = InvitationMade(key=key, role="guest", expires_at=None, uses_max=None, note="")
        outcome, _ = await anna.tries(space, event)
        assert outcome["code"] == "base.weak_key"
        anna.pen.last[space] = (outcome["ds"] - 1, outcome["dp"])


async def test_a_guest_joins_a_meeting_and_sees_nothing_else(place: Place, firm: tuple[Browser, SpaceId]) -> None:
    anna, space = firm
    event = SpaceCreated(
        sort="meeting", title="Abnahme Küche Berger", parent=space, account=anna.account,
        providers=(place.services.log.provider,), address_form="sie",
    )  # fmt: skip
    meeting = SpaceId(await anna.writes(None, event))
    guest = place.browser()
    assert (await guest.registers(await anna.invites(meeting, "guest"), "Frau Berger", "berger")).status_code == 201
    me = (await guest.get("/api/me")).json()
    assert [one["id"] for one in me["spaces"] if one["sort"] != "account"] == [meeting]
    assert me["organisation"] is None
    for path in ("", "/members", "/log", "/invitations"):
        answer = await guest.get(f"/api/spaces/{space}{path}")
        assert answer.status_code == 404, path
    assert (await guest.get("/api/spaces/open")).json() == []


async def test_a_refused_join_leaves_no_trace_for_readers(place: Place, firm: tuple[Browser, SpaceId]) -> None:
    anna, space = firm
    wolf, _ = await place.firm("Glaserei Wolf", "wolf")
    link = await anna.invites(space)
    link.key = DeviceKey.generate()
    await wolf.joins(link)
    members = (await anna.get(f"/api/spaces/{space}/members")).json()
    assert [one["account"] for one in members] == [anna.account]
    with place.services.store.read() as connection:
        bodies = connection.execute(select(log_tables.core.c.kind).where(log_tables.core.c.dev == wolf.pen.dev)).all()
    assert ("authority.member_joined.1",) in [tuple(row) for row in bodies], "a header stays, its number is used"
