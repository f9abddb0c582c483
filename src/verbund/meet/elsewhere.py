"""Calls of our spaces that are at a partner: where, with whom, and the news of it for the people who are here."""

import asyncio
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection

from verbund.base.clock import Clock
from verbund.base.ids import SpaceId
from verbund.log.appended import Appended
from verbund.log.service import LogService
from verbund.meet import queries
from verbund.meet.calls import FOREIGN_MS_MAX
from verbund.meet.events import EVENTS
from verbund.meet.queries import OpenCall

#: Changes of so short a time are told once.
GATHER_S = 0.02
SPACES_MAX = 500
KINDS = frozenset(event.kind for event in EVENTS)


class Elsewhere:
    """Reads facts only: a partner's room is not asked. `has_room(space)`: the call of the space is here."""

    def __init__(
        self, service: LogService, clock: Clock, has_room: Callable[[SpaceId], bool],
        signal: Callable[[SpaceId, str, dict[str, Any]], None],
    ) -> None:  # fmt: skip
        self._service, self._clock, self._has_room, self._signal = service, clock, has_room, signal
        self._changed: set[SpaceId] = set()
        self._wake = asyncio.Event()

    def find(self, connection: Connection, space: SpaceId | None = None) -> dict[SpaceId, OpenCall]:
        """Of each space the call that began first of those at partners."""
        since, own = self._clock.now_ms() - FOREIGN_MS_MAX, self._service.provider
        found: dict[SpaceId, OpenCall] = {}
        for one in queries.open_calls(connection, space):
            if one.place != own and one.at > since:
                found.setdefault(one.space, one)
        return found

    def told(self, appended: Appended) -> None:
        """A commit may say something new of a call at a partner."""
        if appended.kinds.isdisjoint(KINDS):
            return
        for space, _, fact in appended:
            if fact is not None and fact.core.k in KINDS and len(self._changed) < SPACES_MAX:
                self._changed.add(space)
                self._wake.set()

    async def run(self) -> None:
        """Tell the people who follow these spaces, for ever."""
        while True:
            await self._wake.wait()
            await asyncio.sleep(GATHER_S)
            self._wake.clear()
            spaces, self._changed = self._changed, set()
            for space in spaces:
                if not self._has_room(space):
                    news = await asyncio.to_thread(self._news, space)
                    if not self._has_room(space):
                        self._signal(space, "meet.people", news)

    def _news(self, space: SpaceId) -> dict[str, Any]:
        with self._service.store.read() as connection:
            call = self.find(connection, space).get(space)
            return shown(connection, call) if call is not None else nothing(space)


def shown(connection: Connection, call: OpenCall) -> dict[str, Any]:
    """As `Room.shown`, as far as facts know it: of people only who they are."""
    people = [
        {
            "id": account, "account": account, "joined_at": call.at, "audio": True, "video": False, "screen": False,
            "hand": False, "away": False,
        }
        for account in queries.present(connection, call)
    ]  # fmt: skip
    return {"space": call.space, "call": call.id, "started_at": call.at, "place": call.place, "people": people}


def nothing(space: SpaceId) -> dict[str, Any]:
    """No call."""
    return {"space": space, "call": None, "started_at": 0, "place": "", "people": []}
