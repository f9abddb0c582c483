"""The code that one operator gives the other: who is meant, where, until when, and a secret. Pure."""

import hmac
import secrets
from hashlib import sha256
from typing import Annotated
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct

from verbund.base import canonical
from verbund.base.canonical import NotCanonical
from verbund.base.ids import ProviderId, b64, digest, is_hash, unb64
from verbund.base.settings import LOCAL_HOSTS
from verbund.partners.agreements.refusals import BadCode, CodeExpired, OwnCode, Unencrypted

PREFIX = "verbund-partner-1-"
CODE_CHARS_MAX = 1_000
ADDRESS_CHARS_MAX = 200
SECRET_BYTES = 16
CHECK_BYTES = 4
PROOF_DOMAIN = b"verbund/partner-proof/1\0"
INVITATION_DOMAIN = b"verbund/partner-invitation/1\0"


class Code(Struct, frozen=True, forbid_unknown_fields=True):
    """Address, provider (the SHA-256 of its root key: the fingerprint), secret, last millisecond."""

    address: Annotated[str, Meta(max_length=ADDRESS_CHARS_MAX)]
    provider: str
    secret: Annotated[str, Meta(min_length=22, max_length=22)]
    expires_at: int

    @property
    def invitation(self) -> str:
        """What the code is called where its secret must not be said."""
        return digest(INVITATION_DOMAIN, self.secret.encode("ascii"))


def new_code(address: str, provider: ProviderId, expires_at: int) -> Code:
    return Code(address, provider, b64(secrets.token_bytes(SECRET_BYTES)), expires_at)


def written(code: Code) -> str:
    """The code as text. Its end checks the rest, so that half a code is told from a wrong one."""
    raw = canonical.encode(msgspec.to_builtins(code))
    return PREFIX + b64(raw + sha256(raw).digest()[:CHECK_BYTES])


def read(text: str, own: ProviderId, own_address: str, now_ms: int) -> Code:
    """The code in a text; line breaks and blanks of a mail do not matter.

    Raises BadCode, OwnCode, Unencrypted, CodeExpired.
    """
    plain = "".join(text.split())
    if len(plain) > CODE_CHARS_MAX or not plain.startswith(PREFIX):
        raise BadCode()
    try:
        whole = unb64(plain.removeprefix(PREFIX))
        raw, check = whole[:-CHECK_BYTES], whole[-CHECK_BYTES:]
        if sha256(raw).digest()[:CHECK_BYTES] != check:
            raise BadCode()
        code = msgspec.convert(canonical.decode(raw), Code, strict=True)
        unb64(code.secret)
    except (ValueError, msgspec.MsgspecError, NotCanonical) as error:
        raise BadCode() from error
    if not is_hash(code.provider):
        raise BadCode()
    if code.provider == own:
        raise OwnCode()
    if not may_dial(code.address, own_address):
        raise Unencrypted(address=code.address)
    if code.expires_at < now_ms:
        raise CodeExpired()
    return code


def proof(secret: str, asker: str, owner: str) -> str:
    """Shows that one knows a code's secret, for these two providers only, without saying it (HMAC-SHA256)."""
    said = canonical.encode({"asker": asker, "owner": owner})
    return b64(hmac.new(secret.encode("ascii"), PROOF_DOMAIN + said, sha256).digest())


def proves(secret: str, asker: str, owner: str, shown: str) -> bool:
    return hmac.compare_digest(proof(secret, asker, owner).encode("ascii"), shown.encode("utf-8", "replace"))


def may_dial(address: str, own_address: str) -> bool:
    """Whether a partner's address may be dialled: a plain origin, encrypted. One's own machine is nobody's address,
    except for providers that are themselves known under it."""
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port
        own_host = urlsplit(own_address).hostname or ""
    except ValueError:
        return False
    place = f"[{host}]" if ":" in host else host
    if (
        not host
        or len(address) > ADDRESS_CHARS_MAX
        or address != f"{parts.scheme}://{place}{f':{port}' if port else ''}"
    ):
        return False
    if host in LOCAL_HOSTS:
        return own_host in LOCAL_HOSTS and parts.scheme in ("http", "https")
    return parts.scheme == "https"
