"""Passkeys (WebAuthn level 3). The one adapter to the webauthn library; the relying party is this provider's host."""

import json
from hashlib import sha256
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import webauthn
from cryptography.exceptions import UnsupportedAlgorithm
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url
from webauthn.helpers.cose import COSEAlgorithmIdentifier
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from verbund.accounts.events import CREDENTIAL_ID_CHARS_MAX, PasskeyShown
from verbund.base.ids import unb64
from verbund.base.refusal import Refusal

PASSKEYS_MAX = 20
CREDENTIAL_BYTES_MAX = 64 * 1024
SHOWN_DOMAIN = b"verbund/passkey/1\0"
#: A challenge and a hash over the device: what a passkey signs to bring the device in.
NONCE_BYTES, HASH_BYTES = 40, 32
#: What the library raises at bytes that somebody made up, in the keys of others too.
_BAD = (
    WebAuthnException, UnsupportedAlgorithm, ValueError, LookupError, TypeError, AttributeError, OverflowError,
    RecursionError,
)  # fmt: skip
#: What every replica can check, whichever library of cryptography it has.
_ALGORITHMS = [
    COSEAlgorithmIdentifier.EDDSA,
    COSEAlgorithmIdentifier.ECDSA_SHA_256,
    COSEAlgorithmIdentifier.RSASSA_PKCS1_v1_5_SHA_256,
]


class PasskeyRefused(Refusal):
    """de: Dieser Passkey wurde nicht angenommen. Versuchen Sie es noch einmal oder melden Sie sich mit dem Passwort an.
    en: This passkey was not accepted. Try again, or sign in with the password."""

    code = "accounts.passkey_refused"
    status = 401


class TooManyPasskeys(Refusal):
    """de: Dieses Konto hat schon sehr viele Passkeys, oder diesen gibt es schon. Entfernen Sie einen alten.
    en: This account has very many passkeys already, or has this one. Remove an old one."""

    code = "accounts.too_many_passkeys"
    status = 409


class NewPasskey(NamedTuple):
    """A passkey that was just made; `id` is base64url."""

    id: str
    public_key: bytes
    uses: int


class RelyingParty:
    """This provider as passkeys know it."""

    def __init__(self, origin: str, name: str) -> None:
        self._origin, self._name = origin, name
        self._host = urlsplit(origin).hostname or "localhost"

    def creation_options(self, challenge: bytes, user: bytes, handle: str, name: str, held: list[str]) -> Any:
        """What `navigator.credentials.create` takes, as JSON."""
        options = webauthn.generate_registration_options(
            rp_id=self._host, rp_name=self._name, user_name=handle, user_id=user, user_display_name=name or handle,
            challenge=challenge, timeout=300_000, exclude_credentials=_descriptors(held),
            supported_pub_key_algs=_ALGORITHMS,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
            ),
        )  # fmt: skip
        return json.loads(webauthn.options_to_json(options))

    def request_options(self, challenge: bytes) -> Any:
        """What `navigator.credentials.get` takes, as JSON. It names nobody: the authenticator knows who it is for."""
        options = webauthn.generate_authentication_options(
            rp_id=self._host, challenge=challenge, timeout=300_000,
            user_verification=UserVerificationRequirement.REQUIRED,
        )  # fmt: skip
        return json.loads(webauthn.options_to_json(options))

    def check_creation(self, challenge: bytes, credential: dict[str, Any]) -> NewPasskey:
        """The passkey that a browser made. Raises PasskeyRefused."""
        try:
            found = webauthn.verify_registration_response(
                credential=_text(credential), expected_challenge=challenge, expected_rp_id=self._host,
                expected_origin=self._origin, require_user_verification=True,
            )  # fmt: skip
        except _BAD as error:
            raise PasskeyRefused() from error
        return NewPasskey(bytes_to_base64url(found.credential_id), found.credential_public_key, found.sign_count)

    def check_request(self, challenge: bytes, credential: dict[str, Any], public_key: bytes, uses: int) -> int:
        """How often the passkey was used, by its own count. Raises PasskeyRefused."""
        try:
            found = webauthn.verify_authentication_response(
                credential=_text(credential), expected_challenge=challenge, expected_rp_id=self._host,
                expected_origin=self._origin, credential_public_key=public_key, credential_current_sign_count=uses,
                require_user_verification=True,
            )  # fmt: skip
        except _BAD as error:
            raise PasskeyRefused() from error
        return found.new_sign_count


def challenge_for(nonce: bytes, dev: str) -> bytes:
    """What a passkey signs when it brings a device in: here, now, and for that device alone."""
    return nonce + sha256(SHOWN_DOMAIN + dev.encode()).digest()


def may_have_passkeys(url: str) -> bool:
    """Whether a browser makes passkeys there: a name, no bare number, over TLS or on this machine."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    is_name = ":" not in host and not host.replace(".", "").isdigit()
    return is_name and (parts.scheme == "https" or host == "localhost" or host.endswith(".localhost"))


def is_shown(origin: str, credential: str, public_key: bytes, shown: PasskeyShown) -> bool:
    """Whether this passkey signed, at its provider's page, that the device belongs to its account. Pure: everybody
    comes to the same, whenever they ask."""
    response = {"clientDataJSON": shown.client, "authenticatorData": shown.data, "signature": shown.sig}
    answer = {"id": credential, "rawId": credential, "type": "public-key", "response": response}
    try:
        challenge = unb64(json.loads(unb64(shown.client))["challenge"])
        if len(challenge) != NONCE_BYTES + HASH_BYTES or challenge != challenge_for(challenge[:NONCE_BYTES], shown.dev):
            return False
        RelyingParty(origin, "").check_request(challenge, answer, public_key, 0)
    except (PasskeyRefused, *_BAD):
        return False
    return True


def credential_id(credential: dict[str, Any]) -> str:
    """The id that a browser's answer names. Raises PasskeyRefused."""
    found = credential.get("id")
    if not isinstance(found, str) or not 0 < len(found) <= CREDENTIAL_ID_CHARS_MAX:
        raise PasskeyRefused()
    return found


def response_of(credential: dict[str, Any]) -> dict[str, Any]:
    """What the authenticator said. Raises PasskeyRefused."""
    found = credential.get("response")
    if not isinstance(found, dict):
        raise PasskeyRefused()
    return found


def _descriptors(held: list[str]) -> list[PublicKeyCredentialDescriptor]:
    return [PublicKeyCredentialDescriptor(id=base64url_to_bytes(one)) for one in held[:PASSKEYS_MAX]]


def _text(credential: dict[str, Any]) -> str:
    text = json.dumps(credential)
    if len(text) > CREDENTIAL_BYTES_MAX:
        raise PasskeyRefused()
    return text
