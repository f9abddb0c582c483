"""Core and parcel: what a device signs, and how it travels. Pure; reads no clock and no table."""

import re
from hashlib import sha256
from typing import Any, ClassVar

import msgspec
from msgspec import UNSET, UnsetType
from msgspec.structs import force_setattr

from verbund.base import canonical
from verbund.base.ids import BlobHash, CoreId, DeviceId, SpaceId, b64, digest, is_hash, unb64
from verbund.base.keys import DeviceKey, PublicKey, verify
from verbund.base.refusal import Refusal

FORMAT = 1
CORE_BYTES_MAX = 4 * 1024
BODY_BYTES_MAX = 64 * 1024
HEADS_MAX = 4
REFERENCES_MAX = 8
BLOBS_MAX = 32
SALT_BYTES = 16
DOMAIN = b"verbund/core/1\0"


class TooLarge(Refusal):
    """de: Das ist zu lang für eine Nachricht. Hängen Sie den Text als Datei an.
    en: This is too long for a message. Attach the text as a file."""

    code = "log.oversized"
    status = 413


class WrongSignature(Refusal):
    """de: Die Unterschrift dieser Nachricht stimmt nicht. Sie wurde nicht angenommen.
    en: The signature of this message is wrong. It was not accepted."""

    code = "log.unsigned"
    status = 422


class Core(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """An event as its device signed it; the body lies apart. Field names as on the wire (protocol/README)."""

    domain: ClassVar[bytes] = DOMAIN
    ah: tuple[CoreId, ...]
    bh: str
    bk: str | None
    bs: int
    dev: DeviceId
    dp: CoreId | None
    ds: int
    k: str
    mu: bool
    re: tuple[CoreId, ...]
    t: str
    v: int
    sp: SpaceId | UnsetType = UNSET


class Parcel(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """A core on its way: its exact text `c`, signature `s`, salt `sa` and body text `b` (both null when erased)."""

    c: str
    s: str
    sa: str | None
    b: str | None


class Parsed(msgspec.Struct, frozen=True, gc=False):
    """A parcel whose form is right. `proven`: the key that signed it, once that was checked."""

    core: Core
    id: CoreId
    space: SpaceId
    raw: bytes
    signature: bytes
    salt: bytes | None
    body: bytes | None
    data: dict[str, Any] | None
    blobs: tuple[BlobHash, ...]
    parcel: Parcel
    proven: PublicKey | None = None

    @property
    def stamp(self) -> str:
        return stamp(self.core.t, self.core.dev, self.core.ds)


_core_decoder = msgspec.json.Decoder(Core)


def parse(parcel: Parcel) -> Parsed:
    """The parcel's parts, each checked for form, size and hash.

    Raises NotCanonical, TooLarge; never anything else, whatever the bytes.
    """
    raw = _utf8(parcel.c, CORE_BYTES_MAX)
    core = _parse_core(raw)
    identifier = CoreId(digest(DOMAIN, raw))
    signature = _b64(parcel.s)
    space = SpaceId(identifier) if core.sp is UNSET else core.sp
    if parcel.b is None or parcel.sa is None:
        return Parsed(core, identifier, space, raw, signature, None, None, None, (), parcel)
    body, salt = _utf8(parcel.b, BODY_BYTES_MAX), _b64(parcel.sa)
    if len(salt) != SALT_BYTES or core.bs != len(body) or core.bh != body_hash(salt, body):
        raise canonical.NotCanonical(reason="body does not match its hash")
    data = canonical.decode(body)
    if not isinstance(data, dict):
        raise canonical.NotCanonical(reason="body is not an object")
    return Parsed(core, identifier, space, raw, signature, salt, body, data, _blobs(data), parcel)


def stamp(t: str, dev: str, ds: int) -> str:
    """What orders concurrent writes of one field: time, device, number."""
    return f"{t}{dev}{ds:08x}"


def check_signature(parsed: Parsed, key: PublicKey) -> None:
    """Raises WrongSignature unless the core's device, which must hold this key, signed it."""
    if parsed.proven is not None and (parsed.proven is key or parsed.proven == key):
        return
    if key.device != parsed.core.dev or not verify(key, parsed.signature, signed(parsed)):
        raise WrongSignature()


def signed(parsed: Parsed) -> bytes:
    """What its device signed."""
    return DOMAIN + parsed.raw


def prove(parsed: Parsed, key: PublicKey) -> None:
    """Check the signature once and for all. Raises WrongSignature."""
    check_signature(parsed, key)
    note_proven(parsed, key)


def note_proven(parsed: Parsed, key: PublicKey) -> None:
    """The signature was found to be right with this key; whose key it is decides as well."""
    if key.device == parsed.core.dev:
        force_setattr(parsed, "proven", key)


def body_hash(salt: bytes, body: bytes) -> str:
    return b64(sha256(salt + body).digest())


def make_parcel(key: DeviceKey, core: dict[str, Any], body: dict[str, Any], salt: bytes) -> tuple[CoreId, Parcel]:
    """Sign an event. `core` lacks bh and bs, which come from the body; returns the core's id with the parcel."""
    body_raw = canonical.encode(body)
    whole = {**core, "bh": body_hash(salt, body_raw), "bs": len(body_raw), "dev": key.device, "v": FORMAT}
    raw = canonical.encode(whole)
    if len(raw) > CORE_BYTES_MAX or len(body_raw) > BODY_BYTES_MAX:
        raise TooLarge()
    signature = key.sign(DOMAIN + raw)
    parcel = Parcel(raw.decode(), b64(signature), b64(salt), body_raw.decode())
    return CoreId(digest(DOMAIN, raw)), parcel


def _parse_core(raw: bytes) -> Core:
    # What the grammar lets through is canonical: each core has one spelling. Cheaper than to write it anew and compare.
    if _GRAMMAR.fullmatch(raw) is None:
        raise canonical.NotCanonical(reason="core")
    core = _core_decoder.decode(raw)
    heads = core.ah
    if (
        core.ds > canonical.INTEGER_MAX
        or core.bs > BODY_BYTES_MAX
        or (core.dp is None) != (core.ds == 1)
        or (len(heads) > 1 and heads != tuple(sorted(set(heads))))
    ):
        raise canonical.NotCanonical(reason="core")
    return core


def _grammar() -> re.Pattern[bytes]:
    """A core, key by key in the order of canonical JSON; every value has one spelling."""
    identifier = r'"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]"'
    either, several = f"(?:null|{identifier})", f"{identifier}(?:,{identifier})"
    keys = {
        "ah": rf"\[(?:{several}{{0,{HEADS_MAX - 1}}})?\]", "bh": identifier, "bk": either,
        "bs": "(?:0|[1-9][0-9]{0,4})", "dev": identifier, "dp": either, "ds": "[1-9][0-9]{0,15}",
        "k": r'"[a-z]{1,20}\.[a-z_]{1,50}\.[1-9][0-9]{0,3}"', "mu": "(?:true|false)",
        "re": rf"\[(?:{several}{{0,{REFERENCES_MAX - 1}}})?\]", "sp": identifier, "t": '"[0-9a-f]{16}"',
        "v": f"{FORMAT}",
    }  # fmt: skip
    whole = ",".join(f'"{key}":{value}' for key, value in keys.items())
    founding = whole.replace(f',"sp":{identifier}', f'(?:,"sp":{identifier})?')
    return re.compile(rf"\{{{founding}\}}".encode("ascii"))


_GRAMMAR = _grammar()


def _blobs(data: dict[str, Any]) -> tuple[BlobHash, ...]:
    blobs = data.get("blobs")
    if blobs is None and "blobs" not in data:
        return ()
    if not isinstance(blobs, list) or len(blobs) > BLOBS_MAX or not all(is_hash(one) for one in blobs):
        raise canonical.NotCanonical(reason="blobs")
    return tuple(blobs)


def _utf8(text: str, bytes_max: int) -> bytes:
    try:
        raw = text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise canonical.NotCanonical(reason="lone surrogate") from error
    if len(raw) > bytes_max:
        raise TooLarge(bytes=len(raw), bytes_max=bytes_max)
    return raw


def _b64(text: str) -> bytes:
    try:
        return unb64(text)
    except (ValueError, UnicodeError) as error:
        raise canonical.NotCanonical(reason="base64url") from error
