"""Typed ids and their text form. An id is a hash or a random number as base64url without padding."""

import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from typing import NewType

CoreId = NewType("CoreId", str)
SpaceId = NewType("SpaceId", str)
AccountId = NewType("AccountId", str)
DeviceId = NewType("DeviceId", str)
ProviderId = NewType("ProviderId", str)
BlobHash = NewType("BlobHash", str)

HASH_CHARS = 43
_HASH = re.compile(r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]")


def b64(raw: bytes) -> str:
    """Bytes as base64url without padding (RFC 4648, section 5)."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def unb64(text: str) -> bytes:
    """The bytes of a base64url text without padding; exactly one text stands for the same bytes.

    Raises ValueError for anything else: padding, other alphabets, stray bits at the end.
    """
    raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if b64(raw) != text:
        raise ValueError("not canonical base64url")
    return raw


def is_hash(text: object) -> bool:
    """Whether this is the text form of 32 bytes."""
    return isinstance(text, str) and _HASH.fullmatch(text) is not None


def digest(*parts: bytes) -> str:
    """SHA-256 over the parts put together, as text."""
    return b64(sha256(b"".join(parts)).digest())


def random_id() -> str:
    """128 random bits as text: for what is local and not addressed by its content."""
    return secrets.token_urlsafe(16)


def direct_space(people: list[AccountId]) -> SpaceId:
    """The conversation of these people: whoever begins it, it is the same space."""
    return SpaceId(digest(b"verbund/direct/1\0", ",".join(sorted(people)).encode("ascii")))


def personal_space(account: AccountId) -> SpaceId:
    """The space that belongs to one person alone."""
    return SpaceId(digest(b"verbund/personal/1\0", account.encode("ascii")))
