"""Byte ranges and conditions of a GET (RFC 9110, sections 13 and 14). Pure."""

import re
from typing import NamedTuple

from verbund.blobs.refusals import RangeWrong

_RANGE = re.compile(r"bytes=\s*([0-9]{0,18})-([0-9]{0,18})\s*", re.IGNORECASE)


class Span(NamedTuple):
    """The bytes first … last of a file, both included."""

    first: int
    last: int

    @property
    def length(self) -> int:
        return self.last - self.first + 1


def parse_range(header: str | None, size: int) -> Span | None:
    """The asked span of a file of `size` bytes; None for the whole: no range, several, or not understood.

    Raises RangeWrong when the span lies outside.
    """
    match = _RANGE.fullmatch(header or "")
    if match is None or not (match[1] or match[2]):
        return None
    if not match[1]:
        suffix = int(match[2])
        if suffix == 0 or size == 0:
            raise RangeWrong(size=size)
        return Span(max(0, size - suffix), size - 1)
    first = int(match[1])
    last = int(match[2]) if match[2] else size - 1
    if match[2] and last < first:
        return None
    if first >= size:
        raise RangeWrong(size=size)
    return Span(first, min(last, size - 1))


def range_applies(if_range: str | None, etag: str) -> bool:
    """Whether an If-Range condition holds. Only this strong tag does: a date or a weak tag means the whole."""
    return if_range is None or if_range.strip() == etag


def is_fresh(if_none_match: str | None, etag: str) -> bool:
    """Whether the client has these bytes already (weak comparison)."""
    if if_none_match is None:
        return False
    tags = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return "*" in tags or etag in tags
