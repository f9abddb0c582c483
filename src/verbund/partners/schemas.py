"""Shapes between providers."""

from msgspec import Struct

from verbund.base.ids import SpaceId


class Identity(Struct, frozen=True, forbid_unknown_fields=True):
    """Who a provider is: its root key, and the device of the present incarnation, certified by it."""

    provider: str
    alg: str
    key: str
    incarnation: int
    device_alg: str
    device_key: str
    certificate: str


class Question(Struct, frozen=True, forbid_unknown_fields=True):
    """What a partner asks: the address meant, when (ms), the space and vector (no space: the digest)."""

    audience: str
    at: int
    space: SpaceId | None
    after: dict[str, int]


class Asked(Struct, frozen=True, forbid_unknown_fields=True):
    """A question with who asks it; `signature` is over the canonical bytes of `question`, given as text."""

    identity: Identity
    question: str
    signature: str


class Digest(Struct, frozen=True):
    """space → vector, of everything that the partner may have; `accounts` are the spaces of the people in them."""

    identity: Identity
    spaces: dict[SpaceId, dict[str, int]]
    accounts: dict[SpaceId, dict[str, int]]
