"""One link's part in signed heads: what waits for one, which are asked for, given on, looked at. Sans-IO."""

from collections import deque
from collections.abc import Callable

from verbund.base.ids import SpaceId, unb64
from verbund.log.entry import CHAIN_START, BrokenChain, Entry, check_place, sublog
from verbund.partners.actions import Check, Give
from verbund.partners.held import Held
from verbund.partners.here import Here
from verbund.partners.peer import Peer
from verbund.partners.schemas import Certificate, Head, Heads, WantHeads

#: A frame holds so many heads at most: each is less than 1 KiB.
HEADS_FRAME_MAX = 128
CERTIFICATES_FRAME_MAX = 64
#: So many frames of heads are looked at at once, so many more wait; what is beyond is left away, and asked for again.
CHECKS_MAX = 4
UNCHECKED_MAX = 64
QUESTIONS_MAX = DOUBTED_MAX = 1_000
ASK_MS = 4_000
ASK_SOON_MS = 1_000


class Vouching:
    """Of one link."""

    def __init__(self, here: Here, peer: Peer) -> None:
        self._here, self._peer = here, peer
        self._held = Held()
        #: Sub-logs of which something signed does not follow on what is here → what it follows on at the partner's.
        self._doubted: dict[tuple[SpaceId, str], Entry | None] = {}
        self._asked: dict[SpaceId, int] = {}
        #: Spaces in which the partner has more than is vouched for here.
        self._unsure: dict[SpaceId, None] = {}
        self._checking = 0
        #: Frames of heads whose turn it is not yet; questions, the first of them being answered.
        self._unchecked: deque[Heads] = deque()
        self._questions: dict[SpaceId, dict[str, int]] = {}

    def end(self, space: SpaceId, sub: str) -> int:
        """How far a sub-log gets with what waits here."""
        return self._held.end(space, sub)

    def subs(self, space: SpaceId) -> list[str]:
        return self._held.subs(space)

    def unforked(self, space: SpaceId, entries: list[Entry]) -> tuple[set[str], list[Entry]]:
        """(the sub-logs of which something is another than what their provider signed, what is of none of these).

        Whoever was told a forged history gives it on in good faith, and its own beside it, which counts.
        """
        signed = self._here.vouched.chain
        subs = [sublog(one.p, one.i) for one in entries]
        forked = {sub for sub, one in zip(subs, entries, strict=True) if (signed(space, sub, one.n) or one.h) != one.h}
        return forked, [one for sub, one in zip(subs, entries, strict=True) if sub not in forked]

    def sort(self, space: SpaceId, entries: list[Entry], end: Callable[[str], int]) -> list[Entry] | None:
        """What can be taken in at once: what the partner wrote itself, what this provider did before it lost its disk,
        what is known. The rest waits.

        `end`: how far a sub-log gets without what waits. None when there is no room for what would have to wait.
        """
        direct = []
        for one in entries:
            sub = sublog(one.p, one.i)
            if (space, sub) in self._doubted and one.n == self._here.seq(space, sub):
                self._doubted[space, sub] = one
            if one.p in (self._peer.provider, self._here.own) or one.n <= end(sub):
                direct.append(one)
            elif one.n > self._held.end(space, sub) and not self._held.add(space, sub, one):
                return None
        return direct

    def release(self, space: SpaceId) -> tuple[list[Entry], list[str], bool]:
        """(what signed heads cover now, the sub-logs in which they contradict what came, whether to ask anew).

        Of what they cover, but does not follow on what is here, the one before it is asked for, too: whether another
        history is here, or the partner spoiled this one.
        """
        covered: list[Entry] = []
        wrong, is_unclear = [], False
        for sub in self._held.subs(space):
            found = self._held.release(space, sub, self._here.seq(space, sub), self._here.vouched)
            if found is None:
                wrong.append(sub)
            elif found and not self._follows(space, sub, found[0]):
                self._held.drop(space, sub)
                may_be = self._doubts(space, sub, found)
                is_unclear |= may_be
                wrong += [] if may_be else [sub]
            elif found:
                covered += found
                self._doubted.pop((space, sub), None)
        return covered, wrong, is_unclear

    def again(self, space: SpaceId) -> dict[str, int]:
        """The sub-logs of which the partner is to give the last one that is here, too → the number before it."""
        doubted = [sub for (where, sub), before in self._doubted.items() if where == space and before is None]
        return {sub: self._here.seq(space, sub) - 1 for sub in doubted}

    def _follows(self, space: SpaceId, sub: str, first: Entry) -> bool:
        mark = self._here.reach.get(space, {}).get(sub)
        is_next = first.n == (mark.seq if mark is not None else 0) + 1  # else what is between is on its way to the disk
        return not is_next or follow(unb64(mark.chain) if mark is not None else CHAIN_START, [first])

    def _doubts(self, space: SpaceId, sub: str, found: list[Entry]) -> bool:
        """Whether this may be what its provider signed: whether it does is asked, or proven by what it follows on."""
        mark, place = self._here.reach.get(space, {}).get(sub), (space, sub)
        if mark is None:
            return False
        if place not in self._doubted and len(self._doubted) < DOUBTED_MAX:
            self._doubted[place] = None
            return True
        before = self._doubted.pop(place, None)
        is_other = before is not None and before.n == mark.seq and before.h != mark.chain
        if before is None or not is_other or not follow(unb64(before.h), found):
            return False
        self._here.stands_apart(space, sub)
        return True

    def drop(self, space: SpaceId, sub: str) -> None:
        """What waits of this sub-log is wrong, or has nothing to follow on."""
        self._held.drop(space, sub)

    def want(self, space: SpaceId, now_ms: int, patience_ms: int = ASK_MS) -> WantHeads | None:
        """What to ask for, unless it was asked for just now."""
        vouched, lacking = self._here.vouched, {}
        for sub, mark in self._peer.reach.get(space, {}).items():
            seq = vouched.seq(space, sub)
            if mark.seq > seq and vouched.has_room(space, sub) and not self._here.is_ours(sub):
                lacking[sub] = seq
        if not lacking:
            self._unsure.pop(space, None)
            return None
        self._unsure[space] = None
        asked = self._asked.get(space)
        if asked is not None and now_ms - asked < patience_ms:
            return None
        self._asked[space] = now_ms
        return WantHeads(space, lacking)

    def overdue(self, now_ms: int) -> list[WantHeads]:
        """What has to be asked for again, as no answer brought it."""
        asked = [self.want(space, now_ms) for space in list(self._unsure)]
        return [one for one in asked if one is not None]

    def hears(self, frame: Heads | WantHeads) -> list[Check | Give]:
        """The partner gives heads, to be looked at if they can be; or asks, and is answered one after the other."""
        if isinstance(frame, WantHeads):
            is_idle = not self._questions
            if frame.sp in self._questions or len(self._questions) < QUESTIONS_MAX:
                self._questions[frame.sp] = frame.after
            return [Give(frame.sp, frame.after)] if is_idle else []
        if not frame.h:
            return []
        if self._checking < CHECKS_MAX:
            self._checking += 1
            return [Check(frame)]
        if len(self._unchecked) < UNCHECKED_MAX:
            self._unchecked.append(frame)
        return []

    def checked(self, frame: Heads, now_ms: int) -> list[WantHeads | Check]:
        """They were looked at, and what is good of them is noted; whether to ask for more at once, what is next."""
        question = self.want(frame.sp, now_ms, 0 if len(frame.h) == HEADS_FRAME_MAX else ASK_SOON_MS)
        found: list[WantHeads | Check] = [] if question is None else [question]
        if self._unchecked:
            return [*found, Check(self._unchecked.popleft())]
        self._checking -= 1
        return found

    def given(
        self, space: SpaceId, certificates: list[Certificate], heads: list[Head]
    ) -> tuple[Heads | None, Give | None]:
        """(the answer, what is to be read next)."""
        self._questions.pop(space, None)
        following = next((Give(*one) for one in self._questions.items()), None)
        return Heads(space, certificates, heads) if heads else None, following


def follow(before: bytes, entries: list[Entry]) -> bool:
    """Whether each of them follows on the one before it, the first on this chain."""
    try:
        for one in entries:
            before = check_place(one, before).chain
    except BrokenChain:
        return False
    return True


def is_frame(frame: Heads) -> bool:
    return len(frame.h) <= HEADS_FRAME_MAX and len(frame.c) <= CERTIFICATES_FRAME_MAX
