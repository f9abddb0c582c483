"""Calls as facts: hears where they begin and go on, writes moves and ends with the provider's device. At least once,
repeatable."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple

from verbund.base.clock import Clock
from verbund.base.ids import AccountId, CoreId, ProviderId, SpaceId
from verbund.base.refusal import Refusal
from verbund.log.appended import Appended
from verbund.log.registry import Fact
from verbund.log.service import LogService
from verbund.meet import queries
from verbund.meet.events import CALL_PEOPLE_MAX, CALL_SECONDS_MAX, CallEnded, CallMoved, CallStarted
from verbund.meet.meetings import Meetings, Start
from verbund.meet.room import Room
from verbund.spaces.events import MemberRemoved

#: So long a call that began may be without a room here before it is taken for over; one that began at another
#: provider, whose people may come here or go back there.
ROOMLESS_MS_MAX = 30_000
FOREIGN_MS_MAX = 12 * 3600 * 1000
ROOMLESS_MAX = 2_000
#: So long a room whose own beginning is not written yet stands beside an earlier one at another provider.
UNBEGUN_MS_MAX = 2_000
#: Rooms that were over before their beginning was written, and calls whose order is remembered.
REMEMBERED_MAX = 2_000
HEARD = frozenset({CallStarted.kind, CallMoved.kind, CallEnded.kind, MemberRemoved.kind})
log = logging.getLogger(__name__)


class Roomless(NamedTuple):
    """A call that no room here has: at which provider it is, when it is taken for over (ms)."""

    space: SpaceId
    place: str
    order: str
    over_at: int


class Calls:
    """Of the calls of a space that are open at once the one that began first goes on, at the provider that it is at:
    wherever another has a room, the people are sent there. Each provider finds that alone, from the facts it has.

    `removed(space, account)` hears who lost membership."""

    def __init__(
        self, service: LogService, clock: Clock, rooms: Meetings, removed: Callable[[SpaceId, AccountId], None]
    ) -> None:
        self._service, self._clock, self._rooms, self._removed = service, clock, rooms, removed
        self._roomless: dict[CoreId, Roomless] = {}
        #: Call → where it stands among those of its space.
        self._orders: OrderedDict[CoreId, str] = OrderedDict()
        #: Rooms that are no more, of which nobody had written that they began → how long they were (s), with whom.
        self._unbegun: OrderedDict[str, tuple[int, list[AccountId]]] = OrderedDict()
        self.chores: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen; what an earlier process left open and no room has, will be ended."""
        self._service.told.append(self._told)
        for one in await asyncio.to_thread(self._open):
            _remember(self._orders, one.id, one.order)
            if not self._rooms.has(one.space, one.id):
                self._wait_for(one.space, one.id, one.place)
            elif one.place != self._service.provider:
                self._send_away(one.space, one.place)

    async def stop(self) -> None:
        self._service.told.remove(self._told)
        await asyncio.gather(*self.chores, return_exceptions=True)

    def over(self, room: Room, last_at: int) -> None:
        """The last person left this room, at that time (ms)."""
        seconds = (last_at - room.opened_at) // 1000
        if room.call is not None:
            self.end(room.space, room.call, seconds, room.accounts)
        else:
            _remember(self._unbegun, room.id, (seconds, room.accounts))

    def end(self, space: SpaceId, call: CoreId, seconds: int, people: list[AccountId]) -> None:
        """Write that the call is over."""
        self._roomless.pop(call, None)
        seconds = max(0, min(seconds, CALL_SECONDS_MAX))
        self._write(space, CallEnded(call=call, seconds=seconds, people=tuple(sorted(people)[:CALL_PEOPLE_MAX])))

    def move(self, space: SpaceId, call: CoreId) -> None:
        """Write that the call goes on here."""
        self._roomless.pop(call, None)
        self._write(space, CallMoved(call=call, to=self._service.provider))

    def sweep(self) -> None:
        """End the calls that nobody came to; rooms whose beginning nobody writes do not stand beside another call."""
        now = self._clock.now_ms()
        for call, waiting in list(self._roomless.items()):
            if waiting.over_at <= now:
                del self._roomless[call]
                if not self._rooms.has(waiting.space, call):
                    self.end(waiting.space, call, 0, [])
        for room in list(self._rooms.rooms.values()):
            if room.call is None and room.opened_at + UNBEGUN_MS_MAX <= now:
                self._compare(room.space, is_late=True)

    def _told(self, appended: Appended) -> None:
        if appended.kinds.isdisjoint(HEARD):
            return
        for _, written, fact in appended:
            if fact is None:
                continue
            if fact.core.k == CallStarted.kind:
                self._began(fact, written.place.provider)
            elif fact.core.k == CallMoved.kind:
                self._moved(fact.space, fact.event.call, fact.event.to)
            elif fact.core.k == CallEnded.kind:
                self._roomless.pop(fact.event.call, None)
            elif fact.core.k == MemberRemoved.kind:
                self._removed(fact.space, fact.event.account)

    def _began(self, fact: Fact, place: ProviderId) -> None:
        order = queries.order_of(fact.t, fact.id)
        _remember(self._orders, fact.id, order)
        if self._rooms.started(Start(fact.space, fact.id, fact.event.call, order, place)):
            if place != self._service.provider:
                self.move(fact.space, fact.id)
        elif (was := self._unbegun.pop(fact.event.call, None)) is not None:
            self.end(fact.space, fact.id, *was)
        else:
            self._wait_for(fact.space, fact.id, place)
        self._compare(fact.space)

    def _moved(self, space: SpaceId, call: CoreId, to: ProviderId) -> None:
        if to == self._service.provider:
            return
        if self._rooms.has(space, call):
            self._send_away(space, to)
        if call in self._orders:
            self._wait_for(space, call, to)
        self._compare(space)

    def _compare(self, space: SpaceId, is_late: bool = False) -> None:
        """Give up the room here for a call at another provider that began earlier; a room whose own beginning is not
        written yet only where that `is_late`."""
        room = self._rooms.rooms.get(space)
        own = self._service.provider
        others = [one for one in self._roomless.values() if one.space == space and one.place != own]
        if room is None or not others or (room.call is None and not is_late):
            return
        first = min(others, key=lambda one: one.order)
        if room.call is not None and room.order <= first.order:
            return
        given_up = self._send_away(space, ProviderId(first.place))
        if given_up is not None:
            self.end(space, given_up, 0, [])
        else:
            _remember(self._unbegun, room.id, (0, []))

    def _send_away(self, space: SpaceId, place: ProviderId) -> CoreId | None:
        room = self._rooms.rooms[space]
        self._begin(self._rooms.send_away(room, place))
        return room.call

    def _wait_for(self, space: SpaceId, call: CoreId, place: str) -> None:
        if call in self._roomless or len(self._roomless) < ROOMLESS_MAX:
            until = self._clock.now_ms() + (ROOMLESS_MS_MAX if place == self._service.provider else FOREIGN_MS_MAX)
            self._roomless[call] = Roomless(space, place, self._orders.get(call, ""), until)

    def _open(self) -> list[queries.OpenCall]:
        with self._service.store.read() as connection:
            return queries.open_calls(connection)

    def _write(self, space: SpaceId, event: CallEnded | CallMoved) -> None:
        self._begin(self._author(space, event))

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        chore = asyncio.create_task(work)
        self.chores.add(chore)
        chore.add_done_callback(self.chores.discard)

    async def _author(self, space: SpaceId, event: CallEnded | CallMoved) -> None:
        try:
            await self._service.author(self._service.provider_device, space, event, (event.call,))
        except Refusal as refusal:
            log.warning("%s was refused: %s", event.kind, refusal.code)


def _remember(held: "OrderedDict[Any, Any]", key: str, value: Any) -> None:
    """The newest REMEMBERED_MAX."""
    held[key] = value
    held.move_to_end(key)
    if len(held) > REMEMBERED_MAX:
        held.popitem(last=False)
