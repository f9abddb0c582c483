"""A partner that does not keep to what was agreed: what it says on its links is twisted on the way out.

It holds keys of its own only: it can leave out, repeat, damage, invent and lie, and sign what a device of its own says.
"""

import random
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from verbund.base.ids import ProviderId, SpaceId, b64, unb64
from verbund.log.core import DOMAIN
from verbund.log.entry import VOID, Entry, chain, sublog
from verbund.partners.schemas import Digest, Entries, Frame, Have, Mark

if TYPE_CHECKING:
    from tests.simulation.partner import Link, Partner

STASH_MAX = 20
_frame = msgspec.json.Decoder(Frame)
_encode = msgspec.json.Encoder().encode


class Rogue:
    """Twists the frames of one provider. `armed`: the tricks that are to be played at the next chance."""

    def __init__(self, provider: "Partner", chance: random.Random) -> None:
        self.provider, self.chance = provider, chance
        self.armed: deque[str] = deque()
        self.played: list[str] = []
        #: To whom, space, sub-log → the chain of the other history that is told there.
        self.has_forked = False
        self.forks: dict[tuple[ProviderId, SpaceId, str], tuple[int, bytes]] = {}
        self._stash: deque[bytes] = deque(maxlen=STASH_MAX)
        #: Links on which it says no entries any more.
        self._withheld: set[int] = set()

    def say(self, link: "Link", raw: bytes) -> list[bytes]:
        """What goes out in place of this frame."""
        if not raw.startswith(b"{"):
            return [raw]
        frame = _frame.decode(raw)
        if isinstance(frame, Entries):
            if id(link) in self._withheld:
                return []
            frame = self._other_history(link, frame)
        elif isinstance(frame, Digest | Have):
            frame = self._consistent(link, frame)
        said = [_encode(frame)]
        for trick in self.chance.sample(list(self.armed), len(self.armed)):
            twisted = TRICKS[trick](self, link, frame)
            if twisted is not None:
                self.armed.remove(trick)
                self.played.append(trick)
                said = twisted
                break
        self._stash.append(raw)
        return said

    # Tricks: what is said instead, or None when this frame is not the one for it

    def _withhold(self, link: "Link", frame: Any) -> list[bytes] | None:
        if not isinstance(frame, Entries):
            return None
        self._withheld.add(id(link))
        return []

    def _replay(self, link: "Link", frame: Any) -> list[bytes] | None:
        return [_encode(frame), self.chance.choice(self._stash)] if self._stash else None

    def _damage(self, link: "Link", frame: Any) -> list[bytes] | None:
        """One byte is another one."""
        raw = bytearray(_encode(frame))
        raw[self.chance.randrange(len(raw))] ^= 1 << self.chance.randrange(8)
        return [bytes(raw)]

    def _garble(self, link: "Link", frame: Any) -> list[bytes] | None:
        """An entry says another time, state, core or signature than it did."""
        if not isinstance(frame, Entries):
            return None
        number = self.chance.randrange(len(frame.e))
        one = frame.e[number]
        wrong: dict[str, Any] = self.chance.choice([
            {"at": one.at + 1}, {"x": 0 if one.x == VOID else VOID}, {"s": b64(bytes(64))}, {"c": one.c[:-1]},
            {"b": '{"text":"gefälscht"}'}, {"i": one.i + 1}, {"n": one.n + 1}, {"h": b64(bytes(32))},
        ])  # fmt: skip
        entries = [*frame.e[:number], msgspec.structs.replace(one, **wrong), *frame.e[number + 1 :]]
        return [_encode(msgspec.structs.replace(frame, e=entries))]

    def _missign(self, link: "Link", frame: Any) -> list[bytes] | None:
        """What devices wrote, with signatures by another key: its own."""
        if not isinstance(frame, Entries):
            return None
        sign = self.provider.key.sign
        wrong = [msgspec.structs.replace(one, s=b64(sign(DOMAIN + one.c.encode()))) for one in frame.e]
        return [_encode(msgspec.structs.replace(frame, e=wrong))]

    def _lie(self, link: "Link", frame: Any) -> list[bytes] | None:
        """It says to be further than it is, in its own sub-logs and in those of others."""
        if not isinstance(frame, Digest) or not frame.sp:
            return None
        more = {
            space: {
                sub: Mark(mark.seq + self.chance.randint(1, 50), mark.chain, mark.seq) for sub, mark in reach.items()
            }
            for space, reach in frame.sp.items()
        }
        return [_encode(msgspec.structs.replace(frame, sp=more))]

    def _fork(self, link: "Link", frame: Any) -> list[bytes] | None:
        """From here on this partner is told another history of the own sub-log than others are."""
        if not isinstance(frame, Entries):
            return None
        own = [one for one in frame.e if one.p == self.provider.provider]
        if not own:
            return None
        first = own[0]
        key = (link.provider, frame.sp, sublog(first.p, first.i))
        if key in self.forks:
            return None
        before = self._chain_before(frame.sp, first)
        self.forks[key] = (first.n - 1, before)
        self.has_forked = True
        return [_encode(self._other_history(link, frame, first.n))]

    def _flood(self, link: "Link", frame: Any) -> list[bytes] | None:
        """Frames that no release sends."""
        wrong = [b"", b"{}", b'{"f":"entries"}', b"[" * 2_000, _encode(frame)[:-1], b"\xc1" * 64]
        return [self.chance.choice(wrong), _encode(frame)]

    # Other histories

    def _chain_before(self, space: SpaceId, one: Entry) -> bytes:
        if one.n == 1:
            return bytes(32)
        vector = {**self.provider.vectors()[space], sublog(one.p, one.i): one.n - 2}
        return unb64(self.provider.entries(space, vector, 1)[0].h)

    def _other_history(self, link: "Link", frame: Entries, begins: int = 0) -> Entries:
        """The same with the times and chains of the history that is told there."""
        entries = []
        for one in frame.e:
            key = (link.provider, frame.sp, sublog(one.p, one.i))
            seq, before = self.forks.get(key, (0, b""))
            if not before or one.n != seq + 1:
                entries.append(one)
                continue
            at = one.at + 1 if one.n == begins else one.at
            after = chain(before, one.p, one.i, one.n, one.id, at, one.x == VOID)
            self.forks[key] = (one.n, after)
            entries.append(msgspec.structs.replace(one, at=at, h=b64(after)))
        return msgspec.structs.replace(frame, e=entries)

    def _consistent(self, link: "Link", frame: Digest | Have) -> Digest | Have:
        """What it says of its own sub-log fits what was told there."""

        def told(space: SpaceId, reach: dict[str, Mark]) -> dict[str, Mark]:
            found = {}
            for sub, mark in reach.items():
                seq, after = self.forks.get((link.provider, space, sub), (0, b""))
                found[sub] = Mark(mark.seq, b64(after), mark.blobs) if seq == mark.seq else mark
            return found

        if isinstance(frame, Have):
            return msgspec.structs.replace(frame, v=told(frame.sp, frame.v))
        return msgspec.structs.replace(frame, sp={space: told(space, reach) for space, reach in frame.sp.items()})

    def forget(self, provider: ProviderId) -> None:
        """That one lost its disk: it is told everything anew."""
        self.forks = {key: end for key, end in self.forks.items() if key[0] != provider}

    def behave(self) -> None:
        """It plays no more tricks; what it told before stays as it was."""
        self.armed.clear()
        self._withheld.clear()


TRICKS: dict[str, Callable[["Rogue", "Link", Any], list[bytes] | None]] = {
    "rogue_withholds": Rogue._withhold,
    "rogue_replays": Rogue._replay,
    "rogue_damages": Rogue._damage,
    "rogue_garbles": Rogue._garble,
    "rogue_lies": Rogue._lie,
    "rogue_forks": Rogue._fork,
    "rogue_floods": Rogue._flood,
    "rogue_missigns": Rogue._missign,
}
#: Of these a schedule with a rogue has some.
COMMON = [trick for trick in TRICKS if trick != "rogue_missigns"]
