"""A second provider that takes everything in, in whatever order it comes, ends with the same rows."""

import asyncio
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from tests.accounts.people import Browser, Place, running
from tests.accounts.test_cards import Card, comes_in, head, uses
from tests.accounts.visiting import signs_in, with_passkey
from tests.web.sockets import connected
from verbund.accounts import projection as account_projection
from verbund.accounts.commands import admit_provider_device
from verbund.accounts.events import CardRevoked, DeviceRevoked, PasskeyRevoked
from verbund.base.ids import SpaceId, b64
from verbund.base.keys import DeviceKey
from verbund.log import tables as log_tables
from verbund.log.alternates import forged
from verbund.log.entry import CHAIN_START, SETTLED, VOID, WAITING, Entry, sublog
from verbund.log.entry import chain as chain_of
from verbund.log.tx import Tx
from verbund.spaces import projection as space_projection
from verbund.spaces.events import MemberJoined, MemberRemoved, SpaceArchived, SpaceCreated, SpaceDescribed

WAITS_MAX = 1000
SAME_PLACES = "at the places of the forged ones"
PROJECTED = (*account_projection.PROJECTED, *space_projection.PROJECTED)


def rows(place: Place) -> dict[str, list[Any]]:
    """Everything that folds have written, and what became of each fact."""
    with place.services.store.read() as connection:
        found = {table.name: sorted(map(repr, connection.execute(select(table)).all())) for table in PROJECTED}
        core = log_tables.core.c
        states = connection.execute(select(core.id, core.state)).all()
        found["states"] = sorted((one, state == SETTLED) for one, state in states)
    return found


def title(text: str) -> SpaceDescribed:
    return SpaceDescribed(title=text, description="", address_form="sie")


async def comes_by_card(anna: Browser, team: SpaceId) -> None:
    """A code of Anna's emergency card is used, then the card is revoked."""
    place = anna.place
    card = await Card(anna, place.services.log.provider, place.services.log.provider).made()
    new = place.browser()
    assert (await uses(new, card, 0)).status_code == 204
    assert (await comes_in(new)).status_code == 201
    await new.writes(team, title("Vom Leihgerät"))
    await anna.writes(anna.account, CardRevoked(card=card.id, cuts=card.cuts(0)), [card.id])


async def comes_by_passkey(place: Place) -> None:
    """A passkey of Bert's, who founded a firm of his own, brings a device in and is revoked."""
    bert, key, fact = await with_passkey(place, "bert")
    new = place.browser()
    assert (await signs_in(new, key)).status_code == 201
    bert.pen.last[bert.account] = await head(bert)
    await bert.writes(bert.account, PasskeyRevoked(passkey=fact, stays=(new.pen.dev,)), [fact])


async def a_firm_with_a_past(place: Place) -> None:
    """Somebody is removed, somebody leaves, a device is stolen and cut back, a card is used and revoked, a team is
    joined, a space archived."""
    anna, firm = await place.firm()
    people = {name: await place.colleague(anna, firm, name) for name in ("ben", "carla", "dora")}
    provider = place.services.log.provider
    team = SpaceId(await anna.writes(None, SpaceCreated(
        sort="team", title="Werkstatt", parent=firm, account=anna.account, providers=(provider,), address_form="sie",
    )))  # fmt: skip
    for name in ("ben", "carla"):
        browser = people[name]
        heads = await browser.heads(firm)
        join = MemberJoined(account=browser.account, invitation=None, proof=None, parent_heads=tuple(heads))
        assert (await browser.tries(team, join, re=heads, ah=[team]))[0]["st"] == "accepted"
    thief = place.browser()
    await thief.signs_in("anna")
    await anna.writes(team, title("Werkstatt im Hof"))
    await thief.writes(team, title("Gestohlen"))
    await anna.writes(anna.account, DeviceRevoked(dev=thief.pen.dev, cuts={SpaceId(anna.account): 0, team: 0}))
    ben, carla = people["ben"], people["carla"]
    await anna.writes(team, MemberRemoved(account=ben.account, cuts={ben.pen.dev: ben.pen.last[team][0]}))
    last = carla.pen.last[firm][0]
    await carla.writes(firm, MemberRemoved(account=carla.account, cuts={carla.pen.dev: last + 1}))
    await comes_by_card(anna, team)
    await comes_by_passkey(place)
    await anna.writes(team, SpaceArchived(archived=True))
    for _ in range(WAITS_MAX):  # the provider carries her leaving into the team
        if await carla.space(team) is None:
            return
        await asyncio.sleep(0.01)
    pytest.fail("Carla is still in the team")


@pytest.mark.parametrize("first", ["use", "revocation"])
async def test_a_code_that_was_used_elsewhere_meanwhile_goes_with_its_card(tmp_path: Path, first: str) -> None:
    """Home revokes the card and does not know yet that a partner let somebody in by it: nobody is let in by that, and
    what they wrote counts nowhere, whichever came first."""
    async with running(tmp_path / "one") as one, running(tmp_path / "two") as two:
        anna, firm = await one.firm()
        card = await Card(anna, one.services.log.provider, two.services.log.provider).made()
        for place, other in ((one, two), (two, one)):
            await place.services.log.write(acquainted(other))
        await in_some_order(two, entries(one), random.Random(1))
        new = two.browser()
        assert (await uses(new, card, 1)).status_code == 204
        assert (await comes_in(new)).status_code == 201
        new.account = anna.account
        said = await new.writes(firm, title("Vom Leihgerät"))
        told: list[int] = []
        two.services.log.told.append(lambda new: told.extend(one.entry.x for _, one, _ in new if one.entry.id == said))
        assert (await new.get("/api/me")).status_code == 200
        if first == "use":
            await in_some_order(one, entries(two), random.Random(2))
        cuts = card.cuts(1) if first == "use" else card.cuts()
        async with connected(new) as live:
            await live.lives()
            await anna.writes(anna.account, CardRevoked(card=card.id, cuts=cuts), [card.id])
            await in_some_order(two, entries(one), random.Random(3))
            await in_some_order(one, entries(two), random.Random(4))
            await (live.lives() if first == "use" else live.until(lambda frame: "accounts.signed_out" in str(frame)))
        assert (await new.get("/api/me")).status_code == (200 if first == "use" else 401)
        assert any("Vom Leihgerät" in row for row in rows(one)["space_title"]) == (first == "use")
        assert (WAITING in told) == (first == "revocation"), "who is here takes it from the screen"
        assert rows(two) == rows(one)


def acquainted(place: Place) -> Callable[[Tx], None]:
    own = place.services.installation
    return lambda tx: admit_provider_device(tx, own.provider, own.device.public)


def entries(place: Place) -> dict[str, list[Entry]]:
    """space → its entries, as a partner gets them."""
    with place.services.store.read() as connection:
        spaces = connection.execute(select(log_tables.sublog.c.space).distinct()).scalars().all()
    return {
        space: [msgspec.json.decode(one, type=Entry) for one in place.services.log.entries(space, {})[0]]
        for space in spaces
    }


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_comes_first_the_rows_are_the_same(tmp_path: Path, seed: int) -> None:
    async with running(tmp_path / "one") as one, running(tmp_path / "two") as two:
        await a_firm_with_a_past(one)
        installation = one.services.installation
        log = two.services.log
        await log.write(lambda tx: admit_provider_device(tx, installation.provider, installation.device.public))
        await in_some_order(two, entries(one), random.Random(seed))
        assert rows(two) == rows(one)
        await log.refold()
        assert rows(two) == rows(one)


async def in_some_order(place: Place, by_space: dict[str, list[Entry]], chance: random.Random) -> None:
    """Each space's entries in their order, the spaces in any, in portions of any size."""
    rest = {space: list(found) for space, found in by_space.items()}
    while rest:
        space = chance.choice(sorted(rest))
        count = chance.randint(1, 3)
        portion, rest[space] = rest[space][:count], rest[space][count:]
        await place.services.log.accept(portion)
        if not rest[space]:
            del rest[space]


async def test_a_forged_fact_of_a_partner_changes_nothing(tmp_path: Path) -> None:
    """A partner passes on what a stranger wrote into the firm: kept, never shown."""
    async with running(tmp_path / "one") as one, running(tmp_path / "two") as two:
        anna, firm = await one.firm()
        log = two.services.log
        installation = one.services.installation
        await log.write(lambda tx: admit_provider_device(tx, installation.provider, installation.device.public))
        wolf: Browser
        wolf, _ = await one.firm("Glaserei Wolf", "wolf")
        refused, _ = await wolf.tries(firm, title("Übernommen"), ah=await anna.heads(firm))
        assert refused["st"] == "refused"
        await in_some_order(two, entries(one), random.Random(1))
        assert rows(two)["space_title"] == rows(one)["space_title"]
        assert not any("Übernommen" in row for row in rows(two)["space_title"])


@pytest.mark.parametrize("true_one", ["after the key", "before the key, too", SAME_PLACES])
async def test_a_forged_copy_that_came_first_does_not_keep_the_true_one_out(tmp_path: Path, true_one: str) -> None:
    """A rogue partner sends somebody's fact under a wrong signature before anybody can know their key."""
    async with running(tmp_path / "one") as one, running(tmp_path / "two") as two:
        anna, firm = await one.firm()
        ben = await one.colleague(anna, firm, "ben", "admin")
        true = await ben.writes(firm, title("Von Ben"))
        log, installation = two.services.log, one.services.installation
        await log.write(lambda tx: admit_provider_device(tx, installation.provider, installation.device.public))
        rogue = DeviceKey.generate().public.provider
        chain, again = CHAIN_START, []
        for number, entry in enumerate(entries(one)[firm], 1):
            chain = chain_of(chain, rogue, 1, number, entry.id, entry.at, void=entry.x == VOID)
            place = {"p": rogue, "i": 1, "n": number, "h": b64(chain)}
            again.append(msgspec.structs.replace(entry, **place))
            await log.accept([msgspec.structs.replace(again[-1], s=b64(bytes(64)))])
        rest = entries(one)
        of_firm = rest.pop(firm)
        if true_one == "before the key, too":
            await log.accept(of_firm)
        await in_some_order(two, rest, random.Random(1))
        if true_one == SAME_PLACES:
            with log.store.read() as connection:
                places = forged(connection)
            assert places
            assert {(space, sub) for space, sub, _ in places} == {(firm, sublog(rogue, 1))}
            assert log.forgeries > 0
        await log.accept(of_firm if true_one != SAME_PLACES else again)
        with log.store.read() as connection:
            assert forged(connection) == []
        assert rows(two)["space_title"] == rows(one)["space_title"]
        assert (true, True) in rows(two)["states"]
        assert rows(two)["states"] == rows(one)["states"]
        await log.refold()
        assert rows(two)["states"] == rows(one)["states"]
