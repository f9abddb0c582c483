"""Handles: the name that one types to sign in. Two that look alike to a person are one. Pure."""

import re
import unicodedata

from verbund.base.refusal import Refusal

HANDLE_CHARS_MIN = 2
HANDLE_CHARS_MAX = 40
_SHAPE = re.compile(r"[^\W_](?:[\w.@+-]*[^\W_])?")


class BadHandle(Refusal):
    """de: Der Anmeldename darf 2 bis 40 Buchstaben und Ziffern haben, dazwischen Punkt, Bindestrich oder Unterstrich.
    en: The sign-in name may have 2 to 40 letters and digits, with dot, hyphen or underscore in between."""

    code = "accounts.bad_handle"
    status = 422


def folded(handle: str) -> str:
    """The one form of a handle: compatibility forms and case do not count (Unicode 15, NFKC and full case folding)."""
    text = unicodedata.normalize("NFKC", handle)
    return unicodedata.normalize("NFKC", text.casefold()).strip()


def checked(handle: str) -> str:
    """The folded handle. Raises BadHandle for other scripts than Latin, too short and too long ones."""
    text = folded(handle)
    if not HANDLE_CHARS_MIN <= len(text) <= HANDLE_CHARS_MAX or not _SHAPE.fullmatch(text):
        raise BadHandle()
    if not all(letter in "._-@+" or _latin(letter) for letter in text):
        raise BadHandle()
    return text


def _latin(letter: str) -> bool:
    if letter.isascii():
        return letter.isalnum()
    return unicodedata.category(letter) in ("Ll", "Lo") and unicodedata.name(letter, "").startswith("LATIN ")
