"""Entries of others' sub-logs that a partner passed on, before their provider's signed head shows that they are true.

Sans-IO. Kept in memory, of each link HELD_BYTES_MAX at most; what does not fit is forgotten and asked for again.
"""

from collections import deque

from verbund.base.ids import SpaceId
from verbund.log.entry import Entry
from verbund.partners.vouched import Vouched

HELD_BYTES_MAX = 8 * 1024 * 1024


class Held:
    """What one link brought and nobody has vouched for yet."""

    def __init__(self) -> None:
        self._waiting: dict[SpaceId, dict[str, deque[Entry]]] = {}
        self._bytes = 0

    def end(self, space: SpaceId, sub: str) -> int:
        """The last number that waits; 0 for none."""
        waiting = self._waiting.get(space, {}).get(sub)
        return waiting[-1].n if waiting else 0

    def subs(self, space: SpaceId) -> list[str]:
        return list(self._waiting.get(space, ()))

    def add(self, space: SpaceId, sub: str, entry: Entry) -> bool:
        """The next entry of a sub-log. False when there is no room: then nothing of the sub-log waits any longer."""
        self._bytes += _size(entry)
        self._waiting.setdefault(space, {}).setdefault(sub, deque()).append(entry)
        if self._bytes > HELD_BYTES_MAX:
            self.drop(space, sub)
            return False
        return True

    def release(self, space: SpaceId, sub: str, here: int, vouched: Vouched) -> list[Entry] | None:
        """What a signed head covers now, of what is not on disk (up to `here`) anyway. None when head and entries
        contradict: then nothing waits any longer.
        """
        waiting = self._waiting.get(space, {}).get(sub)
        if waiting and waiting[0].n <= here:
            waiting = deque(one for one in waiting if one.n > here)
            self._keep(space, sub, waiting)
        found = vouched.within(space, sub, waiting[-1].n) if waiting else None
        if not waiting or found is None:
            return []
        seq, chain = found
        covered = [one for one in waiting if one.n <= seq]
        if not covered:
            return []
        if covered[-1].h != chain:
            self.drop(space, sub)
            return None
        self._keep(space, sub, deque(one for one in waiting if one.n > seq))
        return covered

    def drop(self, space: SpaceId, sub: str) -> None:
        self._keep(space, sub, deque())

    def _keep(self, space: SpaceId, sub: str, rest: deque[Entry]) -> None:
        before = self._waiting.get(space, {}).pop(sub, ())
        self._bytes += sum(map(_size, rest)) - sum(map(_size, before))
        if rest:
            self._waiting[space][sub] = rest
        elif not self._waiting.get(space, True):
            del self._waiting[space]


def _size(entry: Entry) -> int:
    return len(entry.c) + len(entry.b or "") + 200
