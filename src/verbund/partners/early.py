"""One link's part in what goes ahead of the rest: who is far behind asks for the newest of a space first. Sans-IO.

While the rest is on its way it asks again and again, for what is new since.
"""

from collections.abc import Callable, Iterable, Iterator

import msgspec

from verbund.base.canonical import INTEGER_MAX
from verbund.base.ids import SpaceId
from verbund.log.entry import Entry
from verbund.log.newest import EARLY_BYTES_MAX, EARLY_MAX, Newest
from verbund.partners.actions import Action, Close, GiveNewest, Send, TakeNewest
from verbund.partners.forms import is_of, is_vector
from verbund.partners.here import Here
from verbund.partners.peer import Peer
from verbund.partners.refusals import NotHeld, Protocol
from verbund.partners.schemas import AHEAD, Early, No, WantEarly

#: Who lacks fewer of a space has it soon anyway.
BEHIND_MIN = 3_000
AGAIN_MS = 500
#: So long the rest waits for the newest.
FIRST_MS = 3_000
#: How long an answer may take.
ANSWER_MS = 10_000
#: What failed here is tried again after so long, after twice as long each time that it fails again.
FAILED_MS, FAILED_MS_MAX = 2_000, 5 * 60_000
FRAME_BYTES_MAX = 200 * 1024
SPACES_MAX = 100
_encoder = msgspec.json.Encoder()


class _Rest(msgspec.Struct):
    """What fails here again and again is left alone for longer and longer."""

    until_ms: int = 0
    failures: int = 0

    def failed(self, now_ms: int) -> None:
        self.until_ms = now_ms + min(FAILED_MS << min(self.failures, 30), FAILED_MS_MAX)
        self.failures += 1


class _Asked(msgspec.Struct):
    """Of one space: since when, when last, up to where the partner's order was looked through."""

    first_ms: int
    last_ms: int
    reached: int = 0
    is_open: bool = False
    #: Whether the rest may not be asked for yet.
    is_first: bool = True
    parts: list[Entry] = []
    size: int = 0
    rest: _Rest = msgspec.field(default_factory=_Rest)


class Ahead:
    """Both ways of one link."""

    def __init__(self, here: Here, peer: Peer, protocol: int) -> None:
        self._here, self._peer, self._speaks = here, peer, protocol >= AHEAD
        self._asked: dict[SpaceId, _Asked] = {}
        self._giving, self._rest = False, _Rest()

    # Who asks. `end`: how far a sub-log gets with all that came

    def overdue(self, end: Callable[[SpaceId, str], int], now_ms: int) -> list[Send]:
        """What has to be asked again."""
        return [one for space in list(self._asked) for one in self.ask(space, end, now_ms)]

    def ask(self, space: SpaceId, end: Callable[[SpaceId, str], int], now_ms: int) -> list[Send]:
        """The question for now, where much of the space is missing."""
        asked, after = self._asked.get(space), self._here.vector(space)
        if not self._speaks or self._behind(space, end) < BEHIND_MIN or not is_vector(after):
            self._asked.pop(space, None)
            return []
        if asked is None:
            if len(self._asked) >= SPACES_MAX:
                return []
            asked = self._asked[space] = _Asked(now_ms, now_ms)
        elif now_ms - asked.last_ms < (ANSWER_MS if asked.is_open else AGAIN_MS) or now_ms < asked.rest.until_ms:
            return []
        asked.last_ms, asked.is_open, asked.parts, asked.size = now_ms, True, [], 0
        return [Send(_encoder.encode(WantEarly(space, after, asked.reached)))]

    def _behind(self, space: SpaceId, end: Callable[[SpaceId, str], int]) -> int:
        """How many entries the partner has that are not here."""
        marks = self._peer.reach.get(space, {}).items()
        return sum(max(0, mark.seq - end(space, sub)) for sub, mark in marks if not self._here.is_ours(sub))

    def is_first(self, space: SpaceId) -> bool:
        """Whether the rest has to wait, as nothing of this space came ahead yet."""
        asked = self._asked.get(space)
        return asked is not None and asked.is_first

    def waited(self, now_ms: int) -> list[SpaceId]:
        """The spaces of which the rest need not wait any more, each told once: nobody else would ask for it soon."""
        first = [one for one in self._asked.items() if one[1].is_first]
        found = [one for one in first if one[1].reached or now_ms - one[1].first_ms >= FIRST_MS]
        for _, asked in found:
            asked.is_first = False
        return [space for space, _ in found if self._here.may_bring(self._peer.provider, space)]

    def taken(self, found: TakeNewest, is_well: bool) -> None:
        """It is on disk, or could not be taken yet."""
        asked = self._asked.get(found.space)
        if asked is not None:
            asked.is_open = False
            if is_well:
                asked.reached, asked.rest = found.reached, _Rest()

    def failed(self, action: GiveNewest | TakeNewest, now_ms: int) -> list[Action]:
        """It could not be read or written here, for no fault of the partner's: not again for a while.

        The partner hears that nothing goes ahead; the rest need not wait for what cannot be written.
        """
        if isinstance(action, GiveNewest):
            self._rest.failed(now_ms)
            self._giving = False
            return _nothing(action.space)
        asked = self._asked.get(action.space)
        if asked is not None:
            asked.is_open = False
            asked.first_ms -= FIRST_MS
            asked.rest.failed(now_ms)
        return []

    def hears(self, frame: WantEarly | Early, now_ms: int) -> list[Action]:
        """The partner asks, one question at a time; or it answers."""
        if isinstance(frame, Early):
            return self._hears_part(frame)
        if not self._here.is_shared(self._peer.provider, frame.sp):
            return [Send(_encoder.encode(No(frame.sp, 0, NotHeld.code)))]
        if not is_vector(frame.after) or not 0 <= frame.since < INTEGER_MAX:
            return [Close(Protocol.code)]
        if self._giving:
            return []
        if now_ms < self._rest.until_ms:
            return _nothing(frame.sp)
        self._giving = True
        return [GiveNewest(frame.sp, frame.after, frame.since)]

    def _hears_part(self, frame: Early) -> list[Action]:
        """What was not asked for, or is too much, is not looked at."""
        asked = self._asked.get(frame.sp)
        is_welcome = self._here.may_bring(self._peer.provider, frame.sp) and 0 <= frame.o < INTEGER_MAX
        if asked is None or not asked.is_open or not is_welcome:
            return []
        asked.parts += frame.e
        asked.size += sum(len(one.c) + len(one.b or "") for one in frame.e)
        is_much = asked.size > EARLY_BYTES_MAX or len(asked.parts) > EARLY_MAX
        if is_much or not all(is_of(frame.sp, one) for one in frame.e):
            asked.is_open, asked.parts = False, []
            return []
        if not frame.last:
            return []
        found, asked.parts = asked.parts, []
        if not found:  # nothing is new, or nothing goes ahead: the rest need not wait
            asked.is_open, asked.reached = False, max(asked.reached, frame.o)
            asked.first_ms -= FIRST_MS
            return []
        return [TakeNewest(frame.sp, found, frame.o)]

    # Who is asked

    def given(self, space: SpaceId, found: Newest | None) -> list[Action]:
        """The answer; without anything in it where it would be too much."""
        self._giving, self._rest = False, _Rest()
        return [Send(one) for one in _frames(space, found)] if found is not None else _nothing(space)


def _nothing(space: SpaceId) -> list[Action]:
    return [Send(one) for one in _frames(space, Newest([], 0))]


def _frames(space: SpaceId, found: Newest) -> Iterator[bytes]:
    for part, is_last in _parts(found.entries):
        last = "true" if is_last else "false"
        head = f'{{"f":"early","sp":"{space}","o":{found.reached},"last":{last},"e":['
        yield head.encode("ascii") + b",".join(part) + b"]}"


def _parts(entries: Iterable[bytes]) -> Iterator[tuple[list[bytes], bool]]:
    part: list[bytes] = []
    size = 0
    for one in entries:
        if part and size + len(one) > FRAME_BYTES_MAX:
            yield part, False
            part, size = [], 0
        part.append(one)
        size += len(one)
    yield part, True
