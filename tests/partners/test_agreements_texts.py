"""The processing agreement: a version never changes, and the handbook names each by its hash."""

import re

from tests.contract.source import ROOT
from verbund.partners.agreements.texts import newest_common, texts, version_of

#: What operators have agreed to; a new version is a new line, an old one stays as it is.
PUBLISHED = {"1": "3vvSccns-_fp8XhXuW4xSxOz9c-ZSwgkBPJVfJrDqSs"}


def test_published_version_stays_as_it_is() -> None:
    assert {version_of(text): text for text in texts()} == PUBLISHED


def test_handbook_names_every_version() -> None:
    page = (ROOT / "handbook" / "operating" / "partners.md").read_text("utf-8")
    assert dict(re.findall(r"^\| (\d+) \| `([\w-]{43})` \|$", page, re.MULTILINE)) == PUBLISHED


def test_every_version_says_that_it_is_a_draft() -> None:
    assert all("Entwurf, ersetzt keine Rechtsberatung" in text for text in texts().values())


def test_newest_common_version_is_agreed_to() -> None:
    newest = list(texts())[-1]
    assert newest_common([newest, "x" * 43]) == newest
    assert newest_common(["x" * 43]) is None
