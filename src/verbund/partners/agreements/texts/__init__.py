"""The versions of the processing agreement that this release knows. A published version never changes again."""

from functools import cache
from hashlib import sha256
from importlib.resources import files

from verbund.base.ids import b64

VERSIONS = ("1",)


@cache
def texts() -> dict[str, str]:
    """SHA-256 of the file → its text, the newest version last."""
    raws = [files(__package__).joinpath(f"{version}.md").read_bytes() for version in VERSIONS]
    return {b64(sha256(raw).digest()): raw.decode("utf-8") for raw in raws}


def version_of(text: str | None) -> str | None:
    """The version that a hash names; None for one that this release does not know."""
    return dict(zip(texts(), VERSIONS, strict=True)).get(text or "")


def newest_common(theirs: list[str]) -> str | None:
    """The newest version that both know."""
    return next((text for text in reversed(texts()) if text in theirs), None)
