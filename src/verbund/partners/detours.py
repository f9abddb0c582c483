"""One link's ways around what is wrong here: a sub-log whose history is another than what its provider signed for
others, and places that a forged copy took. Sans-IO.

Of a sub-log that stands *apart* nothing that others have follows on what is here. Its facts are right all the same, for
their devices signed them: they are taken from whoever has them and get places in this provider's own sub-log. How far
that has got is counted for each link: another one may tell another history.
"""

from collections.abc import Iterable

from verbund.base.ids import SpaceId
from verbund.log.entry import Entry, sublog
from verbund.partners.here import Here
from verbund.partners.schemas import Reach

#: What lies further back is not asked for again: every entry after it would come once more.
AGAIN_MAX = 10_000
ASKED_MAX = 1_000


class Detours:
    """Of one link."""

    def __init__(self, here: Here) -> None:
        self._here = here
        self._reached: dict[tuple[SpaceId, str], int] = {}
        self._asked: set[tuple[SpaceId, str, int]] = set()

    def end(self, space: SpaceId, sub: str) -> int | None:
        """How far a sub-log that stands apart got by this link; None for any other."""
        base = self._here.apart.get((space, sub))
        return None if base is None else self._reached.get((space, sub), base)

    def goes(self, space: SpaceId, ends: Iterable[tuple[str, int]]) -> None:
        """So much is being taken in. What leaves a gap comes again."""
        for sub, seq in ends:
            if (end := self.end(space, sub)) is not None and seq == end + 1:
                self._reached[space, sub] = seq

    def fails(self, space: SpaceId, sub: str) -> None:
        """It was not: it has to come anew."""
        self._reached.pop((space, sub), None)

    def split(self, space: SpaceId, entries: list[Entry]) -> tuple[list[Entry], list[Entry]]:
        """(what stands apart and did not come by this link yet, what does not stand apart)."""
        ends = {sub: self.end(space, sub) or 0 for sub in self._here.stand_apart(space)}
        if not ends:
            return [], entries
        rest = [one for one in entries if sublog(one.p, one.i) not in ends]
        return [one for one in entries if one.n > ends.get(sublog(one.p, one.i), one.n)], rest

    def again(self, space: SpaceId, reach: Reach) -> dict[str, int]:
        """Sub-log → after which number the partner is to give once more what it has: once for each forged copy here."""
        found = {}
        for sub, seq in self._here.forged.get(space, {}).items():
            place, mark = (space, sub, seq), reach.get(sub)
            is_near = self._here.seq(space, sub) - seq < AGAIN_MAX
            is_new = place not in self._asked and len(self._asked) < ASKED_MAX
            if mark is not None and mark.seq >= seq and is_near and is_new:
                self._asked.add(place)
                found[sub] = seq - 1
        return found
