"""Shapes between providers: who they are, the frames of a link."""

from typing import Any

from msgspec import Struct

from verbund.base.ids import AccountId, ProviderId, SpaceId
from verbund.log.columns import Run
from verbund.log.entry import Entry, sublog

#: What this release speaks; of what both sides speak, the highest counts. From PACKED on entries come as `Bulk`;
#: from DELIVERS on a partner brings bytes to one that cannot call it; from AHEAD on the newest can be asked for first.
PROTOCOLS = (1, 2, 3)
PACKED = 2
DELIVERS = AHEAD = 3


class Identity(Struct, frozen=True, forbid_unknown_fields=True):
    """Who a provider is: its root key, and the device of the present incarnation, certified by it."""

    provider: str
    alg: str
    key: str
    incarnation: int
    device_alg: str
    device_key: str
    certificate: str


class Mark(Struct, frozen=True, array_like=True):
    """How far a provider has a sub-log: last `seq` on disk, core and body; the chain there; `blobs`: the last seq up
    to which every named blob is there too.
    """

    seq: int
    chain: str
    blobs: int


#: Sub-log (`<provider>.<incarnation>`) → how far.
Reach = dict[str, Mark]


class Hello(Struct, frozen=True, tag_field="f", tag="hello"):
    """The first frame of both sides. `url`: the address that was dialled, empty from who was dialled; `home`: the
    sender's own.
    """

    identity: Identity
    nonce: str
    protocol: list[int]
    url: str
    home: str


class Proof(Struct, frozen=True, tag_field="f", tag="proof"):
    """The second frame of both sides: signed by the device, over the other's nonce."""

    sig: str


class Digest(Struct, frozen=True, tag_field="f", tag="digest"):
    """How far the sender has these spaces, of those that both hold. `links`: the providers it is linked to now."""

    sp: dict[SpaceId, Reach]
    links: list[ProviderId]


class Want(Struct, frozen=True, tag_field="f", tag="want"):
    """Send everything of a space that this vector does not cover."""

    sp: SpaceId
    after: dict[str, int]


class Entries(Struct, frozen=True, tag_field="f", tag="entries"):
    """Entries of a space. `n` counts the sender's frames of this sort, from 1; each is answered by `have` or `no`."""

    sp: SpaceId
    n: int
    e: list[Entry]


class Bulk(Struct, frozen=True, array_like=True):
    """Entries of a space, packed (see log/bulk.py), counted and answered like `entries`. MessagePack, not JSON."""

    sp: SpaceId
    n: int
    runs: list[Run]
    data: bytes


class Have(Struct, frozen=True, tag_field="f", tag="have"):
    """On disk here. `n`: the frame that this answers, and with it all before; 0 for none."""

    sp: SpaceId
    n: int
    v: Reach


class No(Struct, frozen=True, tag_field="f", tag="no"):
    """The frame with this number was refused: nothing of it was taken."""

    sp: SpaceId
    n: int
    code: str


class Known(Struct, frozen=True, tag_field="f", tag="known"):
    """Providers whose facts stand in spaces that both hold: who relays what they signed gives their keys with it. Each
    is proven by itself, whoever passes it on.
    """

    ids: list[Identity]


class Certificate(Struct, frozen=True, forbid_unknown_fields=True):
    """A provider's root key (`alg`, `root`) says which key signs its heads from `number` (ms) to `until` (ms).

    `revoked`: the numbers of keys that count no longer, as somebody else may have them. The greater number is newer.
    """

    p: ProviderId
    alg: str
    root: str
    key: str
    number: int
    until: int
    revoked: list[int]
    sig: str


class Head(Struct, frozen=True, forbid_unknown_fields=True):
    """The chain `h` after entry `n` of the sub-log (`p`, `i`), signed `at` (ms) with the key of number `key`.

    `index`, `size`, `path`: where it stands in the signed tree, and the hashes on the way to the root.
    """

    p: ProviderId
    i: int
    n: int
    h: str
    at: int
    key: int
    index: int
    size: int
    path: str
    sig: str

    @property
    def sub(self) -> str:
        return sublog(self.p, self.i)


class Heads(Struct, frozen=True, tag_field="f", tag="heads"):
    """Signed heads of sub-logs of a space, growing by number, whoever signed them; with the certificates they need."""

    sp: SpaceId
    c: list[Certificate]
    h: list[Head]


class WantHeads(Struct, frozen=True, tag_field="f", tag="want_heads"):
    """Send the signed heads of these sub-logs beyond these numbers, as many as a frame holds."""

    sp: SpaceId
    after: dict[str, int]


class WantEarly(Struct, frozen=True, tag_field="f", tag="want_early"):
    """Send what is needed first of a space, of what this vector does not cover: its authority, where each device
    stands, the newest. `since`: the place in the order of who is asked up to which that was done; then what is new.
    """

    sp: SpaceId
    after: dict[str, int]
    since: int


class Early(Struct, frozen=True, tag_field="f", tag="early"):
    """A part of what was asked for, causes first; each entry stands somewhere in the sub-logs that come later.

    `o`: the place in the sender's order up to which it was looked; `last`: there is no more.
    """

    sp: SpaceId
    o: int
    last: bool
    e: list[Entry]


class Passing(Struct, frozen=True, tag_field="f", tag="signal"):
    """Something that passes, of people who are at the sender's: who is there, who is writing. Kept nowhere."""

    sp: SpaceId
    k: str
    by: AccountId | None
    d: Any


class Deliver(Struct, frozen=True, tag_field="f", tag="deliver"):
    """Bring the bytes of a file from `first` on by requests of your own: you cannot be called. `ticket`: for what."""

    sp: SpaceId
    name: str
    first: int
    ticket: str


class Bye(Struct, frozen=True, tag_field="f", tag="bye"):
    """The last frame: why the link ends."""

    code: str


Opening = Hello | Proof | Bye
Frame = Digest | Want | Entries | Have | No | Known | Heads | WantHeads | WantEarly | Early | Passing | Bye


class PartnerStatus(Struct, frozen=True):
    """A partner as its operator's colleague sees it. `lag_ms`: how long the oldest entry waits for being on its disk.

    `backlog`: entries that it has not got yet; `equal_at`: when (ms) it last had everything; `proofs`: contradictions
    in what it said.
    """

    provider: ProviderId
    url: str
    linked: bool
    lag_ms: int
    backlog: int
    equal_at: int | None
    proofs: int
