"""Canonical bytes: the profile of JCS (RFC 8785) that everything signed is written in.

Sorted ASCII keys, no white space, no floats, integers below 2^53, no lone surrogates. The bytes are signed and kept;
nothing is ever written anew to be verified.
"""

from typing import Any

import msgspec

from verbund.base.refusal import Refusal

DEPTH_MAX = 8
INTEGER_MAX = 2**53 - 1
_encoder = msgspec.json.Encoder(order="sorted")
_decoder = msgspec.json.Decoder()


class NotCanonical(Refusal):
    """de: Diese Nachricht ist beschädigt angekommen. Auf diesem Gerät ist sie noch da und wird neu gesendet.
    en: This message arrived damaged. It is still on this device and will be sent again."""

    code = "log.malformed_core"
    status = 422


def encode(value: Any) -> bytes:
    """The canonical bytes of a value made of dict, list, str, int, bool and None.

    Raises NotCanonical for what the profile does not know.
    """
    _check(value, DEPTH_MAX)
    return _encoder.encode(value)


def decode(raw: bytes) -> Any:
    """The value of canonical bytes. Raises NotCanonical unless `encode` gives exactly these bytes."""
    try:
        value = _decoder.decode(raw)
        _check(value, DEPTH_MAX)
        if _encoder.encode(value) != raw:
            raise NotCanonical(reason="not canonical")
    except (msgspec.MsgspecError, RecursionError, UnicodeError, ValueError) as error:
        raise NotCanonical(reason=str(error)) from error
    return value


def _check(value: Any, depth: int) -> None:
    if isinstance(value, str):
        if not value.isascii():
            _check_text(value)
    elif isinstance(value, bool) or value is None:
        return
    elif isinstance(value, int):
        if not -INTEGER_MAX <= value <= INTEGER_MAX:
            raise NotCanonical(reason="integer too large")
    elif isinstance(value, dict):
        if depth == 0:
            raise NotCanonical(reason="too deep")
        for key, inner in value.items():
            if not isinstance(key, str) or not key.isascii():
                raise NotCanonical(reason="key is not ASCII")
            if type(inner) is not str or not inner.isascii():
                _check(inner, depth - 1)
    elif isinstance(value, list | tuple):
        if depth == 0:
            raise NotCanonical(reason="too deep")
        for inner in value:
            _check(inner, depth - 1)
    else:
        raise NotCanonical(reason=f"{type(value).__name__} is not allowed")


def _check_text(text: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise NotCanonical(reason="lone surrogate") from error
