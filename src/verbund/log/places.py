"""The entries of a space that a vector does not cover, in this provider's order. Never writes."""

from collections.abc import Iterator
from contextlib import contextmanager
from heapq import merge
from typing import Any

from sqlalchemy import Connection, select

from verbund.base.ids import SpaceId
from verbund.log import tables
from verbund.log.entry import Vector, split_sublog
from verbund.log.sealed import Segments


@contextmanager
def after(connection: Connection, space: SpaceId, vector: Vector, limit: int) -> Iterator[Iterator[Any]]:
    """Their rows, whole, at least `limit` and one more where there are so many."""
    covered = {split_sublog(key): seq for key, seq in vector.items()}
    c = tables.sublog.c
    found = connection.execute(select(c.number, c.provider, c.incarnation).where(c.space == space)).all()
    ends = [(row.number, covered.get((row.provider, row.incarnation), 0)) for row in found]
    parts = [connection.execute(_query(number, seq, limit)) for number, seq in ends]
    try:
        # Along a sub-log positions grow as its numbers do.
        yield Segments(connection).wholes(merge(*parts, key=lambda row: row.position))
    finally:
        for part in parts:
            part.close()


def _query(number: int, seq: int, limit: int) -> Any:
    core, entry, place = tables.core.c, tables.entry.c, tables.sublog.c
    columns = (
        entry.position, entry.seq, entry.chain, entry.at, entry.void, place.space, place.provider, place.incarnation,
        core.position.label("origin"), core.id, core.raw, core.sig, core.state, core.reason, core.authority, core.salt,
        core.body,
    )  # fmt: skip
    return (
        select(*columns)
        .join(tables.sublog, place.number == entry.sublog)
        .join(tables.core, core.position == entry.core)
        .where(entry.sublog == number, entry.seq > seq)
        .order_by(entry.seq)
        .limit(limit + 1)
    )
