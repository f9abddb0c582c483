"""Handles: what a person types is one thing, however it is written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verbund.accounts.handles import HANDLE_CHARS_MAX, BadHandle, checked, folded


@given(st.text(max_size=60))
def test_folding_twice_is_folding_once(text: str) -> None:
    assert folded(folded(text)) == folded(text)


@given(st.text(max_size=60))
def test_what_is_accepted_is_folded_short_and_plain(text: str) -> None:
    try:
        handle = checked(text)
    except BadHandle:
        return
    assert handle == folded(text)
    assert len(handle) <= HANDLE_CHARS_MAX
    assert not any(letter.isspace() or letter in "<>&\"'\\/" for letter in handle)


@pytest.mark.parametrize(
    ("one", "other"), [("Müller", "MU\u0308LLER"), ("straße", "STRASSE"), ("ﬁnn", "finn"), (" anna ", "Anna")]
)
def test_these_are_one(one: str, other: str) -> None:
    assert checked(one) == checked(other)


@pytest.mark.parametrize("text", ["аnna", "ann\u200ba", "αnna", "a..", "anna\u202e", "4\u0660"])
def test_look_alikes_are_refused(text: str) -> None:
    with pytest.raises(BadHandle):
        checked(text)
