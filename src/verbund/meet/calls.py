"""Calls as facts: hears where they begin and go on, writes moves and ends with the provider's device. At least once,
repeatable."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from verbund.base.clock import Clock
from verbund.base.ids import AccountId, CoreId, ProviderId, SpaceId
from verbund.base.refusal import Refusal
from verbund.log.appended import Appended
from verbund.log.registry import Fact
from verbund.log.service import LogService
from verbund.meet import queries
from verbund.meet.events import CALL_PEOPLE_MAX, CALL_SECONDS_MAX, CallEnded, CallMoved, CallStarted
from verbund.meet.meetings import Meetings, Start
from verbund.spaces.events import MemberRemoved

#: So long a call that began may be without a room here before it is taken for over; one that began at another
#: provider, whose people may come here or go back there.
ROOMLESS_MS_MAX = 30_000
FOREIGN_MS_MAX = 12 * 3600 * 1000
ROOMLESS_MAX = 2_000
HEARD = frozenset({CallStarted.kind, CallMoved.kind, CallEnded.kind, MemberRemoved.kind})
log = logging.getLogger(__name__)


class Calls:
    """`removed(space, account)` hears who lost membership."""

    def __init__(
        self, service: LogService, clock: Clock, rooms: Meetings, removed: Callable[[SpaceId, AccountId], None]
    ) -> None:
        self._service, self._clock, self._rooms, self._removed = service, clock, rooms, removed
        #: Calls that no room has: when they are over, unless a room takes them.
        self._roomless: dict[CoreId, tuple[SpaceId, int]] = {}
        self.chores: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen; what an earlier process left open and no room has, will be ended."""
        self._service.told.append(self._told)
        for one in await asyncio.to_thread(self._open):
            if not self._rooms.has(one.space, one.id):
                self._wait_for(one.space, one.id, one.place)
            elif one.place != self._service.provider:
                self._send_away(one.space, one.place)

    async def stop(self) -> None:
        self._service.told.remove(self._told)
        await asyncio.gather(*self.chores, return_exceptions=True)

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
        """End the calls that nobody came to."""
        now = self._clock.now_ms()
        for call, (space, over_at) in list(self._roomless.items()):
            if over_at <= now:
                del self._roomless[call]
                if not self._rooms.has(space, call):
                    self.end(space, call, 0, [])

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
        took = self._rooms.started(Start(fact.space, fact.id, fact.event.call, order, place))
        if took == "here":
            if place != self._service.provider:
                self.move(fact.space, fact.id)
            return
        self._wait_for(fact.space, fact.id, place)
        if took == "earlier":
            given_up = self._send_away(fact.space, place)
            if given_up is not None:
                self.end(fact.space, given_up, 0, [])

    def _moved(self, space: SpaceId, call: CoreId, to: ProviderId) -> None:
        if to == self._service.provider:
            return
        if self._rooms.has(space, call):
            self._send_away(space, to)
        if call in self._roomless:
            self._wait_for(space, call, to)

    def _send_away(self, space: SpaceId, place: ProviderId) -> CoreId | None:
        room = self._rooms.rooms[space]
        self._begin(self._rooms.send_away(room, place))
        return room.call

    def _wait_for(self, space: SpaceId, call: CoreId, place: str) -> None:
        if call in self._roomless or len(self._roomless) < ROOMLESS_MAX:
            is_own = place == self._service.provider
            self._roomless[call] = (space, self._clock.now_ms() + (ROOMLESS_MS_MAX if is_own else FOREIGN_MS_MAX))

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
