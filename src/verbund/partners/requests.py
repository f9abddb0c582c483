"""HTTP requests between providers: signed by the device of whoever asks (RFC 9421), the body by its digest (RFC 9530).

Who asks goes along (`verbund-identity`) and proves itself, so that a provider can be asked by one it never met.
"""

import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import defaultdict, deque
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple, Protocol

import msgspec
from http_message_signatures import (
    HTTPMessageSignaturesException,
    HTTPMessageSigner,
    HTTPMessageVerifier,
    HTTPSignatureAlgorithm,
    InvalidSignature,
    MappingKeyResolver,
)

from verbund.base.ids import DeviceId, ProviderId
from verbund.base.keys import DeviceKey, PublicKey, verify
from verbund.base.refusal import Refusal
from verbund.partners.identity import CLOCK_MS_MAX, NotProven, check_identity
from verbund.partners.refusals import Replayed
from verbund.partners.schemas import Identity

#: What a signature is for, and its form: another form has another tag.
TAG = "verbund-partner-1"
LABEL = "verbund"
IDENTITY = "verbund-identity"
COVERED = ("@method", "@authority", "@path", "@query", IDENTITY)
RANGE = "range"
CLOCK_S_MAX = CLOCK_MS_MAX // 1_000
NONCE_BYTES = 18
HEADER_CHARS_MAX = 4_000
NONCE_CHARS_MAX = 64
#: So many requests with an effect one provider may make within the time that a signature counts.
NONCES_MAX = 512


class Message(Protocol):
    """A request: its headers can be read, and written by who signs it."""

    @property
    def method(self) -> str: ...
    @property
    def url(self) -> Any: ...
    @property
    def headers(self) -> Any: ...


class Received(NamedTuple):
    """A request as it came; `url` is made of the address that this provider has, whatever a proxy made of it."""

    method: str
    url: str
    headers: Mapping[str, str]


class Asker(NamedTuple):
    """Who signed a request, and the number that it used once."""

    provider: ProviderId
    device: DeviceId
    nonce: str


class _ByDevice(HTTPSignatureAlgorithm):
    """With the project's keys: which algorithm one is for belongs to its record, never to what is signed.

    The library types keys as bytes and passes them on untouched: hence the ignored types where they are handed over.
    """

    algorithm_id = "ed25519"

    def __init__(self, public_key: Any = None, private_key: Any = None) -> None:
        self._public, self._private = public_key, private_key

    def sign(self, message: bytes) -> bytes:
        signature: bytes = self._private.sign(message)
        return signature

    def verify(self, signature: bytes, message: bytes) -> None:
        if not verify(self._public, signature, message):
            raise InvalidSignature("wrong signature")


class _Verifier(HTTPMessageVerifier):
    """By the clock that is passed in. The narrower of both sides' times counts."""

    def __init__(self, device: PublicKey, now_ms: int) -> None:
        keys = MappingKeyResolver(public_keys={device.device: device}, private_keys={})  # type: ignore[dict-item]
        super().__init__(signature_algorithm=_ByDevice, key_resolver=keys)
        self._now_s = now_ms // 1_000

    def validate_created_and_expires(self, sig_input: Any, max_age: Any = None) -> None:  # noqa: ARG002
        created, expires = sig_input.params.get("created"), sig_input.params.get("expires")
        if type(created) is not int or type(expires) is not int:
            raise InvalidSignature("created and expires are needed")
        if abs(created - self._now_s) > CLOCK_S_MAX or not self._now_s <= expires <= created + CLOCK_S_MAX:
            raise InvalidSignature("too old, or of the future")


def sign(own: Identity, device: DeviceKey, request: Message, now_ms: int, body: bytes | None = None) -> None:
    """Put on the headers that say who asks, and prove it. `body`: as it goes out."""
    request.headers[IDENTITY] = urlsafe_b64encode(msgspec.json.encode(own)).decode()
    keys = MappingKeyResolver(public_keys={}, private_keys={device.device: device})  # type: ignore[dict-item]
    created = datetime.fromtimestamp(now_ms // 1_000, UTC)
    until = datetime.fromtimestamp(now_ms // 1_000 + CLOCK_S_MAX, UTC)
    HTTPMessageSigner(signature_algorithm=_ByDevice, key_resolver=keys).sign(
        request, key_id=device.device, created=created, expires=until, nonce=secrets.token_urlsafe(NONCE_BYTES),
        label=LABEL, tag=TAG, include_alg=False, covered_component_ids=_covered(request.headers), body=body,
    )  # fmt: skip


def check(request: Received, now_ms: int, body: bytes | None = None) -> Asker:
    """Who asks. Raises NotProven: unsigned, something of it not covered, for another provider, too old, altered."""
    shown = request.headers.get(IDENTITY, "")
    lines = (shown, *(request.headers.get(name, "") for name in ("signature-input", "signature", "content-digest")))
    if any(len(line) > HEADER_CHARS_MAX for line in lines):
        raise NotProven()
    try:
        provider, device = check_identity(msgspec.json.decode(urlsafe_b64decode(shown), type=Identity))
        (found,) = _Verifier(device, now_ms).verify(
            request, expect_tag=TAG, require_components=_covered(request.headers), body=body
        )
    except (HTTPMessageSignaturesException, msgspec.MsgspecError, ValueError, Refusal) as error:
        raise NotProven() from error
    if not found.nonce or len(found.nonce) > NONCE_CHARS_MAX:
        raise NotProven()
    return Asker(provider, device.device, found.nonce)


def _covered(headers: Mapping[str, str]) -> tuple[str, ...]:
    return (*COVERED, RANGE) if RANGE in headers else COVERED


class Nonces:
    """What was used, as long as its signature counts: a request with an effect has it once."""

    def __init__(self) -> None:
        self._used: defaultdict[ProviderId, deque[tuple[int, str]]] = defaultdict(deque)

    def use(self, asker: Asker, now_ms: int) -> None:
        """Raises Replayed for what was used, and for who asks too much to be remembered."""
        used = self._used[asker.provider]
        while used and used[0][0] < now_ms:
            used.popleft()
        if len(used) >= NONCES_MAX or any(nonce == asker.nonce for _, nonce in used):
            raise Replayed()
        used.append((now_ms + 2 * CLOCK_MS_MAX, asker.nonce))
