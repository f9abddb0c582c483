"""What a provider says of itself and of its partnership with another, signed by its certified device. Pure."""

import unicodedata
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from verbund.base import canonical
from verbund.base.canonical import NotCanonical
from verbund.base.ids import ProviderId, b64, unb64
from verbund.base.keys import DeviceKey, verify
from verbund.partners.agreements.codes import ADDRESS_CHARS_MAX
from verbund.partners.agreements.refusals import ClockApart, OtherKey
from verbund.partners.identity import CLOCK_MS_MAX, NotProven, check_identity
from verbund.partners.schemas import Identity

DOMAIN = b"verbund/partnership/1\0"
WORDS_CHARS_MAX = 16_000
NAME_CHARS_MAX = 80
PLACE_CHARS_MAX = 80
CONTACT_CHARS_MAX = 200
TEXTS_MAX = 16
#: Letters that turn the direction of what follows, or hide: they have no place in a name.
_HIDDEN = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
Hash = Annotated[str, Meta(pattern=r"\A[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]\Z")]
Address = Annotated[str, Meta(max_length=ADDRESS_CHARS_MAX)]


class Statement(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`to` whom at which address (`dialled`; empty in an answer) at what time (ms); who one is; what one agreed to."""

    to: Hash
    dialled: Address
    at: int
    invitation: Hash
    proof: Annotated[str, Meta(max_length=43)]
    name: Annotated[str, Meta(min_length=1, max_length=NAME_CHARS_MAX)]
    place: Annotated[str, Meta(max_length=PLACE_CHARS_MAX)]
    contact: Annotated[str, Meta(max_length=CONTACT_CHARS_MAX)]
    address: Address
    version: Annotated[str, Meta(max_length=40)]
    texts: Annotated[list[Hash], Meta(max_length=TEXTS_MAX)]
    text: Hash | None
    text_by: Annotated[str, Meta(max_length=NAME_CHARS_MAX)]
    text_at: int
    ended: bool


class Told(Struct, frozen=True, forbid_unknown_fields=True):
    """A statement with who says it; `signature` is over the canonical bytes of `words`, given as text."""

    identity: Identity
    words: Annotated[str, Meta(max_length=WORDS_CHARS_MAX)]
    signature: Annotated[str, Meta(max_length=100)]


class Heard(Struct, frozen=True):
    """A statement whose signature holds."""

    provider: ProviderId
    alg: str
    key: str
    statement: Statement
    told: Told


def tell(own: Identity, device: DeviceKey, statement: Statement) -> Told:
    text = canonical.encode(msgspec.to_builtins(statement))
    return Told(own, text.decode(), b64(device.sign(DOMAIN + text)))


def check(told: Told, own: ProviderId, dialled: str, now_ms: int, expected: str | None = None) -> Heard:
    """What was said, by whom. `expected`: who must have said it.

    Raises NotProven (wrong signature, meant for another), OtherKey (not who was expected), ClockApart.
    """
    provider, device = check_identity(told.identity)
    words = told.words.encode("utf-8", "replace")
    try:
        if not verify(device, unb64(told.signature), DOMAIN + words):
            raise NotProven()
        statement = msgspec.convert(canonical.decode(words), Statement, strict=True)
    except (ValueError, msgspec.MsgspecError, NotCanonical) as error:
        raise NotProven() from error
    if expected is not None and provider != expected:
        raise OtherKey()
    if statement.to != own or statement.dialled != dialled or provider == own:
        raise NotProven()
    if abs(statement.at - now_ms) > CLOCK_MS_MAX:
        raise ClockApart()
    return Heard(provider, told.identity.alg, told.identity.key, statement, told)


def plain(text: str) -> str:
    """A text of another provider as it may be shown: no control letters (terminals obey them), nothing hidden."""
    kept = (" " if unicodedata.category(one) in ("Cc", "Zl", "Zp") else one for one in text if one not in _HIDDEN)
    return " ".join("".join(kept).split())
