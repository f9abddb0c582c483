"""What is known of one partner beyond a single link: how far it is, since when it lags, what it brought. Sans-IO."""

from verbund.base.ids import ProviderId, SpaceId
from verbund.partners.here import Here
from verbund.partners.schemas import Mark, Reach

#: Of spaces that nothing here names a holder for yet, one partner may bring so many, with so many entries each.
INTRODUCED_MAX = 2_000
INTRODUCED_ENTRIES_MAX = 50_000
PROOFS_MAX = 1_000


class Peer:
    """One partner, linked or not."""

    def __init__(self, provider: ProviderId) -> None:
        self.provider = provider
        self.address = ""
        self.reach: dict[SpaceId, Reach] = {}
        self.equal_at: int | None = None
        #: Spaces of which it has more than before; whoever looks at them takes them out.
        self.touched: set[SpaceId] = set()
        #: Two chains for one place of a sub-log: (space, sub-log, seq) → (here, there).
        self.proofs: dict[tuple[SpaceId, str, int], tuple[str, str]] = {}
        self._behind: dict[SpaceId, int] = {}
        self._introduced: dict[SpaceId, int] = {}

    def covers(self, space: SpaceId, reach: Reach, now_ms: int, here: Here) -> None:
        """It says how far it has this space."""
        self.reach[space] = {sub: Mark(mark.seq, mark.chain, min(mark.blobs, mark.seq)) for sub, mark in reach.items()}
        self.touched.add(space)
        self._note(space, now_ms, here)

    def wrote(self, space: SpaceId, ends: dict[str, int]) -> None:
        """It sent entries up to these: those of its own sub-logs it has on disk, with their blobs."""
        reach = self.reach.setdefault(space, {})
        for sub, seq in ends.items():
            mark = reach.get(sub)
            if sub.partition(".")[0] == self.provider and (mark is None or mark.seq < seq):
                reach[sub] = Mark(seq, "", seq)
                self.touched.add(space)

    def appended(self, space: SpaceId, now_ms: int) -> None:
        """Something new is here that it has not got."""
        self._behind.setdefault(space, now_ms)

    def held_now(self, here: Here, now_ms: int) -> None:
        """Who holds what may have changed: what it holds no longer counts, what it holds since now has to get there."""
        shared = set(here.shared(self.provider))
        for space in [space for space in self._behind if space not in shared]:
            del self._behind[space]
        for space in [space for space in self._introduced if not here.is_open(space)]:
            del self._introduced[space]
        for space in [space for space in self.reach if space not in shared and not here.is_open(space)]:
            del self.reach[space]
        for space in shared:
            self._note(space, now_ms, here)

    def introduce(self, space: SpaceId, count: int, here: Here) -> bool:
        """Whether it may bring so many entries more: without bounds where it is a holder, else within them."""
        if here.is_shared(self.provider, space) or here.is_expected(self.provider, space):
            return True
        brought = self._introduced.get(space)
        if brought is None and len(self._introduced) >= INTRODUCED_MAX:
            return False
        if (brought or 0) + count > INTRODUCED_ENTRIES_MAX:
            return False
        self._introduced[space] = (brought or 0) + count
        return True

    def contradicted(self, space: SpaceId, sub: str, seq: int, here: str, there: str) -> bool:
        """Keep the proof. Whether it is a new one."""
        key = (space, sub, seq)
        if key in self.proofs or len(self.proofs) >= PROOFS_MAX:
            return False
        self.proofs[key] = (here, there)
        return True

    def blobs(self, space: SpaceId, sub: str) -> int:
        """Up to which seq it has everything, named blobs included."""
        mark = self.reach.get(space, {}).get(sub)
        return mark.blobs if mark is not None else 0

    def lag_ms(self, now_ms: int) -> int:
        return max(0, now_ms - min(self._behind.values())) if self._behind else 0

    def backlog(self, here: Here) -> int:
        """How many entries it has not got."""
        return sum(
            max(0, seq - self._seq(space, sub)) for space in self._behind for sub, seq in here.vector(space).items()
        )

    def _seq(self, space: SpaceId, sub: str) -> int:
        mark = self.reach.get(space, {}).get(sub)
        return mark.seq if mark is not None else 0

    def _note(self, space: SpaceId, now_ms: int, here: Here) -> None:
        if not here.is_shared(self.provider, space):
            return
        if any(self._seq(space, sub) < seq for sub, seq in here.vector(space).items()):
            self._behind.setdefault(space, now_ms)
            return
        self._behind.pop(space, None)
        if not self._behind:
            self.equal_at = now_ms
