"""Whether what a partner sends has the form that it must have, before it is looked at more closely. Pure."""

import re

import msgspec

from verbund.base.canonical import INTEGER_MAX
from verbund.base.ids import SpaceId, is_hash
from verbund.log.columns import Run
from verbund.log.entry import Entry

SUBLOGS_MAX = 256
_SUBLOG = re.compile(r"[A-Za-z0-9_-]{43}\.[0-9]{1,16}")


class _Space(msgspec.Struct):
    """Of a core only the space that it says it belongs to; the first core of a space says none."""

    sp: str | None = None


_space_decoder = msgspec.json.Decoder(_Space)


def is_vector(vector: dict[str, int]) -> bool:
    return len(vector) <= SUBLOGS_MAX and all(
        0 <= seq <= INTEGER_MAX and _SUBLOG.fullmatch(sub) is not None for sub, seq in vector.items()
    )


def is_of(space: SpaceId, entry: Entry) -> bool:
    """Whether an entry belongs to this space and was taken in at a time of ours."""
    try:
        core = _space_decoder.decode(entry.c)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return False
    return (entry.id if core.sp is None else core.sp) == space and 0 <= entry.at < INTEGER_MAX


def are_numbers(run: Run) -> bool:
    return (
        is_hash(run.provider)
        and run.count > 0
        and 0 <= run.incarnation < INTEGER_MAX
        and 0 < run.first <= run.last < INTEGER_MAX
    )
