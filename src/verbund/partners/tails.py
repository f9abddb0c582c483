"""Ends of sub-logs that their provider has not signed in time: perhaps it never will, as it is gone; or it signed
another history for others. Sans-IO.

Partners believe no relay for them, so whoever has them gives what stands there a place of its own.
"""

from collections.abc import Container

from verbund.base.ids import SpaceId
from verbund.partners.here import Here

ORPHANED_MS = 15_000


class Tails:
    """Since when which sub-log goes on unsigned."""

    def __init__(self) -> None:
        #: (space, sub-log) → (how far it is signed, since when).
        self._since: dict[tuple[SpaceId, str], tuple[int, int]] = {}
        self._adopted: dict[tuple[SpaceId, str], int] = {}

    def orphaned(self, here: Here, going_on: Container[str], now_ms: int) -> list[tuple[SpaceId, str, int]]:
        """(space, sub-log, last signed number) of those that have waited for long, each once for what there is.

        `going_on`: those of providers that there is a link to: they sign them yet, or give them to all themselves.
        """
        waiting: dict[tuple[SpaceId, str], tuple[int, int]] = {}
        found = []
        for space in here.holders:
            for sub, mark in here.reach.get(space, {}).items():
                key = (space, sub)
                apart = here.apart.get(key)
                signed = here.vouched.proven(space, sub) if apart is None else apart
                is_written = sub in going_on and apart is None
                if mark.seq <= max(signed, self._adopted.get(key, 0)) or here.is_ours(sub) or is_written:
                    continue
                before, since = self._since.get(key, (signed, now_ms))
                waiting[key] = (signed, since if before == signed else now_ms)
                if now_ms - waiting[key][1] >= ORPHANED_MS:
                    found.append((space, sub, max(signed, self._adopted.get(key, 0))))
                    self._adopted[key] = mark.seq
        self._since = waiting
        return found
