"""Calls that begin at once at two providers: each finds alone, from the facts it has, which of the two goes on."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest

from tests.accounts.people import Browser, Place, running
from tests.meet.test_facts import open_calls
from tests.spaces.test_replica import acquainted, entries, in_some_order
from verbund.base.ids import CoreId, SpaceId, b64
from verbund.meet import queries
from verbund.meet.effects import MeetService
from verbund.meet.events import CallMoved, CallStarted
from verbund.meet.room import Room
from verbund.spaces.events import ProviderAdded


class Side(NamedTuple):
    """A provider of the firm, and somebody of the firm whose page is there."""

    place: Place
    person: Browser
    firm: SpaceId

    @property
    def meet(self) -> MeetService:
        found: MeetService = self.place.services.parts["meet"]
        return found

    @property
    def room(self) -> Room | None:
        return self.meet.meetings.rooms.get(self.firm)

    async def comes(self) -> Room:
        """Into the call; the fact that it began is not written yet."""
        attendee = await self.meet.meetings.join(
            self.socket, self.person.account, self.person.pen.dev, self.firm, False, False
        )  # fmt: skip
        return attendee.room

    @property
    def socket(self) -> Any:
        return SimpleNamespace(id=self.person.account, send_json=lambda _frame: True)

    async def goes(self) -> None:
        meetings = self.meet.meetings
        await meetings.remove(next(one for one in meetings.attendees.values()))

    async def began(self, room: Room) -> CoreId:
        """The browser writes that the call of this room began."""
        log = self.place.services.log
        heads = await log.write(lambda tx: log.core.heads(tx, self.firm))
        identifier, parcel = self.person.pen.write(self.firm, CallStarted(call=room.id), heads)
        (outcome,) = await log.submit([parcel])
        assert outcome.st == "accepted"
        await self.settled()
        return identifier

    async def hears(self, other: "Side") -> None:
        await in_some_order(self.place, entries(other.place), random.Random(1))
        await self.settled()

    async def settled(self) -> None:
        """What was heard is told in the loop, and chores write facts of their own."""
        for _ in range(5):
            await asyncio.sleep(0.01)
            await asyncio.gather(*self.meet.calls.chores)


@pytest.fixture
async def two(tmp_path: Path) -> AsyncIterator[tuple[Side, Side]]:
    """Anna is at the first provider, Ben at the second."""
    async with running(tmp_path / "one") as one, running(tmp_path / "two") as second:
        anna, firm = await one.firm()
        ben = await one.colleague(anna, firm, "ben")
        own = second.services.installation
        await anna.writes(firm, ProviderAdded(
            provider=own.provider, alg="ed25519", key=b64(own.key.raw), name="Südnetz", url="http://127.0.0.1:1",
        ))  # fmt: skip
        for place, other in ((one, second), (second, one)):
            await place.services.log.write(acquainted(other))
        sides = Side(one, anna, firm), Side(second, ben, firm)
        await sides[1].hears(sides[0])
        yield sides


async def test_a_room_whose_beginning_is_on_its_way_waits_for_it(two: tuple[Side, Side]) -> None:
    """Otherwise both may give way, each to the other, and nobody is in one call with anybody."""
    here, there = two
    rooms = await here.comes(), await there.comes()
    first = await here.began(rooms[0])
    await there.hears(here)
    assert there.room is rooms[1]
    later = await there.began(rooms[1])
    assert there.room is None
    assert open_calls(there.place) == [first]
    await here.hears(there)
    assert here.room is rooms[0]
    assert rooms[0].call == first != later
    assert open_calls(here.place) == [first]


async def test_the_later_one_gives_way_when_it_hears_of_the_earlier(two: tuple[Side, Side]) -> None:
    here, there = two
    rooms = await here.comes(), await there.comes()
    first, later = await here.began(rooms[0]), await there.began(rooms[1])
    await here.hears(there)
    assert here.room is rooms[0]
    assert sorted(open_calls(here.place)) == sorted([first, later])
    await there.hears(here)
    assert there.room is None
    await here.hears(there)
    assert open_calls(here.place) == open_calls(there.place) == [first]


async def test_a_beginning_that_nobody_writes_is_not_waited_for(two: tuple[Side, Side]) -> None:
    """And when it is written after all, that call is over at once."""
    here, there = two
    rooms = await here.comes(), await there.comes()
    first = await here.began(rooms[0])
    await there.hears(here)
    there.meet.calls.sweep()
    assert there.room is rooms[1]
    there.place.clock.pass_s(3)
    there.meet.calls.sweep()
    await there.settled()
    assert there.room is None
    await there.began(rooms[1])
    assert open_calls(there.place) == [first]


async def test_a_call_that_was_left_before_its_beginning_was_written_is_over(two: tuple[Side, Side]) -> None:
    here, _ = two
    room = await here.comes()
    here.place.clock.pass_s(7)
    await here.goes()
    call = await here.began(room)
    assert open_calls(here.place) == []
    with here.place.services.store.read() as connection:
        [over] = queries.calls(connection, here.firm)[0]
    assert (over.id, over.seconds, over.people) == (call, 7, [here.person.account])


async def test_an_earlier_call_that_goes_on_elsewhere_is_the_one(two: tuple[Side, Side]) -> None:
    """Both calls are at other providers than where they began: only the earlier goes on."""
    here, there = two
    rooms = await here.comes(), await there.comes()
    await here.goes()
    first = await here.began(rooms[0])
    later = await there.began(rooms[1])
    await here.hears(there)
    room = await here.comes()
    with moved(here, room, later):
        log = there.place.services.log
        await there.hears(here)
        await log.author(log.provider_device, there.firm, CallMoved(call=first, to=log.provider), [first])
        await here.hears(there)
    assert here.room is None


@contextmanager
def moved(side: Side, room: Room, call: CoreId) -> Iterator[None]:
    """The later call goes on in this room, as for somebody who did not reach its provider."""
    room.call, room.order = call, side.meet.calls._orders[call]
    side.meet.calls.move(side.firm, call)
    yield
