"""Typed ids and their text form. An id is a hash or a random number as base64url without padding."""

import re
import secrets
from binascii import a2b_base64, b2a_base64
from hashlib import sha256
from typing import NewType

CoreId = NewType("CoreId", str)
SpaceId = NewType("SpaceId", str)
AccountId = NewType("AccountId", str)
DeviceId = NewType("DeviceId", str)
ProviderId = NewType("ProviderId", str)
BlobHash = NewType("BlobHash", str)

HASH_CHARS = 43
_TO_URL, _FROM_URL = bytes.maketrans(b"+/", b"-_"), bytes.maketrans(b"-_+/=", b"+/!!!")
_PADDING = (b"", b"", b"==", b"=")
#: The last letter carries 4 or 2 bits that must be zero: length modulo 4 → letters.
_LAST = {2: "AQgw", 3: "AEIMQUYcgkosw048"}
#: Ids are packed by the rank of their letters as text sorts them, so that the bytes sort alike; "!" is no letter.
_SORTED = b"-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"
_PLAIN = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_PACK = bytes(_PLAIN[_SORTED.index(one)] if one in _SORTED else ord("!") for one in range(256))
_UNPACK = bytes.maketrans(_PLAIN, _SORTED)
_PACK_LAST = {last: _PLAIN[4 * rank : 4 * rank + 1] + b"=" for rank, last in enumerate(sorted(_LAST[3]))}
_UNPACK_LAST = {letters[0]: last for last, letters in _PACK_LAST.items()}
_HASH = re.compile(r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]")


def b64(raw: bytes) -> str:
    """Bytes as base64url without padding (RFC 4648, section 5)."""
    return b2a_base64(raw, newline=False).translate(_TO_URL).rstrip(b"=").decode("ascii")


def unb64(text: str) -> bytes:
    """The bytes of a base64url text without padding; exactly one text stands for the same bytes.

    Raises ValueError for anything else: padding, other alphabets, stray bits at the end.
    """
    rest = len(text) % 4
    if rest == 1 or (rest and text[-1] not in _LAST[rest]):
        raise ValueError("not canonical base64url")
    return a2b_base64(text.encode("ascii").translate(_FROM_URL) + _PADDING[rest], strict_mode=True)


def pack(text: str) -> bytes:
    """The 32 bytes that an id is stored as: they sort as the texts do. Raises ValueError for what is no id."""
    if len(text) != HASH_CHARS or text[-1] not in _PACK_LAST:
        raise ValueError("not an id")
    return a2b_base64(text[:-1].encode("ascii").translate(_PACK) + _PACK_LAST[text[-1]], strict_mode=True)


def unpack(raw: bytes) -> str:
    """The id that is stored as these bytes."""
    letters = b2a_base64(raw, newline=False)
    return letters[:-2].translate(_UNPACK).decode("ascii") + _UNPACK_LAST[letters[-2]]


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
