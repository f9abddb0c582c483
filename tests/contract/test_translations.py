"""Every sentence of the app is there in German and in English, with the same gaps to fill."""

import json
import re
from typing import Any

import pytest

from tests.contract.source import ROOT

MESSAGES = ROOT / "app" / "messages"
PARTS = sorted(path.name for path in MESSAGES.iterdir())
_GAP = re.compile(r"\{(\w+)\}")
_ADDRESS = re.compile(r"\b(Sie|Ihnen|Ihr(e[nmrs]?)?|du|dir|dich|dein(e[nmrs]?)?)\b")
#: Read before it is known how a firm speaks, or not an address at all.
ONE_FORM = re.compile(
    r"accounts_(welcome|form|forgotten|reset|code_text|card_(revoke_text|number|code))|app_(set_up_text|promise|preview)"
)


def sentences(language: str, part: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((MESSAGES / part / f"{language}.json").read_text("utf-8"))
    return {key: value for key, value in content.items() if not key.startswith("$")}


def texts(value: Any) -> list[str]:
    """Every text in a message, its variants included."""
    if isinstance(value, str):
        return [value]
    inner = value.values() if isinstance(value, dict) else value
    return [text for one in inner for text in texts(one)]


def test_sentences_are_found() -> None:
    assert {"app", "chat"} <= set(PARTS)


@pytest.mark.parametrize("part", PARTS)
def test_both_languages_say_the_same_things(part: str) -> None:
    german, english = sentences("de", part), sentences("en", part)
    assert set(german) == set(english)
    for key, value in german.items():
        assert all(text.strip() for text in texts(value) + texts(english[key])), key
        gaps = [set(_GAP.findall(" ".join(texts(one)))) - {"form"} for one in (value, english[key])]
        assert gaps[0] == gaps[1], key


@pytest.mark.parametrize("part", PARTS)
def test_no_exclamation_marks(part: str) -> None:
    loud = [key for language in ("de", "en") for key, value in sentences(language, part).items()
            if any("!" in text for text in texts(value) if not text.startswith("!"))]  # fmt: skip
    assert not loud


@pytest.mark.parametrize("part", PARTS)
def test_who_is_addressed_is_addressed_as_the_firm_does(part: str) -> None:
    """A firm says Sie or du: what addresses people has both forms, or is worded without."""
    found = {key: value for key, value in sentences("de", part).items() if isinstance(value, str)}
    assert not [key for key, value in found.items() if _ADDRESS.search(value) and not ONE_FORM.match(key)]
