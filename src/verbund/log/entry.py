"""Entry: the place of a core in a provider's sub-log, and the chain that binds the places. Pure."""

from hashlib import sha256

import msgspec

from verbund.base.ids import CoreId, ProviderId, SpaceId, b64, is_hash, unb64
from verbund.base.refusal import Refusal
from verbund.log.core import Parcel

DOMAIN = b"verbund/entry/1\0"
CHAIN_START = bytes(32)

SETTLED, WAITING, QUARANTINED, VOID = 0, 1, 2, 3
#: On the wire only: set aside, as this release does not know its kind; a newer one does.
NEWER = 4


class BrokenChain(Refusal):
    """de: Der andere Anbieter hat Einträge gesendet, die nicht zueinander passen. Sie wurden nicht übernommen.
    en: The other provider sent entries that do not fit together. They were not taken over."""

    code = "log.broken_chain"
    status = 422


class Place(msgspec.Struct, frozen=True, gc=False):
    """Where an entry stands: (provider, incarnation, seq), the chain up to it (32 bytes), when it was taken in (ms)."""

    provider: ProviderId
    incarnation: int
    seq: int
    chain: bytes
    at: int
    void: bool


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """An entry on the wire. `x`: 0 settled, 1 waiting, 2 quarantined, 3 void, 4 newer; `o`: the sender's order."""

    id: CoreId
    p: ProviderId
    i: int
    n: int
    h: str
    at: int
    x: int
    c: str
    s: str
    sa: str | None
    b: str | None
    o: int = 0

    @property
    def parcel(self) -> Parcel:
        return Parcel(self.c, self.s, self.sa, self.b)


def chain(previous: bytes, provider: str, incarnation: int, seq: int, core: str, at: int, void: bool) -> bytes:
    """The chain after this entry (32 bytes), from the chain before it."""
    # Canonical JSON, as ids and numbers have one spelling.
    x = VOID if void else SETTLED
    envelope = f'{{"at":{at},"i":{incarnation},"id":"{core}","n":{seq},"p":"{provider}","x":{x}}}'
    return sha256(DOMAIN + previous + envelope.encode("ascii")).digest()


def check_place(entry: Entry, previous: bytes) -> Place:
    """The place of an entry that follows `previous`. Raises BrokenChain."""
    void = entry.x == VOID
    if not is_hash(entry.p):
        raise BrokenChain(provider=entry.p, seq=entry.n)
    expected = chain(previous, entry.p, entry.i, entry.n, entry.id, entry.at, void)
    if b64(expected) != entry.h:
        raise BrokenChain(provider=entry.p, seq=entry.n)
    return Place(entry.p, entry.i, entry.n, expected, entry.at, void)


def sublog(provider: str, incarnation: int) -> str:
    """The key of a sub-log in a vector."""
    return f"{provider}.{incarnation}"


def split_sublog(key: str) -> tuple[ProviderId, int]:
    """(provider, incarnation) of a vector's key. Raises ValueError."""
    provider, _, incarnation = key.partition(".")
    unb64(provider)
    return ProviderId(provider), int(incarnation)


Vector = dict[str, int]


def frame(space: SpaceId, entries: list[bytes]) -> bytes:
    """The `entries` frame from entries that are encoded already: a fan-out encodes once."""
    return b'{"f":"entries","sp":"' + space.encode("ascii") + b'","e":[' + b",".join(entries) + b"]}"
