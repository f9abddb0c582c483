"""Who comes back from a backup, or after long, first hears what was erased meanwhile, and only then serves.

With a partner that can be reached this takes a moment; without one it serves after HOLD_S_MAX all the same: a provider
that is alone must not be shut out of its own data.
"""

import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from verbund.base.ids import ProviderId
from verbund.partners.here import Here
from verbund.partners.peer import Peer

#: Away for longer: something may have been erased meanwhile. A restored backup has no sign of life at all.
AWAY_S = 600.0
HOLD_S_MAX = 30.0
ALIVE_EVERY_S = 60.0
log = logging.getLogger(__name__)


class Homecoming:
    """Whether this provider waits to serve. `alive` in the data folder is the last sign of life; no backup has it."""

    def __init__(self, folder: Path, here: Here, peers: Mapping[ProviderId, Peer], now: Callable[[], float]) -> None:
        self._alive, self._here, self._peers, self._now = folder / "alive", here, peers, now
        self._until = self._marked = float("-inf")
        self.holds = False

    def begin(self) -> None:
        """Decide whether to wait: away for long, with spaces that others hold too."""
        try:
            away_s = time.time() - self._alive.stat().st_mtime
        except FileNotFoundError:
            away_s = float("inf")
        is_shared = any(self._here.others(space) for space in self._here.holders)
        self.holds = is_shared and away_s > AWAY_S
        self._until = self._now() + HOLD_S_MAX
        if self.holds:
            log.info("back after long: waiting for what was erased meanwhile, for %d s at most", HOLD_S_MAX)

    def look(self) -> None:
        """Some time has passed, something was taken in."""
        now = self._now()
        if self.holds and any(self._is_level(peer) for peer in self._peers.values()):
            self.holds = False
        elif self.holds and now >= self._until:
            self.holds = False
            log.warning("no partner could say what was erased meanwhile; it is served as it is here")
        if not self.holds and now >= self._marked + ALIVE_EVERY_S:
            self._marked = now
            self._alive.touch()

    def _is_level(self, peer: Peer) -> bool:
        """Whether all that this partner says it has is here, of every space that both hold."""
        shared = self._here.shared(peer.provider)
        return bool(shared) and all(
            space in peer.reach
            and all(self._here.seq(space, sub) >= mark.seq for sub, mark in peer.reach[space].items())
            for space in shared
        )
