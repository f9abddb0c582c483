"""A provider that has carried an order out says so; nothing of the words is left in its folder."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from tests.accounts.people import Browser, Place, running
from verbund.base.clock import stamp_of
from verbund.chat.events import MessagePosted, MessageWithdrawn
from verbund.erasure import effects
from verbund.log import tables
from verbund.spaces.events import ErasureOrdered, MotionMade, MotionSeconded, MotionStopped, RoleChanged
from verbund.spaces.state import WINDOW_MS

WAITS_MAX = 500
WORD = "wallnussbohlenlager"


class Firm:
    """Anna's, with Ben in it; Cem is an owner too."""

    def __init__(self, place: Place, anna: Browser, ben: Browser, cem: Browser, space: str, folder: Path) -> None:
        self.place, self.anna, self.ben, self.cem, self.space, self.folder = place, anna, ben, cem, space, folder

    def stamp(self) -> str:
        return stamp_of(self.place.clock.now_ms())

    async def ledger(self, who: Browser) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await who.get(f"/api/spaces/{self.space}/erasures")).json()
        return found

    async def confirmed(self) -> dict[str, Any]:
        def is_confirmed(found: list[dict[str, Any]]) -> bool:
            return bool(found) and all(one["at"] for one in found[0]["providers"])

        found = await self.until(lambda: self.ledger(self.anna), is_confirmed)
        first: dict[str, Any] = found[0]
        return first

    async def until(self, ask: Callable[[], Any], holds: Callable[[Any], bool]) -> Any:
        for _ in range(WAITS_MAX):
            found = await ask()
            if holds(found):
                return found
            await asyncio.sleep(0.02)
        raise AssertionError(found)

    async def wants_it_erased(self) -> str:
        """Anna wants everything gone that Ben wrote."""
        motion = MotionMade(deed="person_erased", account=self.ben.account, reason="Art. 17")
        return await self.anna.writes(self.space, motion)

    async def motions(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.cem.get(f"/api/spaces/{self.space}/motions")).json()
        return found

    def hits(self, *words: str) -> list[str]:
        found = []
        for one in [one for one in self.folder.rglob("*") if one.is_file()]:
            with suppress(FileNotFoundError):  # a running provider clears up as well
                content = one.read_bytes().lower()
                found += [f"{one.name}: {word}" for word in words if word.encode() in content]
        return found


@pytest.fixture
async def firm(tmp_path: Path) -> AsyncIterator[Firm]:
    async with running(tmp_path) as place:
        anna, space = await place.firm()
        ben = await place.colleague(anna, space, "ben")
        cem = await place.colleague(anna, space, "cem")
        await anna.writes(space, RoleChanged(account=cem.account, role="owner"))
        yield Firm(place, anna, ben, cem, space, tmp_path)


async def test_one_erases_what_one_wrote_oneself(firm: Firm) -> None:
    for at in range(30):
        await firm.ben.writes(firm.space, MessagePosted(text=f"{WORD}{at} ist voll"))
        await firm.anna.writes(firm.space, MessagePosted(text=f"Antwort{at} steht"))
    assert firm.hits(WORD)
    await firm.ben.writes(firm.space, ErasureOrdered(account=firm.ben.account, until=firm.stamp()))
    order = await firm.confirmed()
    assert order["account"] == order["by"] == firm.ben.account
    (said,) = order["providers"]
    assert (said["provider"], said["bodies"], said["files"]) == (firm.place.services.log.provider, 30, 0)
    assert firm.hits(WORD) == []
    assert firm.hits("antwort7")
    assert await firm.ledger(firm.ben) == [order]
    stranger = await firm.place.colleague(firm.anna, firm.space, "dora")
    assert await firm.ledger(stranger) == []


async def test_a_rebuild_brings_nothing_back_and_forgets_no_confirmation(firm: Firm) -> None:
    await firm.ben.writes(firm.space, MessagePosted(text=WORD))
    await firm.ben.writes(firm.space, ErasureOrdered(account=firm.ben.account, until=firm.stamp()))
    order = await firm.confirmed()
    await firm.place.services.log.refold()
    assert await firm.confirmed() == order
    assert (await firm.anna.get(f"/api/spaces/{firm.space}/messages")).json()["messages"] == []


async def test_the_room_follows_the_firm(firm: Firm) -> None:
    from verbund.spaces.events import MemberAdded, SpaceCreated

    team = SpaceCreated(
        sort="team", title="Werkstatt", parent=firm.space, account=firm.anna.account,  # type: ignore[arg-type]
        providers=(firm.place.services.log.provider,), address_form="sie",
    )  # fmt: skip
    room = await firm.anna.writes(None, team)
    await firm.anna.writes(room, MemberAdded(account=firm.ben.account, role="member"))
    await firm.ben.writes(room, MessagePosted(text=WORD))
    await firm.ben.writes(firm.space, ErasureOrdered(account=firm.ben.account, until=firm.stamp()))
    firm.space = room
    order = await firm.confirmed()
    assert order["by"] is None
    assert firm.hits(WORD) == []


async def test_owners_wait_a_day_to_erase_what_somebody_else_wrote(firm: Firm) -> None:
    await firm.ben.writes(firm.space, MessagePosted(text=WORD))
    ordered = ErasureOrdered(account=firm.ben.account, until=firm.stamp())
    assert (await firm.anna.tries(firm.space, ordered))[0]["code"] == "spaces.needs_motion"
    await firm.wants_it_erased()
    (motion,) = await firm.motions()
    assert motion["ripe_at"] - motion["at"] == WINDOW_MS
    firm.place.clock.pass_s(WINDOW_MS / 1000 - 60)
    await _look(firm)
    assert await firm.ledger(firm.anna) == []
    firm.place.clock.pass_s(60)
    await _look(firm)
    order = await firm.confirmed()
    assert (order["reason"], order["by"]) == ("Art. 17", None)
    assert await firm.motions() == []
    assert firm.hits(WORD) == []


async def test_a_second_owner_makes_it_so_at_once(firm: Firm) -> None:
    await firm.ben.writes(firm.space, MessagePosted(text=WORD))
    motion = await firm.wants_it_erased()
    own = await firm.anna.tries(firm.space, MotionSeconded(motion=motion), [motion])
    assert own[0]["code"] == "spaces.not_allowed"
    stranger = await firm.ben.tries(firm.space, MotionSeconded(motion=motion), [motion])
    assert stranger[0]["code"] == "spaces.not_allowed"
    await firm.cem.writes(firm.space, MotionSeconded(motion=motion), [motion])
    await firm.confirmed()
    late = await firm.cem.tries(firm.space, MotionStopped(motion=motion), [motion])
    assert late[0]["code"] == "spaces.motion_over"


async def test_any_owner_stops_it(firm: Firm) -> None:
    await firm.ben.writes(firm.space, MessagePosted(text=WORD))
    motion = await firm.wants_it_erased()
    await firm.cem.writes(firm.space, MotionStopped(motion=motion), [motion])
    assert await firm.motions() == []
    firm.place.clock.pass_s(2 * WINDOW_MS / 1000)
    await _look(firm)
    assert await firm.ledger(firm.anna) == []
    assert firm.hits(WORD)


async def test_a_withdrawn_message_is_gone_to_the_last_byte(firm: Firm) -> None:
    message = await firm.ben.writes(firm.space, MessagePosted(text=WORD))
    await firm.ben.writes(firm.space, MessageWithdrawn(message=message), [message])
    await firm.until(lambda: asyncio.to_thread(firm.hits, WORD), lambda found: found == [])


async def test_after_a_withdrawal_what_could_not_be_cleared_is_tried_again_by_itself(
    firm: Firm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(effects, "TRUNCATE_TRIES_MAX", 1)
    monkeypatch.setattr(effects, "TRUNCATE_PAUSE_S", 0.0)
    monkeypatch.setattr(effects, "LOOK_AGAIN_S", 0.05)
    message = await firm.ben.writes(firm.space, MessagePosted(text=WORD))
    with firm.place.services.store.read() as reading:
        # Somebody reads all the time: the write-ahead log cannot be cut off.
        reading.execute(text("SELECT count(*) FROM core")).all()
        await firm.ben.writes(firm.space, MessageWithdrawn(message=message), [message])
        await firm.until(lambda: asyncio.to_thread(marks, firm), lambda found: found == ["purging"])
        assert await asyncio.to_thread(firm.hits, WORD)
    await firm.until(lambda: asyncio.to_thread(firm.hits, WORD), lambda found: found == [])
    await firm.until(lambda: asyncio.to_thread(marks, firm), lambda found: found == [])


def marks(firm: Firm) -> list[str]:
    """What this provider knows of clearing up that is still to be done."""
    key = tables.installation.c.key
    with firm.place.services.store.read() as connection:
        return list(connection.execute(select(key).where(key.in_(("unpurged", "purging")))).scalars())


async def _look(firm: Firm) -> None:
    """The providers look at once, not in half a minute."""
    await firm.place.services.parts["deeds"].carry_out()
