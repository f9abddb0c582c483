"""What goes out to one partner: which entries, in which frame, when. Sans-IO; knows no clock and no socket.

Live entries go before old ones, and there spaces take turns. Of old ones the space goes first that is whole soonest:
those of accounts and authority are small, so who they are and what they may is known before what they said; and people
can work in one space after the other instead of in none until the end. At most CREDITS frames are on their way
unanswered. What does not fit is forgotten: the partner asks for it, by its vector.
"""

from collections import OrderedDict, deque
from collections.abc import Iterable, Mapping
from typing import NamedTuple, Protocol

import msgspec

from verbund.base.ids import SpaceId
from verbund.log.bulk import ENTRIES_MAX, Packed, pack
from verbund.log.entry import Entry, Vector, sublog

CREDITS = 4
FRAME_BYTES_MAX = 200 * 1024
LIVE_BYTES_MAX = 4 * 1024 * 1024
BACKFILLS_MAX = 10_000
#: Of one space so many sub-logs are remembered; a vector may name new ones again and again.
KNOWN_MAX = 1_024
#: Of entries that are packed into one frame, before.
PACKING_BYTES_MAX = 2 * 1024 * 1024


class Placed(NamedTuple):
    """An encoded entry and where it stands."""

    sub: str
    seq: int
    raw: bytes


class Going(Protocol):
    """An entry that may have to go out, and where it stands; encoded where somebody asks for it as it goes."""

    @property
    def sub(self) -> str: ...

    @property
    def seq(self) -> int: ...

    @property
    def raw(self) -> bytes: ...


class _Where(msgspec.Struct):
    """Of an entry only its place."""

    p: str
    i: int
    n: int
    h: str


_where = msgspec.json.Decoder(_Where)
_entry = msgspec.json.Decoder(Entry)


def placed(raw: bytes) -> tuple[Placed, str]:
    """(an encoded entry with its place, its chain)."""
    where = _where.decode(raw)
    return Placed(sublog(where.p, where.i), where.n, raw), where.h


class Load(NamedTuple):
    """Read the next old entries of this space, those that the vector does not cover."""

    space: SpaceId
    after: Vector


class Ready(NamedTuple):
    """A frame: `packed`, unless the partner does not know how or it could not be done."""

    space: SpaceId
    number: int
    raws: list[bytes]
    packed: Packed | None


class Push:
    """The way out of one link; `packs`: entries go out packed."""

    def __init__(self, packs: bool = False) -> None:
        self._packs = packs
        #: How far the partner gets with everything that it said, and that was sent or waits here. No row: unknown.
        self.known: dict[SpaceId, Vector] = {}
        self._live: OrderedDict[SpaceId, deque[Placed]] = OrderedDict()
        self._live_bytes = 0
        #: Space → how many entries the partner lacks, as far as that is known.
        self._behind: OrderedDict[SpaceId, int] = OrderedDict()
        self._loading: SpaceId | None = None
        self._page: deque[Placed] = deque()
        self._page_space: SpaceId | None = None
        self._sent = self._answered = 0

    @property
    def unanswered(self) -> int:
        return self._sent - self._answered

    def heard(self, space: SpaceId, vector: Vector) -> None:
        """The partner has this much, whoever gave it."""
        known = self.known.setdefault(space, {})
        for sub, seq in vector.items():
            if sub in known or len(known) < KNOWN_MAX:
                known[sub] = max(known.get(sub, 0), seq)

    def add(self, space: SpaceId, entries: Iterable[Going]) -> None:
        """New entries: each goes out when the one before it is known there; a gap is left to the partner to find."""
        known = self.known.get(space)
        if known is None:
            return
        if self._page and self._page_space == space:
            self._behind.setdefault(space, 0)  # old ones wait to be sent: these come after them
            return
        for one in entries:
            if one.seq == known.get(one.sub, 0) + 1:
                known[one.sub] = one.seq
                self._live.setdefault(space, deque()).append(Placed(one.sub, one.seq, one.raw))
                self._live_bytes += len(one.raw)
        if self._live_bytes > LIVE_BYTES_MAX:
            for waiting in list(self._live):
                self._forget_live(waiting)

    def wanted(self, space: SpaceId, after: Vector, here: Mapping[str, int]) -> None:
        """The partner says how far it is and asks for the rest of what is here."""
        self._forget_live(space)
        self.known[space] = dict(after)
        if self._page_space == space:
            self._page.clear()
        if space in self._behind or len(self._behind) < BACKFILLS_MAX:
            self._behind[space] = _lacking(after, here)

    def load(self) -> Load | None:
        """What to read next, if anything; then `page` has to be told what came."""
        if self._loading is not None or self._page or not self._behind:
            return None
        space = min(self._behind, key=self._behind.__getitem__)
        del self._behind[space]
        self._loading = space
        return Load(space, dict(self.known.get(space, {})))

    def page(self, asked: Load, entries: Iterable[Placed] | None, whole: bool, here: Mapping[str, int]) -> None:
        """What was read: of it goes out what the partner is ready for. Until it has all that is here, again.

        None: it could not be read; the partner asks again.
        """
        self._loading = None
        if entries is None:
            self.forget(asked.space)
            return
        space, known = asked.space, self.known.get(asked.space)
        if known is None:
            return
        for one in entries:
            if one.seq == known.get(one.sub, 0) + 1:
                known[one.sub] = one.seq
                self._page.append(one)
        self._page_space = space
        lacking = _lacking(known, here)
        if not whole or lacking:
            self._behind[space] = lacking

    def frame(self) -> Ready | None:
        """The next frame; None without a credit or without anything to send."""
        if self.unanswered >= CREDITS:
            return None
        if self._live:
            space, queue = next(iter(self._live.items()))
            raws, packed = self._fill(space, queue)
            self._live_bytes -= sum(len(raw) for raw in raws)
            self._live.move_to_end(space)
            if not queue:
                del self._live[space]
        elif self._page and self._page_space is not None:
            space = self._page_space
            raws, packed = self._fill(space, self._page)
        else:
            return None
        self._sent += 1
        return Ready(space, self._sent, raws, packed)

    def answered(self, number: int) -> bool:
        """The partner answered this frame and all before it. False: it cannot have seen such a frame."""
        if number > self._sent:
            return False
        self._answered = max(self._answered, number)
        return True

    def forget(self, space: SpaceId) -> None:
        """What the partner has of this space is not known any more: it will say so."""
        self._forget_live(space)
        self.known.pop(space, None)
        self._behind.pop(space, None)
        if self._page_space == space:
            self._page.clear()

    def _forget_live(self, space: SpaceId) -> None:
        """Take back what waits, so that the next entry is seen to be beyond a gap."""
        queue = self._live.pop(space, None)
        known = self.known.get(space, {})
        for one in reversed(queue or ()):
            self._live_bytes -= len(one.raw)
            known[one.sub] = min(known.get(one.sub, 0), one.seq - 1)

    def _fill(self, space: SpaceId, queue: deque[Placed]) -> tuple[list[bytes], Packed | None]:
        """What fits into a frame is taken out of the queue."""
        count_max, bytes_max = (ENTRIES_MAX, PACKING_BYTES_MAX) if self._packs else (len(queue), FRAME_BYTES_MAX)
        taken: list[Placed] = []
        ends: Vector = {}
        size = 0
        while queue and (not taken or (len(taken) < count_max and size + len(queue[0].raw) <= bytes_max)):
            one = queue[0]
            if self._packs and one.seq != ends.get(one.sub, one.seq - 1) + 1:
                break  # the partner has what is between
            ends[one.sub] = one.seq
            taken.append(queue.popleft())
            size += len(one.raw)
        packed = self._pack(space, taken)
        while self._packs and packed is None and len(taken) > 1:
            half = len(taken) // 2
            queue.extendleft(reversed(taken[half:]))
            del taken[half:]
            packed = self._pack(space, taken)
        return [one.raw for one in taken], packed

    def _pack(self, space: SpaceId, taken: list[Placed]) -> Packed | None:
        return pack(space, [_entry.decode(one.raw) for one in taken]) if self._packs else None


def _lacking(known: Mapping[str, int], here: Mapping[str, int]) -> int:
    return sum(max(0, seq - known.get(sub, 0)) for sub, seq in here.items())
