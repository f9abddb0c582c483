"""Signed heads: what a provider vouches for of its sub-logs, so that nobody else can invent places in them. Pure.

Once a second at most a provider puts the heads that are new into a Merkle tree (RFC 9162, section 2.1) and signs its
root, with a key that its root key certifies for KEY_DAYS. A head goes with its way to that root and proves itself.
"""

from collections.abc import Sequence
from hashlib import sha256

from msgspec import Struct

from verbund.base import canonical
from verbund.base.ids import SpaceId, b64, unb64
from verbund.base.keys import ED25519, DeviceKey, PublicKey, check_key, verify
from verbund.partners.identity import NotProven
from verbund.partners.schemas import Certificate, Head

KEY_DOMAIN = b"verbund/head-key/1\0"
ROOT_DOMAIN = b"verbund/heads/1\0"
KEY_DAYS = 90
DAY_MS = 86_400_000
#: Every head at a multiple of this is signed and kept, and the last one: so many entries wait for one at most.
STRIDE = 64
TREE_MAX = 4_096
REVOKED_MAX = 64
HASH_BYTES = 32
#: How long after a new key the one before it may still have signed (ms): what was under way.
HANDOVER_MS = 60_000


class End(Struct, frozen=True):
    """What is to be signed: the chain (32 bytes) after entry `seq` of this sub-log."""

    space: SpaceId
    incarnation: int
    seq: int
    chain: bytes


def certify(root: DeviceKey, key: PublicKey, number: int, until: int, revoked: Sequence[int] = ()) -> Certificate:
    """`number`, `until` in ms; `revoked`: at most REVOKED_MAX numbers of older keys."""
    shown = Certificate(
        root.public.provider, root.public.alg, b64(root.public.raw), b64(key.raw), number, until, list(revoked), ""
    )
    signed = b64(root.sign(_certified(shown)))
    return Certificate(
        shown.p, shown.alg, shown.root, shown.key, shown.number, shown.until, shown.revoked, signed
    )  # fmt: skip


def check_certificate(shown: Certificate) -> PublicKey:
    """The key that it certifies. Raises NotProven, WeakKey."""
    try:
        root = check_key(PublicKey(shown.alg, unb64(shown.root)))
        key = check_key(PublicKey(ED25519, unb64(shown.key)))
        proven = verify(root, unb64(shown.sig), _certified(shown))
    except (ValueError, canonical.NotCanonical) as error:
        raise NotProven() from error
    lasts = 0 < shown.until - shown.number <= KEY_DAYS * DAY_MS
    if root.provider != shown.p or not proven or not lasts or len(shown.revoked) > REVOKED_MAX:
        raise NotProven()
    return key


def sign(key: DeviceKey, certificate: Certificate, ends: Sequence[End], at: int) -> list[Head]:
    """A head for each end, under one signature. At most TREE_MAX ends."""
    provider = certificate.p
    leaves = [_leaf(provider, one.space, one.incarnation, one.seq, one.chain) for one in ends[:TREE_MAX]]
    levels = _levels(leaves)
    sig = b64(key.sign(_rooted(provider, certificate.number, at, len(leaves), levels[-1][0])))
    return [
        Head(
            provider, one.incarnation, one.seq, b64(one.chain), at, certificate.number, index, len(leaves),
            b64(b"".join(_path(levels, index))), sig,
        )
        for index, one in enumerate(ends[:TREE_MAX])
    ]  # fmt: skip


def check_head(space: SpaceId, head: Head, certificate: Certificate) -> None:
    """Raises NotProven unless the key of this certificate, which is checked already, signed the head in its time."""
    try:
        key = PublicKey(ED25519, unb64(certificate.key))
        chain, steps = unb64(head.h), unb64(head.path)
        root = _climb(_leaf(head.p, space, head.i, head.n, chain), head.index, head.size, steps)
        signed = _rooted(head.p, head.key, head.at, head.size, root)
        proven = verify(key, unb64(head.sig), signed)
    except (ValueError, canonical.NotCanonical) as error:
        raise NotProven() from error
    mine = head.p == certificate.p and head.key == certificate.number
    if not mine or not proven or not certificate.number <= head.at <= certificate.until:
        raise NotProven()


def counts(head: Head, known: Sequence[Certificate]) -> bool:
    """Whether a head still counts with what is known of its provider's keys: a key ends with the next one, and at once
    where a later certificate revokes it.
    """
    later = [one for one in known if one.number > head.key]
    if any(head.key in one.revoked for one in later):
        return False
    return not later or head.at <= min(one.number for one in later) + HANDOVER_MS


def _certified(shown: Certificate) -> bytes:
    return KEY_DOMAIN + canonical.encode({
        "key": shown.key, "number": shown.number, "provider": shown.p, "revoked": list(shown.revoked),
        "until": shown.until,
    })  # fmt: skip


def _rooted(provider: str, key: int, at: int, size: int, root: bytes) -> bytes:
    return ROOT_DOMAIN + canonical.encode({
        "at": at, "key": key, "provider": provider, "root": b64(root), "size": size,
    })  # fmt: skip


def _leaf(provider: str, space: str, incarnation: int, seq: int, chain: bytes) -> bytes:
    said = {"chain": b64(chain), "i": incarnation, "n": seq, "p": provider, "sp": space}
    return sha256(b"\0" + canonical.encode(said)).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\1" + left + right).digest()


def _levels(leaves: list[bytes]) -> list[list[bytes]]:
    """From the leaves to the root; who has no neighbour goes up as it is."""
    levels = [leaves]
    while len(levels[-1]) > 1:
        below = levels[-1]
        pairs = [_node(below[at], below[at + 1]) for at in range(0, len(below) - 1, 2)]
        levels.append(pairs + below[len(pairs) * 2 :])
    return levels


def _path(levels: list[list[bytes]], index: int) -> list[bytes]:
    steps = []
    for level in levels[:-1]:
        if index ^ 1 < len(level):
            steps.append(level[index ^ 1])
        index //= 2
    return steps


def _climb(leaf: bytes, index: int, size: int, steps: bytes) -> bytes:
    """The root above a leaf. Raises NotProven for a way that does not fit the tree."""
    if not 0 <= index < size <= TREE_MAX or len(steps) % HASH_BYTES:
        raise NotProven()
    rest = [steps[at : at + HASH_BYTES] for at in range(0, len(steps), HASH_BYTES)]
    while size > 1:
        if index ^ 1 < size:
            if not rest:
                raise NotProven()
            beside = rest.pop(0)
            leaf = _node(beside, leaf) if index & 1 else _node(leaf, beside)
        index, size = index // 2, (size + 1) // 2
    if rest:
        raise NotProven()
    return leaf
