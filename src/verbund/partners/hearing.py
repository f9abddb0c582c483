"""What passes on a link beside the log: who is there, who is writing. Sans-IO; the time is passed in (ms)."""

from typing import Any, NamedTuple

import msgspec

from verbund.base.ids import AccountId, ProviderId, SpaceId
from verbund.partners.here import Here
from verbund.partners.schemas import PACKED, Passing

PRESENCE, TYPING = "presence", "typing"
KINDS = frozenset({PRESENCE, TYPING})
BYTES_MAX = 32 * 1024
PER_S = 100
#: A link that begins says of every space who is there.
BURST = 2_000
_encoder = msgspec.json.Encoder()


class Tell(NamedTuple):
    """Something passes, of people at the partner's: who is here and follows the space hears it."""

    space: SpaceId
    kind: str
    by: AccountId | None
    data: Any


class Hearing:
    """Both ways of one link. What is too much is not heard, and a partner of an earlier release is not told; nothing
    depends on it.
    """

    def __init__(self, here: Here, partner: ProviderId, now_ms: int, protocol: int) -> None:
        self._here, self._partner, self._is_told = here, partner, protocol >= PACKED
        self._patience, self._last_ms = float(BURST), now_ms

    def say(self, space: SpaceId, kind: str, data: Any, by: AccountId | None) -> bytes | None:
        """The frame that says it, where the partner is to hear it."""
        is_heard = self._is_told and self._here.is_shared(self._partner, space)
        return _encoder.encode(Passing(space, kind, by, data)) if is_heard else None

    def hear(self, frame: Passing, now_ms: int) -> list[Tell]:
        grown = max(0, now_ms - self._last_ms) * PER_S / 1000
        self._patience, self._last_ms = min(BURST, self._patience + grown), now_ms
        if self._patience < 1:
            return []
        self._patience -= 1
        is_sound = frame.k in KINDS and len(_encoder.encode(frame.d)) <= BYTES_MAX
        is_heard = is_sound and self._here.is_shared(self._partner, frame.sp)
        return [Tell(frame.sp, frame.k, frame.by, frame.d)] if is_heard else []
