"""One link after the handshake: what to send, to ask for, to take in, to refuse. Sans-IO, the time is passed in (ms).

Frames and commits go in, actions come out: the driver sends, reads and writes, and tells the result. The same code runs
over a socket and in the simulator.
"""

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from verbund.base.ids import ProviderId, SpaceId, is_hash
from verbund.log.bulk import ENTRIES_MAX, Packed, unpack
from verbund.log.columns import Run
from verbund.log.entry import Entry
from verbund.partners.forms import SUBLOGS_MAX, are_numbers, is_of, is_vector
from verbund.partners.here import Here
from verbund.partners.peer import Peer
from verbund.partners.push import CREDITS, Load, Placed, Push, Ready
from verbund.partners.refusals import Gap, NotHeld, Protocol, Silent, TooMuch
from verbund.partners.schemas import (
    PACKED,
    PROTOCOLS,
    Bulk,
    Bye,
    Digest,
    Entries,
    Frame,
    Have,
    Identity,
    Known,
    Mark,
    No,
    Reach,
    Want,
)  # fmt: skip

DIGEST_MS = 2_000
DIGEST_ALL_MS = 30_000
SILENCE_MS_MAX = 7_000
WANT_AGAIN_MS = 4_000
GAP_MS = 500
ASIDE_MS = 60_000
DIGEST_MARKS_MAX = 800
FRAMES_REFUSED_MAX = 64
KNOWN_FRAME_MAX = 100
_encoder = msgspec.json.Encoder()
_bulk_encoder = msgspec.msgpack.Encoder()


class Send(NamedTuple):
    """Put this frame on the socket."""

    frame: bytes


class Take(NamedTuple):
    """Take these entries in, all or none; then `taken` or `refused` has to be told."""

    space: SpaceId
    n: int
    entries: list[Entry]
    packed: Packed | None = None

    @property
    def entries_count(self) -> int:
        return len(self.entries) if self.packed is None else sum(run.count for run in self.packed.runs)

    def unpacked(self) -> list[Entry]:
        """The entries; this takes a while. Raises NotCanonical, BrokenChain: then it has to be told as refused."""
        return self.entries if self.packed is None else unpack(self.space, self.packed)


class Contradiction(NamedTuple):
    """Two histories of one sub-log: the chains here and there at the same seq."""

    space: SpaceId
    sub: str
    seq: int
    here: str
    there: str


class Close(NamedTuple):
    """End the link."""

    code: str


class Learn(NamedTuple):
    """The partner says who other providers are; each has to be checked by itself."""

    identities: list[Identity]


Action = Send | Load | Take | Contradiction | Learn | Close


class Exchange:
    """What both sides of one link know of each other."""

    def __init__(self, here: Here, peer: Peer, now_ms: int, protocol: int = PROTOCOLS[0]) -> None:
        self._here, self._peer = here, peer
        self._push = Push(packs=protocol >= PACKED)
        self._changed: set[SpaceId] = set()
        self._actions: list[Action] = []
        #: Providers that the partner is linked to itself: what they write needs no relay.
        self._their_links: frozenset[str] = frozenset()
        self._asked: dict[SpaceId, int] = {}
        self._taking: dict[int, tuple[SpaceId, list[tuple[str, int]]]] = {}
        self._expected: dict[SpaceId, dict[str, int]] = {}
        self._aside: dict[tuple[SpaceId, str], int] = {}
        self._told: set[str] = set()
        self._received = self._refused = 0
        self._heard_ms = now_ms
        self._next_ms = self._next_all_ms = now_ms

    @property
    def provider(self) -> ProviderId:
        return self._peer.provider

    def actions(self) -> list[Action]:
        """What is to be done now, in this order."""
        while (ready := self._push.frame()) is not None:
            self._actions.append(Send(_entries_frame(ready)))
        load = self._push.load()
        if load is not None:
            self._actions.append(load)
        actions, self._actions = self._actions, []
        return actions

    def tick(self, now_ms: int, links: Iterable[ProviderId]) -> None:
        """Time has passed: compare by digest, at the latest every DIGEST_MS; end what is silent."""
        if now_ms - self._heard_ms > SILENCE_MS_MAX:
            self._close(Silent.code)
        elif now_ms >= self._next_all_ms:
            self._next_all_ms, self._next_ms = now_ms + DIGEST_ALL_MS, now_ms + DIGEST_MS
            self._digest(self._here.shared(self.provider), links)
        elif now_ms >= self._next_ms:
            self._next_ms = now_ms + DIGEST_MS
            self._digest(self._changed, links)

    def changed(self, space: SpaceId) -> None:
        """There is more of this space than was told: the next comparison names it."""
        if self._here.is_shared(self.provider, space):
            self._changed.add(space)

    def hurry(self) -> None:
        """The next comparison comes at once: spaces are shared since now, or links came and went."""
        self._next_ms = 0

    def appended(self, space: SpaceId, entries: list[Placed]) -> None:
        """A commit here appended these. Own ones go out at once, those of others where the partner cannot get them."""
        if not self._here.is_shared(self.provider, space):
            return
        self._changed.add(space)
        skipped = {*self._their_links, self.provider}
        self._push.add(space, (one for one in entries if one.sub.partition(".")[0] not in skipped))

    def promised(self, space: SpaceId, now_ms: int) -> None:
        """Its parent is here now and says who holds it: what the partner may have been refused is welcome."""
        if self._here.is_expected(self.provider, space):
            self._ask(space, now_ms, 0)

    def reached(self, space: SpaceId) -> None:
        """More of the space is here than before (blobs, entries that were known): the partner is told."""
        if self._here.is_shared(self.provider, space):
            self._send(Have(space, 0, self._here.reach.get(space, {})))

    def know(self, identities: Iterable[Identity]) -> None:
        """Of these the partner hears once who they are, if their facts stand in a space that both hold."""
        named = self._here.authors(self.provider)
        fresh = [
            one
            for one in identities
            if one.provider in named and one.provider != self.provider and one.certificate not in self._told
        ]
        self._told.update(one.certificate for one in fresh)
        for start in range(0, len(fresh), KNOWN_FRAME_MAX):
            self._send(Known(fresh[start : start + KNOWN_FRAME_MAX]))

    def paged(self, asked: Load, entries: list[Placed], whole: bool) -> None:
        self._push.page(asked, entries, whole, self._here.vector(asked.space))

    def taken(self, n: int) -> None:
        """What came in this frame is on disk."""
        space, _ = self._taking.pop(n)
        self._settle(space)
        self._send(Have(space, n, self._here.reach.get(space, {})))

    def refused(self, n: int, code: str, now_ms: int) -> None:
        """Nothing of this frame was taken, and its sub-logs are not asked for again at once."""
        space, places = self._taking.pop(n)
        self._settle(space)
        if code.startswith("log."):  # what is wrong in itself is as wrong at the next try
            for sub, _ in places:
                self._aside[(space, sub)] = now_ms + ASIDE_MS
        self._refuse(space, n, code)

    def received(self, frame: Frame | Bulk, now_ms: int) -> None:
        """A frame of the partner."""
        self._heard_ms = now_ms
        match frame:
            case Entries():
                runs = [Run(one.p, one.i, one.n, 1) for one in frame.e]
                self._entries(Take(frame.sp, frame.n, frame.e), runs, now_ms)
            case Bulk():
                self._entries(Take(frame.sp, frame.n, [], Packed(frame.runs, frame.data)), frame.runs, now_ms)
            case Have():
                self._have(frame, now_ms)
            case Digest():
                self._their_links = frozenset(frame.links) - {self._here.own}
                for space, reach in frame.sp.items():
                    if self._compare(space, reach, now_ms):
                        self._ask(space, now_ms, WANT_AGAIN_MS)
            case Want():
                self._want(frame)
            case No():
                if not self._push.answered(frame.n):
                    self._close(Protocol.code)
                self._push.forget(frame.sp)
            case Known():
                if len(frame.ids) > KNOWN_FRAME_MAX:
                    self._close(Protocol.code)
                else:
                    self._actions.append(Learn(frame.ids))
            case Bye():
                self._close(frame.code)

    def _entries(self, take: Take, runs: list[Run], now_ms: int) -> None:
        space, number = take.space, take.n
        if number != self._received + 1:
            self._close(Protocol.code)
            return
        if len(self._taking) >= CREDITS:
            self._close(TooMuch.code)
            return
        self._received = number
        code = self._fault(take, runs)
        if code is not None:
            self._refuse(space, number, code)
            return
        fresh = self._fresh(space, runs)
        if fresh is None:
            self._send(No(space, number, Gap.code))
            self._ask(space, now_ms, GAP_MS)
            return
        self._asked[space] = now_ms
        self._expected.setdefault(space, {}).update(fresh)
        self._taking[number] = (space, [(run.sub, run.last) for run in runs])
        self._push.heard(space, fresh)
        self._peer.wrote(space, fresh)
        self._actions.append(take)

    def _fault(self, take: Take, runs: list[Run]) -> str | None:
        """Why a frame is refused before anything of it is looked at more closely."""
        if not self._may_bring(take.space):
            return NotHeld.code
        count = sum(run.count for run in runs)
        if not (0 < count <= ENTRIES_MAX and all(are_numbers(run) for run in runs)):
            return Protocol.code
        if not all(is_of(take.space, one) for one in take.entries) or (take.packed and len(runs) > SUBLOGS_MAX):
            return Protocol.code
        if any(self._here.is_ours(run.sub) and run.last > self._here.seq(take.space, run.sub) for run in runs):
            return NotHeld.code  # what this incarnation wrote is here; nobody goes on with its sub-logs
        return None if self._peer.introduce(take.space, count, self._here) else TooMuch.code

    def _fresh(self, space: SpaceId, runs: list[Run]) -> dict[str, int] | None:
        """Sub-log → seq after these; None when something between is missing."""
        ends: dict[str, int] = {}
        for run in runs:
            end = ends.get(run.sub, self._end(space, run.sub))
            if run.first > end + 1:
                return None
            ends[run.sub] = max(end, run.last)
        return ends

    def _end(self, space: SpaceId, sub: str) -> int:
        """How far a sub-log gets with what is on its way to the disk."""
        return max(self._here.seq(space, sub), self._expected.get(space, {}).get(sub, 0))

    def _settle(self, space: SpaceId) -> None:
        if not any(waiting == space for waiting, _ in self._taking.values()):
            self._expected.pop(space, None)

    def _have(self, frame: Have, now_ms: int) -> None:
        if not self._push.answered(frame.n):
            self._close(Protocol.code)
            return
        self._compare(frame.sp, frame.v, now_ms)

    def _compare(self, space: SpaceId, reach: Reach, now_ms: int) -> bool:
        """The partner says how far it is. Whether it has something that is not here."""
        vector = {sub: mark.seq for sub, mark in reach.items()}
        if not is_vector(vector) or not self._may_bring(space) or not self._peer.introduce(space, 0, self._here):
            return False
        self._peer.covers(space, reach, now_ms, self._here)
        self._push.heard(space, vector)
        ours = self._here.reach.get(space, {})
        for sub, mark in reach.items():
            own = ours.get(sub)
            if own is not None and own.seq == mark.seq and own.chain != mark.chain:
                self._actions.append(Contradiction(space, sub, mark.seq, own.chain, mark.chain))
        return any(self._lacks(space, sub, mark, now_ms) for sub, mark in reach.items())

    def _lacks(self, space: SpaceId, sub: str, mark: Mark, now_ms: int) -> bool:
        return (
            mark.seq > self._end(space, sub)
            and not self._here.is_ours(sub)
            and self._aside.get((space, sub), 0) <= now_ms
        )

    def _ask(self, space: SpaceId, now_ms: int, patience_ms: int) -> None:
        """Ask for what is missing, unless it was asked for just now or is arriving."""
        asked = self._asked.get(space)
        if asked is None or now_ms - asked >= patience_ms:
            self._asked[space] = now_ms
            self._send(Want(space, {sub: self._end(space, sub) for sub in self._subs(space)}))

    def _subs(self, space: SpaceId) -> list[str]:
        return sorted({*self._here.reach.get(space, {}), *self._expected.get(space, {})})

    def _want(self, frame: Want) -> None:
        if not self._here.is_shared(self.provider, frame.sp):
            self._send(No(frame.sp, 0, NotHeld.code))
        elif not is_vector(frame.after):
            self._close(Protocol.code)
        else:
            self._push.wanted(frame.sp, frame.after, self._here.vector(frame.sp))

    def _may_bring(self, space: SpaceId) -> bool:
        return is_hash(space) and (self._here.is_shared(self.provider, space) or self._here.is_open(space))

    def _refuse(self, space: SpaceId, n: int, code: str) -> None:
        self._refused += 1
        self._send(No(space, n, code))
        if self._refused > FRAMES_REFUSED_MAX:
            self._close(code)

    def _digest(self, spaces: Iterable[SpaceId], links: Iterable[ProviderId]) -> None:
        """In frames of DIGEST_MARKS_MAX marks; an empty one says that we are here."""
        gathered: dict[SpaceId, Reach] = {}
        marks, told = 0, sorted(links)
        for space in list(spaces):
            reach = self._here.reach.get(space, {})
            if gathered and marks + len(reach) > DIGEST_MARKS_MAX:
                self._send(Digest(gathered, told))
                gathered, marks = {}, 0
            gathered[space] = reach
            marks += len(reach)
        self._send(Digest(gathered, told))
        self._changed.clear()

    def _send(self, frame: Frame) -> None:
        self._actions.append(Send(_encoder.encode(frame)))

    def _close(self, code: str) -> None:
        self._actions.append(Close(code))


def _entries_frame(ready: Ready) -> bytes:
    space, number, raws, packed = ready
    if packed is not None:
        return _bulk_encoder.encode(Bulk(space, number, packed.runs, packed.data))
    head = f'{{"f":"entries","sp":"{space}","n":{number},"e":['
    return head.encode("ascii") + b",".join(raws) + b"]}"
