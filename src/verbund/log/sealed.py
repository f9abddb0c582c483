"""What lies sealed in segments (see sealing.py): rows are made whole with it. Never writes.

A row whose columns are empty finds them in the segment of its space that has its position (see tables.py). What the
row itself has counts: a body that is NULL is gone, whatever a segment says.
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from types import SimpleNamespace
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, select

from verbund.base.ids import CoreId, ProviderId, SpaceId, unb64
from verbund.base.refusal import Refusal
from verbund.log import tables
from verbund.log.bulk import Packed, unpack
from verbund.log.columns import Run
from verbund.log.entry import Entry

#: Segments that are kept open: some 1.5 MB each.
OPEN_MAX = 16
_runs = msgspec.msgpack.Decoder(list[Run])


#: (provider, incarnation, seq).
Place = tuple[ProviderId, int, int]


class Opened(NamedTuple):
    """A segment that was unpacked: its entries, by core and by place."""

    cores: dict[CoreId, Entry]
    chains: dict[Place, bytes]


class NotSealed(Exception):
    """A row says that a segment has what is missing, and none does: the store is damaged."""


class Segments:
    """The segments as one reading sees them. Asks for each once, as long as rows come in order."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        #: Space → the segment that was asked for last: (first, last, its content).
        self._last: dict[SpaceId, tuple[int, int, Opened]] = {}

    def whole(self, row: Any) -> Any:
        """A row of `core`, and of `entry` if it has a `chain`, with everything in it.

        It has `space`, `id`, `origin` (the position of the core) and what is wanted of raw, sig, salt, body; with a
        chain also `position` (of the entry), provider, incarnation and seq.
        """
        chain = getattr(row, "chain", None)
        lacks_chain = chain is not None and not chain
        if row.raw and not lacks_chain:
            return row
        found = row._asdict()
        if not row.raw:
            found |= self._columns(row)
        if lacks_chain:
            found["chain"] = self.chain(row.space, row.position, (row.provider, row.incarnation, row.seq))
        return SimpleNamespace(**found)

    def wholes(self, rows: Iterable[Any]) -> Iterator[Any]:
        """Each row, made whole."""
        return map(self.whole, rows)

    def chain(self, space: SpaceId, position: int, place: Place) -> bytes:
        """The chain after the entry at a position, which a segment has."""
        try:
            return self._at(space, position).chains[place]
        except KeyError as error:
            raise NotSealed(space, position) from error

    def chain_of(self, row: Any, space: SpaceId, place: Place) -> bytes:
        """The chain of a row (chain, position) of `entry`."""
        return bytes(row.chain) or self.chain(space, row.position, place)

    def _columns(self, row: Any) -> dict[str, Any]:
        one = self._at(row.space, row.origin).cores.get(row.id)
        if one is None:
            raise NotSealed(row.space, row.origin)
        # In between two questions a body may have been erased: then the segment has it no more.
        body, sa = (one.b, one.sa) if getattr(row, "body", None) is not None else (None, None)
        return {
            "raw": one.c.encode(),
            "sig": getattr(row, "sig", None) or unb64(one.s),
            "salt": None if sa is None else unb64(sa),
            "body": None if body is None else body.encode(),
        }

    def _at(self, space: SpaceId, position: int) -> Opened:
        held = self._last.get(space)
        if held is None or not held[0] <= position <= held[1]:
            c = tables.segment.c
            row = self._connection.execute(
                select(c.first, c.last, c.runs, c.data)
                .where(c.space == space, c.first <= position)
                .order_by(c.first.desc())
                .limit(1)
            ).first()
            if row is None or position > row.last:
                raise NotSealed(space, position)
            held = self._last[space] = (row.first, row.last, opened(space, bytes(row.runs), bytes(row.data)))
        return held[2]


def is_whole(row: Any) -> bool:
    """Whether a row of `segment` can be read: it is whole and its chains hold."""
    try:
        opened.__wrapped__(row.space, bytes(row.runs), bytes(row.data))
    except (Refusal, msgspec.MsgspecError):
        return False
    return True


def packed(runs: bytes, data: bytes) -> Packed:
    """A segment as its row has it."""
    return Packed(_runs.decode(runs), data)


@lru_cache(maxsize=OPEN_MAX)
def opened(space: SpaceId, runs: bytes, data: bytes) -> Opened:
    """By all its bytes: what was erased, or taken back, is never mistaken for what is there now."""
    cores: dict[CoreId, Entry] = {}
    chains = {}
    for one in unpack(space, packed(runs, data)):
        chains[one.p, one.i, one.n] = unb64(one.h)
        if one.b is not None or one.id not in cores:
            cores[one.id] = one
    return Opened(cores, chains)
