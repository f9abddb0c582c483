"""Providers without sockets and disks, to try what links decide: every frame is a real one, only its way is a list."""

import json
from collections import deque
from hashlib import sha256

import msgspec

from verbund.base.ids import CoreId, ProviderId, SpaceId, b64, unb64
from verbund.base.refusal import Overloaded, Refusal
from verbund.log.entry import CHAIN_START, Entry, chain, sublog
from verbund.log.newest import Newest
from verbund.partners.actions import Check, Close, Contradiction, Give, GiveNewest, Send, Take, TakeNewest, Unpack
from verbund.partners.heads import STRIDE
from verbund.partners.here import Here
from verbund.partners.peer import Peer
from verbund.partners.push import Load, Placed
from verbund.partners.schemas import Bulk, Frame, Head
from verbund.partners.state import Exchange
from verbund.partners.vouching import HEADS_FRAME_MAX

PAGE = 7


def named(name: str) -> str:
    """The id of something with this name."""
    return b64(sha256(name.encode()).digest())


def entry(
    space: SpaceId, provider: str, n: int, text: str = "", incarnation: int = 1, before: bytes = CHAIN_START
) -> Entry:
    """An entry whose form and chain are right; that it is signed is for others to check."""
    core = CoreId(named(f"{space} {provider} {n} {text}"))
    after = b64(chain(before, provider, incarnation, n, core, 1, False))
    return Entry(core, ProviderId(provider), incarnation, n, after, 1, 0, json.dumps({"sp": space}), "", None, text)


def head(space: SpaceId, one: Entry, by: str | None = None) -> Head:
    """What its provider says of this entry's place; `by`: who says it in its name. Real signatures: test_heads."""
    sig = named(f"{by or one.p} signs {space} {one.p} {one.i} {one.n} {one.h}")
    return Head(one.p, one.i, one.n, one.h, 1, 1, 0, 1, "", sig)


def is_genuine(space: SpaceId, shown: Head) -> bool:
    return shown.sig == named(f"{shown.p} signs {space} {shown.p} {shown.i} {shown.n} {shown.h}")


class Side:
    """One provider: its entries by space and sub-log, and its ends of links."""

    def __init__(self, name: str, incarnation: int = 1) -> None:
        self.id = ProviderId(named(name))
        self.here = Here(self.id, incarnation)
        self.stored: dict[SpaceId, dict[str, list[Entry]]] = {}
        self.heads: dict[SpaceId, dict[str, list[Head]]] = {}
        self.peers: dict[ProviderId, Peer] = {}
        self.ends: dict[ProviderId, End] = {}
        #: What came at places of another history than is here, and got places of its own.
        self.apart: dict[SpaceId, list[Entry]] = {}
        #: What came ahead of its place; whether it could be taken; whether the disk can be read and written.
        self.ahead: dict[SpaceId, list[Entry]] = {}
        self.is_ready = self.is_well = True
        self.now = 0

    def holds(self, space: SpaceId, *sides: "Side") -> None:
        self.here.holders = {**self.here.holders, space: frozenset(one.id for one in (self, *sides))}

    def write(self, space: SpaceId, text: str = "") -> None:
        """A commit of its own."""
        mine = self.stored.setdefault(space, {}).setdefault(sublog(self.id, 1), [])
        before = unb64(mine[-1].h) if mine else CHAIN_START
        self.keep(space, [entry(space, self.id, len(mine) + 1, text, before=before)])

    def keep(self, space: SpaceId, entries: list[Entry]) -> None:
        """They are on disk now; the links are told."""
        fresh = []
        for one in entries:
            kept = self.stored.setdefault(space, {}).setdefault(sublog(one.p, one.i), [])
            assert one.n <= len(kept) + 1, "a link lets nobody take in what has a gap"
            if one.n == len(kept) + 1:
                kept.append(one)
                fresh.append(one)
        self.here.advance(space, [(sublog(one.p, one.i), one.n, one.h) for one in fresh])
        self.here.local |= {space} if any(one.p == self.id for one in fresh) else set()
        for end in self.ends.values():
            end.exchange.appended(space, [placed(one) for one in fresh])

    def sign(self) -> None:
        """Vouch for what it wrote: at each multiple of STRIDE, and at the end."""
        for space, subs in self.stored.items():
            mine = [(sub, entries) for sub, entries in subs.items() if self.here.is_ours(sub)]
            for sub, entries in mine:
                last = self.here.vouched.seq(space, sub)
                due = [one for one in entries[last:] if one.n % STRIDE == 0 or one is entries[-1]]
                self.vouch(space, [head(space, one) for one in due])

    def vouch(self, space: SpaceId, heads: list[Head]) -> None:
        """Keep what is genuine of these and follows on what is known; the links are told."""
        fresh = []
        for one in heads:
            last = self.here.vouched.seq(space, one.sub)
            if is_genuine(space, one) and self.here.vouched.is_next(space, one.sub, last, one.n):
                self.here.signed(space, one.sub, one.n, one.h)
                fresh.append(one)
                kept = self.heads.setdefault(space, {}).setdefault(one.sub, [])
                kept[:] = [*(old for old in kept if old.n % STRIDE == 0), one]
        for end in list(self.ends.values()) if fresh else ():
            end.exchange.vouch(space, [], fresh[:HEADS_FRAME_MAX])
            end.exchange.vouched(space, self.now)

    def page(self, load: Load) -> tuple[list[Placed], bool]:
        """What a store would read, PAGE at a time."""
        rows = [
            placed(one)
            for sub, entries in sorted(self.stored.get(load.space, {}).items())
            for one in entries
            if one.n > load.after.get(sub, 0)
        ]
        return rows[:PAGE], len(rows) <= PAGE

    def newest(self, asked: GiveNewest) -> Newest:
        """Its own last entries."""
        mine = self.stored.get(asked.space, {}).get(sublog(self.id, 1), [])
        return Newest([msgspec.json.encode(one) for one in mine[max(asked.since, len(mine) - PAGE) :]], len(mine))

    def beyond(self, asked: Give) -> list[Head]:
        kept = self.heads.get(asked.space, {})
        found = [one for sub, seq in asked.after.items() for one in kept.get(sub, []) if one.n > seq]
        return found[:HEADS_FRAME_MAX]

    def link(self, other: "Side", protocol: int = 1) -> tuple["End", "End"]:
        ends = End(self, other, protocol), End(other, self, protocol)
        ends[0].out, ends[1].out = deque(), deque()
        ends[0].into, ends[1].into = ends[1].out, ends[0].out
        return ends

    def cut(self, other: "Side") -> None:
        for one, two in ((self, other), (other, self)):
            one.ends.pop(two.id, None)


class End:
    """One provider's end of a link."""

    def __init__(self, side: Side, other: Side, protocol: int) -> None:
        self.side = side
        self.peer = side.peers.setdefault(other.id, Peer(other.id))
        self.exchange = Exchange(side.here, self.peer, side.now, protocol)
        self.out: deque[bytes] = deque()
        self.into: deque[bytes] = deque()
        self.proofs: list[Contradiction] = []
        self.closed: str | None = None
        side.ends[other.id] = self

    def act(self) -> list[Frame | Bulk]:
        """Do what is to be done; the frames that were sent."""
        sent: list[Frame | Bulk] = []
        while actions := self.exchange.actions():
            for action in actions:
                match action:
                    case Send():
                        self.out.append(action.frame)
                        sent.append(decoded(action.frame))
                    case Load():
                        self.exchange.paged(action, *self.side.page(action))
                    case Take():
                        self.take(action)
                    case Unpack():
                        self.exchange.unpacked(action.n, action.unpacked(), self.side.now)
                    case Check():
                        self.side.vouch(action.frame.sp, action.frame.h)
                        self.exchange.checked(action.frame, self.side.now)
                    case Give():
                        self.exchange.given(action.space, [], self.side.beyond(action))
                    case GiveNewest() | TakeNewest() if not self.side.is_well:
                        self.exchange.newest_failed(action, self.side.now)
                    case GiveNewest():
                        self.exchange.newest_given(action.space, self.side.newest(action))
                    case TakeNewest():
                        self.side.ahead.setdefault(action.space, []).extend(action.entries)
                        self.exchange.newest_taken(action, self.side.is_ready, self.side.now)
                    case Contradiction():
                        self.proofs.append(action)
                    case Close():
                        self.closed = self.closed or action.code
        return sent

    def take(self, action: Take) -> None:
        try:
            if not self.side.is_well:
                raise Overloaded()
            entries = action.unpacked()
            self.exchange.compare(action.space, entries)
        except Refusal as refusal:
            self.exchange.refused(action.n, refusal.code, self.side.now)
            return
        apart = [one for one in entries if sublog(one.p, one.i) in action.apart]
        self.side.apart.setdefault(action.space, []).extend(apart)
        self.side.keep(action.space, [one for one in entries if one not in apart])
        self.exchange.taken(action.n)

    def hear(self, frame: Frame | Bulk) -> list[Frame | Bulk]:
        """This comes from the partner; what is answered."""
        self.exchange.received(frame, self.side.now)
        return self.act()

    def tick(self, links: list[ProviderId] | None = None) -> list[Frame | Bulk]:
        self.exchange.tick(self.side.now, list(self.side.ends) if links is None else links)
        return self.act()

    def read(self) -> bool:
        """Take one frame off the wire, if there is one."""
        if not self.into or self.closed:
            return False
        self.hear(decoded(self.into.popleft()))
        return True


def third(space: SpaceId, name: str, *others: Side) -> Side:
    """One more provider; all of them hold the space."""
    sides = (*others, Side(name))
    for side in sides:
        side.holds(space, *(one for one in sides if one is not side))
    return sides[-1]


def written(space: SpaceId, side: Side, count: int, text: str = "") -> list[Entry]:
    """So many entries of its sub-log, from the first on."""
    found: list[Entry] = []
    for n in range(count):
        found.append(entry(space, side.id, n + 1, text, before=unb64(found[-1].h) if found else CHAIN_START))
    return found


def decoded(raw: bytes) -> Frame | Bulk:
    return msgspec.json.decode(raw, type=Frame) if raw.startswith(b"{") else msgspec.msgpack.decode(raw, type=Bulk)


def placed(one: Entry) -> Placed:
    return Placed(sublog(one.p, one.i), one.n, msgspec.json.encode(one))


def settle(*sides: Side, seconds: int = 40) -> None:
    """Let time pass and frames arrive until everybody has said all there is to say."""
    for _ in range(seconds):
        for side in sides:
            side.now += 1_000
            side.sign()
            for end in side.ends.values():
                end.tick()
        while any(end.read() for side in sides for end in list(side.ends.values())):
            pass
