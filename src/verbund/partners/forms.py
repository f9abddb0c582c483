"""The form of frames: of those that go out, and whether what a partner sends has the one that it must have. Pure."""

import re
from collections.abc import Callable, Iterable, Iterator

import msgspec

from verbund.base.canonical import INTEGER_MAX
from verbund.base.ids import ProviderId, SpaceId, is_hash
from verbund.log.bulk import ENTRIES_MAX
from verbund.log.columns import Run
from verbund.log.entry import Entry
from verbund.partners.actions import Contradiction, Take
from verbund.partners.here import Here
from verbund.partners.peer import Peer
from verbund.partners.push import Ready
from verbund.partners.refusals import NotHeld, Protocol, TooMuch
from verbund.partners.schemas import Bulk, Digest, Reach
from verbund.partners.vouched import SUBLOGS_MAX

DIGEST_MARKS_MAX = 800
_encoder = msgspec.msgpack.Encoder()
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


def fresh_ends(runs: list[Run], end: Callable[[str], int]) -> dict[str, int] | None:
    """Sub-log → seq after these; None when something between is missing. `end`: how far a sub-log gets without them."""
    ends: dict[str, int] = {}
    for run in runs:
        last = ends.get(run.sub, end(run.sub))
        if run.first > last + 1:
            return None
        ends[run.sub] = max(last, run.last)
    return ends


def believed(here: Here, space: SpaceId, reach: Reach) -> tuple[Reach, list[Contradiction]]:
    """Of what a partner says to have, what can be true: nothing of another history than the one here, and nothing that
    this provider would have written and did not.
    """
    ours, true, contradictions = here.reach.get(space, {}), {}, []
    for sub, mark in reach.items():
        own = ours.get(sub)
        if own is not None and own.seq == mark.seq and own.chain != mark.chain:
            contradictions.append(Contradiction(space, sub, mark.seq, own.chain, mark.chain))
        elif not here.is_ours(sub) or mark.seq <= here.seq(space, sub):
            true[sub] = mark
    return true, contradictions


def fault(here: Here, peer: Peer, take: Take, runs: list[Run]) -> str | None:
    """Why a frame of entries is refused before anything of it is looked at more closely."""
    if not here.may_bring(peer.provider, take.space):
        return NotHeld.code
    count = sum(run.count for run in runs)
    if not (0 < count <= ENTRIES_MAX and all(are_numbers(run) for run in runs)):
        return Protocol.code
    if not all(is_of(take.space, one) for one in take.entries) or (take.packed and len(runs) > SUBLOGS_MAX):
        return Protocol.code
    if any(here.is_ours(run.sub) and run.last > here.seq(take.space, run.sub) for run in runs):
        return NotHeld.code  # what this incarnation wrote is here; nobody goes on with its sub-logs
    return None if peer.introduce(take.space, count, here) else TooMuch.code


def digests(here: Here, spaces: Iterable[SpaceId], links: list[ProviderId]) -> Iterator[Digest]:
    """How far these spaces are here, DIGEST_MARKS_MAX marks to a frame; without any, one that says that we are here."""
    gathered: dict[SpaceId, Reach] = {}
    marks = 0
    for space in list(spaces):
        reach = here.reach.get(space, {})
        if gathered and marks + len(reach) > DIGEST_MARKS_MAX:
            yield Digest(gathered, links)
            gathered, marks = {}, 0
        gathered[space] = reach
        marks += len(reach)
    yield Digest(gathered, links)


def entries_frame(ready: Ready) -> bytes:
    space, number, raws, packed = ready
    if packed is not None:
        return _encoder.encode(Bulk(space, number, packed.runs, packed.data))
    head = f'{{"f":"entries","sp":"{space}","n":{number},"e":['
    return head.encode("ascii") + b",".join(raws) + b"]}"
