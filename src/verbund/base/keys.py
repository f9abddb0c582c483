"""Keys: Ed25519 (RFC 8032) and ECDSA P-256; what a device is called; which keys are refused.

The algorithm belongs to the device's record, never to what is signed.
"""

from functools import lru_cache
from typing import NamedTuple

import nacl.bindings
import nacl.exceptions
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from nacl.signing import SigningKey

from verbund.base.ids import DeviceId, ProviderId, digest
from verbund.base.refusal import Refusal

ED25519 = "ed25519"
P256 = "p256"
SIGNATURE_BYTES = 64
_ED25519_BYTES = 32
_P256_BYTES = 65


class WeakKey(Refusal):
    """de: Der Schlüssel dieses Geräts ist nicht sicher und wird nicht angenommen. Melden Sie sich hier neu an.
    en: The key of this device is not safe and is not accepted. Sign in on this device again."""

    code = "base.weak_key"
    status = 422


class PublicKey(NamedTuple):
    """A public key with its algorithm. `raw` is 32 bytes (Ed25519) or 65 (P-256, uncompressed)."""

    alg: str
    raw: bytes

    @property
    def device(self) -> DeviceId:
        """The id of the device that holds this key: it certifies itself."""
        return _device_of(self)

    @property
    def provider(self) -> ProviderId:
        return ProviderId(digest(b"verbund/provider/1\0", self.alg.encode("ascii"), b"\0", self.raw))


@lru_cache(maxsize=1024)
def _device_of(key: PublicKey) -> DeviceId:
    """Remembered: it is asked for with every signature."""
    return DeviceId(digest(b"verbund/device/1\0", key.alg.encode("ascii"), b"\0", key.raw))


def check_key(key: PublicKey) -> PublicKey:
    """The key itself. Raises WeakKey for unknown algorithms, small-order, non-canonical and off-curve points."""
    try:
        if key.alg == ED25519 and len(key.raw) == _ED25519_BYTES:
            if not nacl.bindings.crypto_core_ed25519_is_valid_point(key.raw):
                raise WeakKey(reason="point")
        elif key.alg == P256 and len(key.raw) == _P256_BYTES and key.raw[0] == 4:
            _p256(key.raw)
        else:
            raise WeakKey(reason="algorithm or length")
    except ValueError as error:
        raise WeakKey(reason="point") from error
    return key


def verify(key: PublicKey, signature: bytes, message: bytes) -> bool:
    """Whether the signature (64 bytes; P-256: r and s) is this key's over the message."""
    if len(signature) != SIGNATURE_BYTES:
        return False
    if key.alg == ED25519:
        try:
            nacl.bindings.crypto_sign_open(signature + message, key.raw)
        except nacl.exceptions.BadSignatureError:
            return False
        return True
    return key.alg == P256 and _verify_p256(key.raw, signature, message)


def _verify_p256(raw: bytes, signature: bytes, message: bytes) -> bool:
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    try:
        _p256(raw).verify(utils.encode_dss_signature(r, s), message, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


@lru_cache(maxsize=1024)
def _p256(raw: bytes) -> ec.EllipticCurvePublicKey:
    return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), raw)


class DeviceKey:
    """A private Ed25519 key: of a provider's device, an agent, a test's person."""

    def __init__(self, seed: bytes) -> None:
        self._key = SigningKey(seed)
        self.public = PublicKey(ED25519, bytes(self._key.verify_key))
        self.device = self.public.device

    @classmethod
    def generate(cls) -> "DeviceKey":
        return cls(bytes(SigningKey.generate()))

    @property
    def seed(self) -> bytes:
        return bytes(self._key)

    def sign(self, message: bytes) -> bytes:
        """64 bytes."""
        return self._key.sign(message).signature
