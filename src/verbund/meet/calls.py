"""Calls as facts: hears of the beginning, writes the end with the provider's device. At least once, repeatable."""

import asyncio
import logging
from collections.abc import Callable

import msgspec

from verbund.base.clock import Clock
from verbund.base.ids import AccountId, CoreId, SpaceId
from verbund.base.refusal import Refusal
from verbund.log.registry import Fact
from verbund.log.service import Appended, LogService
from verbund.meet import queries
from verbund.meet.events import CALL_SECONDS_MAX, CallEnded, CallStarted
from verbund.spaces.events import MemberRemoved

#: So long a call that began may be without a room here before it is taken for over; one that began at another
#: provider, whose people may come here or go back there.
ROOMLESS_MS_MAX = 30_000
FOREIGN_MS_MAX = 12 * 3600 * 1000
ROOMLESS_MAX = 2_000
log = logging.getLogger(__name__)


class _Place(msgspec.Struct):
    """Of an entry, the provider that it first came to."""

    p: str


class Calls:
    """`started(space, call)` says whether a room took the call; `removed(space, account)` hears who lost membership."""

    def __init__(
        self, service: LogService, clock: Clock, started: Callable[[SpaceId, CoreId], bool],
        removed: Callable[[SpaceId, AccountId], None],
    ) -> None:  # fmt: skip
        self._service, self._clock, self._started, self._removed = service, clock, started, removed
        #: Calls that no room has: when they are over, unless a room takes them.
        self._roomless: dict[CoreId, tuple[SpaceId, int]] = {}
        self.chores: set[asyncio.Task[None]] = set()

    async def start(self, running: set[CoreId]) -> None:
        """Listen; what an earlier process left open and no room has, will be ended."""
        self._service.told.append(self._told)
        rows = await asyncio.to_thread(self._open)
        for call, space, provider in rows:
            if call not in running:
                self._roomless[call] = (space, self._over_at(provider))

    async def stop(self) -> None:
        self._service.told.remove(self._told)
        await asyncio.gather(*self.chores, return_exceptions=True)

    def end(self, space: SpaceId, call: CoreId, seconds: int, people: list[AccountId]) -> None:
        """Write that the call is over."""
        event = CallEnded(call=call, seconds=max(0, min(seconds, CALL_SECONDS_MAX)), people=tuple(sorted(people)))
        chore = asyncio.create_task(self._author(space, event))
        self.chores.add(chore)
        chore.add_done_callback(self.chores.discard)

    def sweep(self) -> None:
        """End the calls that nobody came to."""
        now = self._clock.now_ms()
        for call, (space, over_at) in list(self._roomless.items()):
            if over_at <= now:
                del self._roomless[call]
                if not self._started(space, call):
                    self.end(space, call, 0, [])

    def _told(self, appended: Appended) -> None:
        for _, encoded, fact in appended:
            if fact is None:
                continue
            if fact.core.k == CallStarted.kind:
                self._began(fact, msgspec.json.decode(encoded, type=_Place).p)
            elif fact.core.k == MemberRemoved.kind:
                self._removed(fact.space, fact.event.account)

    def _began(self, fact: Fact, provider: str) -> None:
        if not self._started(fact.space, fact.id) and len(self._roomless) < ROOMLESS_MAX:
            self._roomless[fact.id] = (fact.space, self._over_at(provider))

    def _over_at(self, provider: str) -> int:
        return self._clock.now_ms() + (ROOMLESS_MS_MAX if provider == self._service.provider else FOREIGN_MS_MAX)

    def _open(self) -> list[tuple[CoreId, SpaceId, str]]:
        with self._service.store.read() as connection:
            rows = queries.open_calls(connection)
        return [(CoreId(row.id), SpaceId(row.space), row.provider) for row in rows]

    async def _author(self, space: SpaceId, event: CallEnded) -> None:
        try:
            await self._service.author(self._service.provider_device, space, event, (event.call,))
        except Refusal as refusal:
            log.warning("the end of a call was refused: %s", refusal.code)
