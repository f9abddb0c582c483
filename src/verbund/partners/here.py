"""What this provider has and who else holds it, kept in memory for the links. Sans-IO."""

from collections.abc import Iterable, Mapping

from verbund.base.ids import ProviderId, SpaceId, is_hash
from verbund.partners.schemas import Mark, Reach
from verbund.partners.vouched import Vouched

Holders = Mapping[SpaceId, frozenset[ProviderId]]


class Here:
    """How far this provider is in every space that others hold too, and in those that partners brought."""

    def __init__(self, own: ProviderId, incarnation: int) -> None:
        self.own, self.incarnation = own, incarnation
        self.vouched = Vouched()
        self.reach: dict[SpaceId, Reach] = {}
        #: Space → the providers that hold it, accounts first. Spaces that nobody else holds may be missing.
        self.holders: Holders = {}
        #: Space → who holds it by what its parent says, where its own facts do not say so yet: its replica is arriving.
        self.expected: Holders = {}
        #: Sub-logs whose history here is another than what their provider signed for others → up to where it may be the
        #: same. Nobody takes what is beyond from us, and nothing that others have follows on it (see detours.py).
        self.apart: dict[tuple[SpaceId, str], int] = {}
        #: Space → sub-log → the first place of which only a forged copy is here.
        self.forged: dict[SpaceId, dict[str, int]] = {}
        #: Sub-log → the last place where what is here and what was signed were seen to be the same.
        self._sound: dict[tuple[SpaceId, str], int] = {}
        #: Known spaces that began here or that people wrote in here: no partner brings them unless they name it.
        self.local: set[SpaceId] = set()
        #: Space → sub-log → the last seq up to which all blobs are here, where that is less than the seq.
        self._lacking: dict[SpaceId, dict[str, int]] = {}

    def shared(self, provider: ProviderId) -> list[SpaceId]:
        """The spaces that this provider may have."""
        return [space for space, held_by in self.holders.items() if provider in held_by]

    def authors(self, provider: ProviderId) -> set[str]:
        """The providers with sub-logs in the spaces that this one may have."""
        return {sub.partition(".")[0] for space in self.shared(provider) for sub in self.reach.get(space, ())}

    def is_shared(self, provider: ProviderId, space: SpaceId) -> bool:
        return provider in self.holders.get(space, ())

    def is_open(self, space: SpaceId) -> bool:
        """Whether nothing here says yet who holds this space: a partner may be bringing it."""
        return space not in self.local and self.own not in self.holders.get(space, ())

    def may_bring(self, provider: ProviderId, space: SpaceId) -> bool:
        """Whether this provider may say anything of a space."""
        return is_hash(space) and (self.is_shared(provider, space) or self.is_open(space))

    def is_ours(self, sub: str) -> bool:
        """Whether this provider alone goes on with a sub-log. What it wrote before a disk was lost comes back to it."""
        provider, _, incarnation = sub.partition(".")
        return provider == self.own and int(incarnation) >= self.incarnation

    def is_expected(self, provider: ProviderId, space: SpaceId) -> bool:
        """Whether this provider may bring the whole space, though what names us as a holder is still to come."""
        return provider in self.expected.get(space, ())

    def others(self, space: SpaceId) -> frozenset[ProviderId]:
        return self.holders.get(space, frozenset()) - {self.own}

    def seq(self, space: SpaceId, sub: str) -> int:
        mark = self.reach.get(space, {}).get(sub)
        return mark.seq if mark is not None else 0

    def signed(self, space: SpaceId, sub: str, seq: int, chain: str) -> None:
        """Its provider signed this chain after entry `seq`. Where another one is on disk, what is there was forged."""
        mark = self.reach.get(space, {}).get(sub)
        if mark is not None and mark.seq == seq:
            self._compare(space, sub, seq, mark.chain == chain)
        self.vouched.note(space, sub, seq, chain, self.seq(space, sub))

    def _compare(self, space: SpaceId, sub: str, seq: int, is_same: bool) -> None:
        if is_same:
            self._sound[space, sub] = seq
        else:
            self.stands_apart(space, sub)

    def stands_apart(self, space: SpaceId, sub: str) -> None:
        """What is here of a sub-log is not what its provider signed for others."""
        if not self.is_ours(sub):
            self.apart.setdefault((space, sub), self._sound.get((space, sub), 0))

    def stand_apart(self, space: SpaceId) -> frozenset[str]:
        """The sub-logs of a space whose history here is another."""
        return frozenset(sub for where, sub in self.apart if where == space) if self.apart else frozenset()

    def vector(self, space: SpaceId) -> dict[str, int]:
        return {sub: mark.seq for sub, mark in self.reach.get(space, {}).items()}

    def advance(self, space: SpaceId, ends: Iterable[tuple[str, int, str]]) -> bool:
        """(sub-log, last seq, chain) on disk now. Whether anything is new."""
        reach = self.reach.setdefault(space, {})
        lacking = self._lacking.get(space, {})
        grown = False
        for sub, seq, chain in ends:
            mark = reach.get(sub)
            if mark is None or seq > mark.seq:
                reach[sub] = Mark(seq, chain, min(seq, lacking.get(sub, seq)))
                if (said := self.vouched.chain(space, sub, seq)) is not None:
                    self._compare(space, sub, seq, said == chain)
                self.vouched.reached(space, sub, seq)
                grown = True
        return grown

    def lacks(self, space: SpaceId, lacking: Mapping[str, int]) -> bool:
        """The blobs that are not here end the named sub-logs' coverage at these seqs. Whether anything changed."""
        before = dict(self.reach.get(space, {}))
        if lacking:
            self._lacking[space] = dict(lacking)
        else:
            self._lacking.pop(space, None)
        reach = self.reach.get(space, {})
        for sub, mark in before.items():
            blobs = min(mark.seq, lacking.get(sub, mark.seq))
            if blobs != mark.blobs:
                reach[sub] = Mark(mark.seq, mark.chain, blobs)
        return reach != before
