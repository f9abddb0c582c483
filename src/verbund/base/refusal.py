"""A refusal: a rule said no. Anything else that is raised is a bug."""

import re
from collections.abc import Iterator
from typing import Any, ClassVar

LANGUAGES = ("de", "en")


class Refusal(Exception):
    """de: Das geht so nicht.
    en: That is not possible.

    A subclass names its `code` (`capability.adjective`) and `status` (HTTP); the first two lines of its docstring are
    the sentence shown, with `{field}` for what the constructor got. `fields` travel with it to the client.
    """

    code: ClassVar[str] = "base.refused"
    status: ClassVar[int] = 403

    def __init__(self, **fields: Any) -> None:
        super().__init__(self.code)
        self.fields = fields

    def sentence(self, language: str) -> str:
        """What the person reads, in German unless English is asked for."""
        text = sentences(type(self))["en" if language.startswith("en") else "de"]
        return re.sub(r"\{(\w+)\}", lambda match: str(self.fields.get(match[1], "")), text)


def sentences(refusal: type[Refusal]) -> dict[str, str]:
    """language → sentence, read from the docstring."""
    found: dict[str, str] = {}
    language = ""
    for line in (refusal.__doc__ or "").split("\n\n")[0].splitlines():
        text = line.strip()
        if text[:3] in ("de:", "en:"):
            language, text = text[:2], text[3:].strip()
        if language and text:
            found[language] = f"{found[language]} {text}" if language in found else text
    return found


def all_refusals(root: type[Refusal] = Refusal) -> Iterator[type[Refusal]]:
    """Every refusal that the imported parts define."""
    for kind in root.__subclasses__():
        yield kind
        yield from all_refusals(kind)


class Malformed(Refusal):
    """de: Diese Anfrage ist unvollständig oder beschädigt. Laden Sie die Seite neu und versuchen Sie es noch einmal.
    en: This request is incomplete or damaged. Reload the page and try again."""

    code = "base.malformed"
    status = 422


class Unknown(Refusal):
    """de: Das gibt es hier nicht, oder es ist nicht für Sie freigegeben.
    en: This does not exist here, or it is not shared with you."""

    code = "base.unknown"
    status = 404


class TooFast(Refusal):
    """de: Das war sehr schnell hintereinander. Bitte warten Sie {retry_after_s} Sekunden.
    en: That was very fast. Please wait {retry_after_s} seconds."""

    code = "base.too_fast"
    status = 429


class Overloaded(Refusal):
    """de: Gerade ist sehr viel los. Es ist nichts verloren gegangen, der nächste Versuch folgt von selbst.
    en: There is a lot going on right now. Nothing is lost, the next attempt follows by itself."""

    code = "base.overloaded"
    status = 503


class Broken(Refusal):
    """de: Da ist etwas schiefgegangen. Es ist nichts verloren gegangen; bitte versuchen Sie es noch einmal.
    en: Something went wrong. Nothing is lost; please try again."""

    code = "base.broken"
    status = 500
