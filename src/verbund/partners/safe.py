"""Who follows a space hears what is safe in it, whenever that has grown: at most every SAFE_S."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Protocol

from verbund.base.ids import ProviderId, SpaceId
from verbund.log.entry import Vector
from verbund.partners.durable import durable
from verbund.partners.here import Here
from verbund.partners.peer import Peer

SAFE_S = 0.05


class Live(Protocol):
    """The sockets of the people here."""

    durable_of: Callable[[SpaceId], Vector | None]

    def durable(self, space: SpaceId, vector: Vector) -> None: ...

    def is_followed(self, space: SpaceId) -> bool: ...


class Safe:
    """Looks at the spaces of which somebody has more than before."""

    def __init__(self, here: Here, peers: Mapping[ProviderId, Peer], live: Live) -> None:
        self._here, self._peers, self._live = here, peers, live
        self._told: dict[SpaceId, Vector] = {}
        self._spaces: set[SpaceId] = set()

    def look(self, space: SpaceId) -> None:
        """Something changed: here, at a partner, or in who holds it."""
        self._spaces.add(space)

    def of(self, space: SpaceId) -> Vector | None:
        """What is safe now; None for spaces that nobody else holds."""
        return durable(space, self._here, self._peers) if space in self._here.reach else None

    async def run(self) -> None:
        """For ever."""
        while True:
            await asyncio.sleep(SAFE_S)
            for peer in self._peers.values():
                self._spaces |= peer.touched
                peer.touched.clear()
            spaces, self._spaces = self._spaces, set()
            for space in spaces:
                safe = self.of(space) if self._live.is_followed(space) else None
                if safe is not None and safe != self._told.get(space):
                    self._told[space] = safe
                    self._live.durable(space, safe)
