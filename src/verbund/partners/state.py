"""One link after the handshake: what to send, to ask for, to take in, to refuse. Sans-IO, the time is passed in (ms).

Frames and commits go in, actions come out: the driver, over sockets or simulated, does them and tells the result.
"""

from collections.abc import Iterable, Sequence

import msgspec

from verbund.base.ids import ProviderId, SpaceId
from verbund.log.bulk import Packed
from verbund.log.columns import Run
from verbund.log.entry import Entry, sublog
from verbund.log.newest import Newest
from verbund.partners import schemas
from verbund.partners.actions import Action, Check, Close, GiveNewest, Learn, Send, Take, TakeNewest, Unpack
from verbund.partners.detours import Detours
from verbund.partners.early import Ahead
from verbund.partners.forms import believed, digests, entries_frame, fault, fresh_ends, is_vector
from verbund.partners.hearing import Hearing
from verbund.partners.here import Here
from verbund.partners.introducing import KNOWN_FRAME_MAX, Introducing
from verbund.partners.peer import Peer
from verbund.partners.push import CREDITS, Going, Load, Placed, Push
from verbund.partners.refusals import Contradicted, Gap, NotHeld, Protocol, Silent, TooMuch
from verbund.partners.schemas import PACKED, PROTOCOLS, Have, Head, Heads, Known, Mark, No, Reach, Want, WantHeads
from verbund.partners.vouching import ASK_SOON_MS, Vouching, is_frame

DIGEST_MS = 2_000
DIGEST_ALL_MS = 30_000
SILENCE_MS_MAX = 7_000
WANT_AGAIN_MS = 4_000
GAP_MS = 500
ASIDE_MS = 60_000
FRAMES_REFUSED_MAX = 64
_encoder = msgspec.json.Encoder()


class Exchange:
    """What both sides of one link know of each other."""

    def __init__(self, here: Here, peer: Peer, now_ms: int, protocol: int = PROTOCOLS[0]) -> None:
        self._here, self._peer = here, peer
        self._push = Push(packs=protocol >= PACKED)
        self._vouching, self._ahead = Vouching(here, peer), Ahead(here, peer, protocol)
        self._detours = Detours(here)
        self._changed, self._actions = set[SpaceId](), list[Action]()
        #: Providers that the partner is linked to itself: what they write needs no relay.
        self._their_links: frozenset[str] = frozenset()
        self._asked, self._arrived = dict[SpaceId, int](), dict[SpaceId, int]()
        self._taking: dict[int, tuple[SpaceId, list[tuple[str, int]]]] = {}
        self._expected: dict[SpaceId, dict[str, int]] = {}
        self._aside: dict[tuple[SpaceId, str], int] = {}
        self._introducing = Introducing(here, self.provider)
        #: Frames whose entries are not known yet, and how far their sub-logs would get with them.
        self._unpacking: dict[int, tuple[SpaceId, dict[str, int]]] = {}
        self._received = self._refused = self._released = self._answered_later = 0
        self.hearing = Hearing(here, peer.provider, now_ms, protocol)
        self._heard_ms = self._next_ms = self._next_all_ms = now_ms

    @property
    def provider(self) -> ProviderId:
        return self._peer.provider

    def actions(self) -> list[Action]:
        """What is to be done now, in this order."""
        while (ready := self._push.frame()) is not None:
            self._actions.append(Send(entries_frame(ready)))
        load = self._push.load()
        if load is not None:
            self._actions.append(load)
        actions, self._actions = self._actions, []
        return actions

    def tick(self, now_ms: int, links: Iterable[ProviderId]) -> None:
        """Time has passed: compare by digest, at the latest every DIGEST_MS; end what is silent."""
        self._actions += self._ahead.overdue(self._end, now_ms)
        self._rest(now_ms)
        if now_ms - self._heard_ms > SILENCE_MS_MAX:
            self._close(Silent.code)
        elif now_ms >= self._next_all_ms:
            self._next_all_ms, self._next_ms = now_ms + DIGEST_ALL_MS, now_ms + DIGEST_MS
            self._digest(self._here.shared(self.provider), links)
        elif now_ms >= self._next_ms:
            self._next_ms = now_ms + DIGEST_MS
            self._digest(self._changed, links)
        else:
            return
        for question in self._vouching.overdue(now_ms):
            self._send(question)

    def changed(self, space: SpaceId) -> None:
        """There is more of this space than was told: the next comparison names it."""
        if self._here.is_shared(self.provider, space):
            self._changed.add(space)

    def hurry(self) -> None:
        """The next comparison comes at once: spaces are shared since now, or links came and went."""
        self._next_ms = 0

    def appended(self, space: SpaceId, entries: Sequence[Going]) -> None:
        """A commit here appended these. Own ones go out at once, those of others where the partner cannot get them."""
        if not self._here.is_shared(self.provider, space):
            return
        self._changed.add(space)
        skipped = {*self._their_links, self.provider}
        self._push.add(space, (one for one in entries if one.sub.partition(".")[0] not in skipped))

    def promised(self, space: SpaceId, now_ms: int) -> None:
        """What says who holds it is here now: what the partner may have been refused of it is welcome."""
        marks = self._peer.reach.get(space, {}).items()
        is_lacking = self._here.is_shared(self.provider, space) and any(
            self._lacks(space, *one, now_ms) for one in marks
        )
        if is_lacking or self._here.is_expected(self.provider, space):
            self._ask(space, now_ms, 0)

    def reached(self, space: SpaceId) -> None:
        """More of the space is here than before (blobs, entries that were known): the partner is told."""
        if self._here.is_shared(self.provider, space):
            self._send(Have(space, 0, self._here.reach.get(space, {})))

    def know(self, identities: Iterable[schemas.Identity]) -> None:
        """Of these the partner hears who they are, where it needs to know."""
        self._actions += self._introducing.know(identities)

    def paged(self, asked: Load, entries: list[Placed] | None, whole: bool) -> None:
        self._push.page(asked, entries, whole, self._here.vector(asked.space))

    def taken(self, n: int) -> None:
        """What came in this frame is on disk."""
        space, _ = self._taking.pop(n)
        self._settle(space)
        if n > 0 and not any(one > 0 for one in self._taking):
            n, self._answered_later = max(n, self._answered_later), 0
        self._send(Have(space, max(n, 0), self._here.reach.get(space, {})))

    def refused(self, n: int, code: str, now_ms: int) -> None:
        """Nothing of this frame was taken, and its sub-logs are not asked for again at once."""
        if n in self._unpacking:
            space, ends = self._unpacking.pop(n)
            places = list(ends.items())
        else:
            space, places = self._taking.pop(n)
        self._settle(space)
        for sub, _ in places:
            self._vouching.drop(space, sub)
            self._detours.fails(space, sub)
            if code.startswith("log."):  # what is wrong in itself is as wrong at the next try
                self._aside[(space, sub)] = now_ms + ASIDE_MS
        self._refuse(space, max(n, 0), code)

    def unpacked(self, n: int, entries: list[Entry], now_ms: int) -> None:
        """What the partner wrote, and what its author vouches for, is taken in at once; the rest waits for that."""
        space, _ = self._unpacking.pop(n)
        forked, rest = self._vouching.unforked(space, entries)
        self._aside.update({(space, sub): now_ms + ASIDE_MS for sub in forked})
        apart, others = self._detours.split(space, rest)
        direct = self._vouching.sort(space, others, lambda sub: self._arriving(space, sub))
        if direct is None or (forked and not rest):
            self._refuse(space, n, TooMuch.code if rest else Contradicted.code)
            return
        covered, wrong = self._release(space, now_ms)
        if wrong:
            self._refuse(space, n, Contradicted.code)
        elif direct or covered or apart:
            self._take(space, n, [*direct, *covered, *apart])
        elif any(one > 0 for one in self._taking):
            self._answered_later = n  # an answer stands for all frames before it, too
        else:
            self._send(Have(space, n, self._here.reach.get(space, {})))
        self._send(self._vouching.want(space, now_ms, ASK_SOON_MS))

    def compare(self, space: SpaceId, entries: list[Entry]) -> None:
        """Raises Contradicted when an entry is another than its provider signed."""
        if self._vouching.unforked(space, entries)[0]:
            raise Contradicted()

    def checked(self, frame: Heads, now_ms: int) -> None:
        """The heads of this frame were looked at; what is good of them is noted."""
        for one in self._vouching.checked(frame, now_ms):
            self._actions.append(one if isinstance(one, Check) else Send(_encoder.encode(one)))
        self.vouched(frame.sp, now_ms)

    def vouched(self, space: SpaceId, now_ms: int) -> None:
        """There are new signed heads of this space, whoever gave them: what waited for them is taken in."""
        covered, wrong = self._release(space, now_ms)
        for _ in wrong:
            self._refuse(space, 0, Contradicted.code)
        if covered:
            self._released -= 1
            self._take(space, self._released, covered)

    def given(self, space: SpaceId, certificates: list[schemas.Certificate], heads: list[Head]) -> None:
        """These heads were asked for."""
        found, following = self._vouching.given(space, certificates, heads)
        self._actions += [Send(_encoder.encode(found))] if found is not None else []
        self._actions += [following] if following is not None else []

    def vouch(self, space: SpaceId, certificates: list[schemas.Certificate], heads: list[Head]) -> None:
        """There are new signed heads here: the partner gets those that do not come to it by themselves."""
        skipped = {*self._their_links, self.provider}
        wanted = [one for one in heads if one.p not in skipped]
        if wanted and self._here.is_shared(self.provider, space):
            self._send(Heads(space, certificates, wanted))

    def newest_given(self, space: SpaceId, found: Newest | None) -> None:
        """This was asked for; None: it is too much to go ahead."""
        self._actions += self._ahead.given(space, found)

    def newest_taken(self, found: TakeNewest, is_well: bool, now_ms: int) -> None:
        """What came ahead is on disk, and the rest may come; or it could not be taken yet, and is asked for again."""
        self._ahead.taken(found, is_well)
        self._rest(now_ms)

    def newest_failed(self, action: GiveNewest | TakeNewest, now_ms: int) -> None:
        """It could not be read or written here, for no fault of the partner's: it is tried again after a while."""
        self._actions += self._ahead.failed(action, now_ms)
        self._rest(now_ms)

    def prove(self, space: SpaceId, certificates: list[schemas.Certificate], heads: list[Head]) -> None:
        """These contradict each other: whoever holds the space may see it, except who signed them."""
        if self._here.is_shared(self.provider, space) and all(one.p != self.provider for one in heads):
            self._send(Heads(space, certificates, heads))

    def received(self, frame: schemas.Frame | schemas.Bulk, now_ms: int) -> None:
        """A frame of the partner."""
        self._heard_ms = now_ms
        match frame:
            case schemas.Entries():
                runs = [Run(one.p, one.i, one.n, 1) for one in frame.e]
                self._entries(Take(frame.sp, frame.n, frame.e), runs, now_ms)
            case schemas.Bulk():
                self._entries(Take(frame.sp, frame.n, [], Packed(frame.runs, frame.data)), frame.runs, now_ms)
            case Have():
                self._have(frame, now_ms)
            case schemas.Digest():
                self._their_links = frozenset(frame.links) - {self._here.own}
                for space, reach in frame.sp.items():
                    lacks = self._compare(space, reach, now_ms)
                    if lacks and now_ms - self._arrived.get(space, -WANT_AGAIN_MS) >= WANT_AGAIN_MS:
                        self._ask(space, now_ms, WANT_AGAIN_MS)
            case Want():
                self._want(frame)
            case No():
                self._no(frame)
            case schemas.WantEarly() | schemas.Early():
                self._actions += self._ahead.hears(frame, now_ms)
                self._rest(now_ms)
            case Known():
                self._actions.append(Learn(frame.ids) if len(frame.ids) <= KNOWN_FRAME_MAX else Close(Protocol.code))
            case schemas.Passing():
                self._actions += self.hearing.hear(frame, now_ms)
            case schemas.Bye():
                self._close(frame.code)
            case _:
                self._heads(frame)

    def _entries(self, take: Take, runs: list[Run], now_ms: int) -> None:
        space, number = take.space, take.n
        if number != self._received + 1:
            self._close(Protocol.code)
            return
        if sum(n > 0 for n in self._taking) + len(self._unpacking) >= CREDITS:
            self._close(TooMuch.code)
            return
        self._received = number
        if (code := fault(self._here, self._peer, take, runs)) is not None:
            self._refuse(space, number, code)
            return
        fresh = fresh_ends(runs, lambda sub: self._end(space, sub))
        if fresh is None:
            self._send(No(space, number, Gap.code))
            self._ask(space, now_ms, GAP_MS)
            return
        self._arrived[space] = now_ms
        apart = self._here.stand_apart(space)
        relays = any(run.provider != self.provider and run.last > self._arriving(space, run.sub) for run in runs)
        if relays or any(run.sub in apart for run in runs) or self._unpacking:
            self._unpacking[number] = (space, fresh)
            self._actions.append(Unpack(space, number, take.packed, take.entries))
        else:
            self._begin(take, [(run.sub, run.last) for run in runs])

    def _take(self, space: SpaceId, n: int, entries: list[Entry]) -> None:
        take = Take(space, n, entries, apart=self._here.stand_apart(space))
        self._begin(take, [(sublog(one.p, one.i), one.n) for one in entries])

    def _begin(self, take: Take, places: list[tuple[str, int]]) -> None:
        space = take.space
        ends: dict[str, int] = {}
        for sub, seq in places:
            ends[sub] = max(ends.get(sub, self._arriving(space, sub)), seq)
        self._expected.setdefault(space, {}).update(ends)
        self._detours.goes(space, places)
        self._taking[take.n] = (space, places)
        self._push.heard(space, ends)
        self._peer.wrote(space, ends)
        self._actions.append(take)

    def _heads(self, frame: Heads | WantHeads) -> None:
        """The partner gives signed heads, or asks for some."""
        is_well = is_frame(frame) if isinstance(frame, Heads) else is_vector(frame.after)
        if not is_well:
            self._close(Protocol.code)
        elif isinstance(frame, WantHeads) and not self._here.is_shared(self.provider, frame.sp):
            self._send(No(frame.sp, 0, NotHeld.code))
        elif self._here.may_bring(self.provider, frame.sp):
            self._actions += self._vouching.hears(frame)

    def _end(self, space: SpaceId, sub: str) -> int:
        """How far a sub-log gets with all that came."""
        unpacking = [ends.get(sub, 0) for where, ends in self._unpacking.values() if where == space]
        return max(self._arriving(space, sub), self._vouching.end(space, sub), *unpacking, 0)

    def _arriving(self, space: SpaceId, sub: str) -> int:
        """How far a sub-log gets with what is on its way to the disk."""
        on_its_way = max(self._here.seq(space, sub), self._expected.get(space, {}).get(sub, 0))
        return on_its_way if (apart := self._detours.end(space, sub)) is None else apart

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
        is_welcome = is_vector(vector) and self._here.may_bring(self.provider, space)
        if not is_welcome or not self._peer.introduce(space, 0, self._here):
            return False
        true, contradictions = believed(self._here, space, reach)
        self._actions += contradictions
        self._peer.covers(space, true, now_ms, self._here)
        self._push.heard(space, vector)
        self._send(self._vouching.want(space, now_ms))
        if again := self._detours.again(space, true):
            self._ask(space, now_ms, 0, again)
        return any(self._lacks(space, sub, mark, now_ms) for sub, mark in reach.items())

    def _lacks(self, space: SpaceId, sub: str, mark: Mark, now_ms: int) -> bool:
        is_aside = self._aside.get((space, sub), 0) > now_ms
        return mark.seq > self._end(space, sub) and not self._here.is_ours(sub) and not is_aside

    def _ask(self, space: SpaceId, now_ms: int, patience_ms: int, again: dict[str, int] | None = None) -> None:
        """Ask for what is missing, unless it was asked for just now."""
        self._actions += self._ahead.ask(space, self._end, now_ms)
        asked = self._asked.get(space)
        if (asked is None or now_ms - asked >= patience_ms) and not self._ahead.is_first(space):
            self._asked[space] = now_ms
            held, expected = self._vouching.subs(space), self._expected.get(space, {})
            ends = {sub: self._end(space, sub) for sub in sorted({*self._here.reach.get(space, {}), *expected, *held})}
            self._send(Want(space, ends | self._vouching.again(space) | (again or {})))

    def _release(self, space: SpaceId, now_ms: int) -> tuple[list[Entry], list[str]]:
        covered, wrong, is_unclear = self._vouching.release(space)
        self._aside.update({(space, sub): now_ms + ASIDE_MS for sub in wrong})
        if is_unclear:
            self._ask(space, now_ms, 0)
        return covered, wrong

    def _rest(self, now_ms: int) -> None:
        for space in self._ahead.waited(now_ms):
            self._ask(space, now_ms, WANT_AGAIN_MS)

    def _no(self, frame: No) -> None:
        if not self._push.answered(frame.n):
            self._close(Protocol.code)
        self._push.forget(frame.sp)

    def _want(self, frame: Want) -> None:
        if not self._here.is_shared(self.provider, frame.sp):
            self._send(No(frame.sp, 0, NotHeld.code))
        elif not is_vector(frame.after):
            self._close(Protocol.code)
        else:
            self._push.wanted(frame.sp, frame.after, self._here.vector(frame.sp))

    def _refuse(self, space: SpaceId, n: int, code: str) -> None:
        self._refused += 1
        self._send(No(space, n, code))
        if self._refused > FRAMES_REFUSED_MAX:
            self._close(code)

    def _digest(self, spaces: Iterable[SpaceId], links: Iterable[ProviderId]) -> None:
        for one in digests(self._here, spaces, sorted(links)):
            self._send(one)
        self._changed.clear()

    def _send(self, frame: schemas.Frame | None) -> None:
        if frame is not None:
            self._actions.append(Send(_encoder.encode(frame)))

    def _close(self, code: str) -> None:
        self._actions.append(Close(code))
