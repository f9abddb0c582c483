"""Up to where providers have signed their sub-logs, as this provider knows it. Kept in memory. Sans-IO."""

from verbund.base.ids import SpaceId
from verbund.partners.heads import STRIDE

#: Of one sub-log so many heads may be known beyond what is on disk.
AHEAD_MAX = 256
SUBLOGS_MAX = 256


class Vouched:
    """The last signed head of each sub-log, and those that entries are still to come for."""

    def __init__(self) -> None:
        self._ends: dict[SpaceId, dict[str, tuple[int, str]]] = {}
        self._ahead: dict[tuple[SpaceId, str], dict[int, str]] = {}
        self._proven: dict[tuple[SpaceId, str], int] = {}

    def seq(self, space: SpaceId, sub: str) -> int:
        """Up to here its provider vouches; 0 for nowhere."""
        return self._ends.get(space, {}).get(sub, (0, ""))[0]

    def proven(self, space: SpaceId, sub: str) -> int:
        """Of what is on disk, up to here its provider's signature can be shown; what comes after it no partner takes
        from anybody but that provider.
        """
        return self._proven.get((space, sub), 0)

    def last(self, space: SpaceId) -> dict[str, tuple[int, str]]:
        """Sub-log → (seq, chain) of the last signed head."""
        return self._ends.get(space, {})

    def is_next(self, space: SpaceId, sub: str, last: int, seq: int) -> bool:
        """Whether a head of this seq leaves no gap after `last`: heads are known one after the other, so that they can
        be given on. False, too, where there is no room for more before entries come.
        """
        ends = self._ends.get(space, {})
        room = sub in ends or len(ends) < SUBLOGS_MAX
        return room and last < seq <= (last // STRIDE + 1) * STRIDE and self.has_room(space, sub)

    def has_room(self, space: SpaceId, sub: str) -> bool:
        return len(self._ahead.get((space, sub), ())) < AHEAD_MAX

    def note(self, space: SpaceId, sub: str, seq: int, chain: str, here: int) -> None:
        """Its provider signed this chain after entry `seq`; `here`: how far the sub-log is on disk."""
        ends = self._ends.setdefault(space, {})
        if seq > ends.get(sub, (0, ""))[0]:
            ends[sub] = (seq, chain)
        if seq > here:
            self._ahead.setdefault((space, sub), {})[seq] = chain
        else:
            self._proven[(space, sub)] = max(seq, self.proven(space, sub))

    def reached(self, space: SpaceId, sub: str, seq: int) -> None:
        """The sub-log is on disk up to `seq`."""
        ahead = self._ahead.get((space, sub))
        if ahead is not None:
            for one in [one for one in ahead if one <= seq]:
                del ahead[one]
                self._proven[(space, sub)] = max(one, self.proven(space, sub))
            if not ahead:
                del self._ahead[(space, sub)]

    def chain(self, space: SpaceId, sub: str, seq: int) -> str | None:
        """The signed chain after an entry that is still to come; None where no head says it."""
        return self._ahead.get((space, sub), {}).get(seq)

    def within(self, space: SpaceId, sub: str, last: int) -> tuple[int, str] | None:
        """The greatest head that is still to come and not beyond `last`."""
        fits = [(seq, chain) for seq, chain in self._ahead.get((space, sub), {}).items() if seq <= last]
        return max(fits, default=None)

    def forget(self, provider: str) -> None:
        """Keys of this provider count no longer: what it vouches for has to be said anew."""
        for space, ends in self._ends.items():
            for sub in [sub for sub in ends if sub.partition(".")[0] == provider]:
                del ends[sub]
                self._ahead.pop((space, sub), None)
                self._proven.pop((space, sub), None)
