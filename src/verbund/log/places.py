"""The entries of a space that a vector does not cover, in this provider's order. Never writes."""

from collections.abc import Iterator
from contextlib import contextmanager
from heapq import merge
from typing import Any

from sqlalchemy import Connection

from verbund.base.ids import SpaceId
from verbund.log import asked
from verbund.log.entry import Vector, split_sublog
from verbund.log.sealed import Segments


@contextmanager
def after(connection: Connection, space: SpaceId, vector: Vector, limit: int) -> Iterator[Iterator[Any]]:
    """Their rows, whole, at least `limit` and one more where there are so many."""
    covered = {split_sublog(key): seq for key, seq in vector.items()}
    found = connection.execute(asked.SUBLOGS, {"space": space}).all()
    ends = [(row.number, covered.get((row.provider, row.incarnation), 0)) for row in found]
    # One more than is wanted: it says that there is more.
    asked_for = [{"sublog": number, "seq": seq, "limit": limit + 1} for number, seq in ends]
    parts = [connection.execute(asked.AFTER, one) for one in asked_for]
    try:
        # Along a sub-log positions grow as its numbers do.
        yield Segments(connection).wholes(merge(*parts, key=lambda row: row.position))
    finally:
        for part in parts:
            part.close()
