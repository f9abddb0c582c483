"""Ranges: what is sent is the slice that RFC 9110 names, for every header and size."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verbund.blobs.ranges import is_fresh, parse_range, range_applies
from verbund.blobs.refusals import RangeWrong

NUMBERS = st.integers(min_value=0, max_value=60)
SIZES = st.integers(min_value=0, max_value=40)


def served(header: str, size: int) -> bytes | None:
    """The bytes that a server sends of a file of that size; None for a refusal."""
    raw = bytes(range(size))
    try:
        span = parse_range(header, size)
    except RangeWrong:
        return None
    return raw if span is None else raw[span.first : span.last + 1]


@given(first=NUMBERS, last=NUMBERS, size=SIZES)
def test_closed_range(first: int, last: int, size: int) -> None:
    raw = bytes(range(size))
    expected = raw if last < first else raw[first : last + 1] or None
    assert served(f"bytes={first}-{last}", size) == expected


@given(first=NUMBERS, size=SIZES)
def test_open_range(first: int, size: int) -> None:
    assert served(f"bytes={first}-", size) == (bytes(range(size))[first:] or None)


@given(length=NUMBERS, size=SIZES)
def test_suffix_range(length: int, size: int) -> None:
    raw = bytes(range(size))
    assert served(f"bytes=-{length}", size) == (raw[max(0, size - length) :] if length and size else None)


@given(header=st.text(max_size=40), size=SIZES)
def test_nonsense_never_crashes_and_stays_inside(header: str, size: int) -> None:
    for text in (header, f"bytes={header}"):
        sent = served(text, size)
        assert sent is None or (sent in bytes(range(size)) and (len(sent) > 0 or size == 0))


@pytest.mark.parametrize("header", ["bytes=0-1,3-4", "bytes=-", "items=0-1", "bytes=a-b", "bytes=0-" + "9" * 40, ""])
def test_what_is_not_one_range_means_the_whole(header: str) -> None:
    assert parse_range(header, 10) is None


def test_conditions() -> None:
    assert range_applies(None, '"a"')
    assert range_applies('"a"', '"a"')
    assert not range_applies('W/"a"', '"a"')
    assert not range_applies("Wed, 21 Oct 2026 07:28:00 GMT", '"a"')
    assert is_fresh('"b", W/"a"', '"a"')
    assert is_fresh("*", '"a"')
    assert not is_fresh('"b"', '"a"')
    assert not is_fresh(None, '"a"')
