"""Opening an account: proof, sign-in name and first facts, all or nothing."""

import msgspec
import pytest
from sqlalchemy import select

from tests.accounts.people import PASSWORD, Browser, Place
from verbund.accounts import tables
from verbund.accounts.commands import SETUP_LINKS_MAX, make_setup_link
from verbund.base.ids import personal_space
from verbund.base.keys import DeviceKey
from verbund.log import tables as log_tables
from verbund.spaces.events import PersonalOpened, SpaceCreated


async def counted(place: Place) -> tuple[int, int]:
    """(cores, credentials) on disk."""
    with place.services.store.read() as connection:
        cores = connection.execute(select(log_tables.core.c.id)).all()
        credentials = connection.execute(select(tables.credential.c.account)).all()
    return len(cores), len(credentials)


async def setting_up(place: Place, browser: Browser, **changed: object) -> dict[str, object]:
    token = await place.services.log.write(make_setup_link)
    parcels = [*browser.opening("Anna"), browser.founding("Tischlerei Lindner")[1]]
    body = {"proof": {"setup": token}, "handle": "anna", "password": PASSWORD, "parcels": parcels}
    return {**body, **changed}


async def test_a_setup_link_works_once(place: Place) -> None:
    anna, eve = place.browser(), place.browser()
    body = await setting_up(place, anna)
    assert (await anna.post("/api/accounts", body)).status_code == 201

    again = {**await setting_up(place, eve), "proof": body["proof"], "handle": "eve"}
    answer = await eve.post("/api/accounts", again)

    assert (answer.status_code, answer.json()["code"]) == (410, "accounts.setup_link_used")


async def test_the_provider_says_when_it_is_set_up(place: Place) -> None:
    assert (await place.browser().get("/api/provider")).json()["setup_open"] is True
    await place.firm()
    assert (await place.browser().get("/api/provider")).json()["setup_open"] is False


async def test_old_setup_links_end_when_there_are_many(place: Place) -> None:
    tokens = [await place.services.log.write(make_setup_link) for _ in range(SETUP_LINKS_MAX + 1)]
    anna = place.browser()
    body = await setting_up(place, anna, proof={"setup": tokens[0]})
    assert (await anna.post("/api/accounts", body)).status_code == 410


async def test_without_proof_nothing_is_opened(place: Place) -> None:
    eve = place.browser()
    for proof in ({}, {"setup": "guessed"}, {"invitation": {"id": "x" * 43, "sig": "y" * 86}}):
        answer = await eve.post("/api/accounts", await setting_up(place, place.browser(), proof=proof))
        assert answer.status_code in (403, 410)
    assert await counted(place) == (0, 0)


async def test_a_refused_fact_takes_everything_back(place: Place) -> None:
    """The founding names an unknown provider: no account is left, and the link is still good."""
    anna = place.browser()
    body = await setting_up(place, anna)
    place.services.log.core.provider, own = type(place.services.log.provider)("A" * 43), place.services.log.provider
    fresh = place.browser()
    bad = {**body, "parcels": [*fresh.opening("Anna"), fresh.founding("Tischlerei")[1]]}
    place.services.log.core.provider = own

    refused = await fresh.post("/api/accounts", bad)
    assert refused.json()["code"] == "spaces.elsewhere"
    assert await counted(place) == (0, 0)

    assert (await anna.post("/api/accounts", body)).status_code == 201


@pytest.mark.parametrize("handle", ["Müller", "jürgen.groß", "ANNA", "anna+büro", "ａｎｎａ"])
async def test_handles_are_found_however_they_are_typed(place: Place, handle: str) -> None:
    anna = place.browser()
    await anna.sets_up("Anna", "Tischlerei", handle)
    other = place.browser()
    assert (await other.signs_in(f" {handle.upper()} ")).status_code == 201


@pytest.mark.parametrize("handle", ["a", "x" * 41, "anna lindner", "аnna", ".anna", "anna<b>", "", "👩‍🔧👩‍🔧"])
async def test_bad_handles_are_refused_with_a_sentence(place: Place, handle: str) -> None:
    anna = place.browser()
    answer = await anna.post("/api/accounts", await setting_up(place, anna, handle=handle))
    assert (answer.status_code, answer.json()["code"]) == (422, "accounts.bad_handle")


async def test_a_handle_is_had_once_whatever_its_case(place: Place) -> None:
    anna, firm = await place.firm(handle="großmann")
    link = await anna.invites(firm)
    answer = await place.browser().registers(link, "Eve", "GROSSMANN")
    assert answer.json()["code"] == "accounts.handle_taken"
    assert (await place.browser().registers(link, "Ben", "ben")).status_code == 201


@pytest.mark.parametrize("password", ["kurz", "aaaaaaaaaaaaaaaa", "         "])
async def test_weak_passwords_are_refused(place: Place, password: str) -> None:
    anna = place.browser()
    answer = await anna.post("/api/accounts", await setting_up(place, anna, password=password))
    assert answer.json()["code"] == "accounts.weak_password"


async def test_an_invitation_is_no_way_to_found_a_firm(place: Place) -> None:
    anna, firm = await place.firm()
    link = await anna.invites(firm)
    eve = place.browser()
    parcels = eve.opening("Eve")
    joined = link.join(eve.account)
    _, join = eve.pen.write(firm, joined, [link.invitation])
    body = {
        "proof": {"invitation": {"id": link.invitation, "sig": joined.proof}}, "handle": "eve", "password": PASSWORD,
        "parcels": [*parcels, join, eve.founding("Eves Firma")[1]],
    }  # fmt: skip
    answer = await eve.post("/api/accounts", body)
    assert answer.json()["code"] == "accounts.no_proof"


async def test_a_forged_proof_opens_no_account(place: Place) -> None:
    anna, firm = await place.firm()
    link = await anna.invites(firm)
    link.key = DeviceKey.generate()
    before = await counted(place)
    answer = await place.browser().registers(link, "Eve", "eve")
    assert (answer.status_code, answer.json()["code"]) == (403, "spaces.forged_proof")
    assert await counted(place) == before


async def test_two_who_use_the_last_place_at_once_are_one(place: Place) -> None:
    anna, firm = await place.firm()
    link = await anna.invites(firm, uses_max=1)
    heads, codes = await anna.heads(firm), []
    for handle in ("ben", "carla"):
        answer = await place.browser().registers(link, handle.capitalize(), handle, heads=heads)
        codes.append(answer.json().get("code", answer.status_code))
    assert codes == [201, "spaces.invitation_used_up"]


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "O'Brien & Söhne", "اسم", "👩‍🔧 Änne", "n" * 80])
async def test_names_are_kept_as_they_are(place: Place, name: str) -> None:
    anna = place.browser()
    await anna.sets_up(name, "Tischlerei", "anna")
    answer = await anna.get("/api/me")
    assert answer.json()["account"]["name"] == name
    assert answer.headers["content-type"].startswith("application/json")


@pytest.mark.parametrize("name", ["", " ", "n" * 81, "zwei\nZeilen", "glocke\x07"])
async def test_names_that_nobody_can_read_are_refused(place: Place, name: str) -> None:
    anna = place.browser()
    token = await place.services.log.write(make_setup_link)
    parcels = [*anna.opening(name), anna.founding("Tischlerei")[1]]
    body = {"proof": {"setup": token}, "handle": "anna", "password": PASSWORD, "parcels": parcels}
    answer = await anna.post("/api/accounts", body)
    assert answer.status_code == 422


async def test_rubbish_is_refused_with_a_code(place: Place) -> None:
    eve = place.browser()
    for body in (b"", b"[]", b'{"proof":1}', b"\xff", msgspec.json.encode({"proof": {}, "handle": "x" * 10_000})):
        answer = await eve.http.post("/api/accounts", content=body, headers={"content-type": "application/json"})
        assert answer.status_code == 422, (body, answer.text)
        assert answer.json()["code"]


async def test_everything_of_a_beginning_comes_at_once(place: Place) -> None:
    """As the app does it: account, profile, personal space, firm; then a colleague with two doors in one link."""
    anna = place.browser()
    parcels = anna.opening("Anna")
    own = personal_space(anna.account)
    parcels.append(anna.pen.write(own, PersonalOpened(account=anna.account))[1])
    firm, founding = anna.founding("Tischlerei Lindner")
    team = SpaceCreated(
        sort="team", title="Werkstatt", parent=firm, account=anna.account,
        providers=(place.services.log.provider,), address_form="du",
    )  # fmt: skip
    team_id, below = anna.pen.write(None, team)
    token = await place.services.log.write(make_setup_link)
    body = {
        "proof": {"setup": token}, "handle": "anna", "password": PASSWORD, "parcels": [*parcels, founding, below],
    }  # fmt: skip
    assert (await anna.post("/api/accounts", body)).status_code == 201
    me = (await anna.get("/api/me")).json()
    assert [one["sort"] for one in me["spaces"]] == ["account", "personal", "organisation", "team"]
    assert me["personal"] == own

    doors = [await anna.invites(space) for space in (firm, team_id)]
    ben = place.browser()
    parcels = ben.opening("Ben")
    joins = [(door, door.join(ben.account), await anna.heads(door.space)) for door in doors]
    parcels += [ben.pen.write(door.space, join, heads, [door.invitation])[1] for door, join, heads in joins]
    proof = {"invitation": {"id": doors[0].invitation, "sig": joins[0][1].proof}}
    body = {"proof": proof, "handle": "ben", "password": PASSWORD, "parcels": parcels}
    answer = await ben.post("/api/accounts", body)
    assert answer.status_code == 201, answer.text
    spaces = (await ben.get("/api/me")).json()["spaces"]
    assert {one["title"] for one in spaces} == {"", "Tischlerei Lindner", "Werkstatt"}


async def test_facts_of_another_device_do_not_ride_along(place: Place) -> None:
    anna, eve = place.browser(), place.browser()
    body = await setting_up(place, anna)
    eve.opening("Eve")
    foreign = eve.pen.write(None, SpaceCreated(
        sort="organisation", title="Eves Firma", parent=None, account=eve.account,
        providers=(place.services.log.provider,), address_form="sie",
    ))[1]  # fmt: skip
    parcels = body["parcels"]
    assert isinstance(parcels, list)
    assert (await anna.post("/api/accounts", {**body, "parcels": [*parcels, foreign]})).status_code == 422
    assert await counted(place) == (0, 0)
