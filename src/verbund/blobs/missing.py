"""Blobs that facts name and that are not here: another provider has to give them. Never writes."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, and_, exists, func, select

from verbund.base.ids import BlobHash, SpaceId
from verbund.blobs.holdings import readable
from verbund.blobs.tables import blob_holding, blob_reference
from verbund.log import tables
from verbund.log.entry import sublog

CHUNK = 500
MISSING_MAX = 500


def lacking(connection: Connection, spaces: Iterable[SpaceId]) -> dict[SpaceId, dict[str, int]]:
    """Space → sub-log → the last seq before the first entry that names a blob which is not here."""
    core, entry, place, reference = tables.core.c, tables.entry.c, tables.sublog.c, blob_reference.c
    wanted = list(spaces)
    found: dict[SpaceId, dict[str, int]] = {}
    for start in range(0, len(wanted), CHUNK):
        # Nearly always nothing is: the way from there to the sub-logs would lead through all entries.
        absent = select(reference.core).where(reference.space.in_(wanted[start : start + CHUNK]), _absent()).limit(1)
        if connection.execute(absent).first() is None:
            continue
        rows = connection.execute(
            select(place.space, place.provider, place.incarnation, func.min(entry.seq).label("first"))
            .select_from(tables.entry)
            .join(tables.sublog, place.number == entry.sublog)
            .join(tables.core, core.position == entry.core)
            .join(blob_reference, and_(reference.core == core.id, reference.space == place.space))
            .where(reference.space.in_(wanted[start : start + CHUNK]), _absent())
            .group_by(place.space, place.provider, place.incarnation)
        )
        for row in rows:
            found.setdefault(SpaceId(row.space), {})[sublog(row.provider, row.incarnation)] = row.first - 1
    return found


def missing(connection: Connection, space: SpaceId, passed: Iterable[BlobHash] = ()) -> list[BlobHash]:
    """Blobs that the space names and that are not here, at most MISSING_MAX of them; without those in `passed`."""
    reference = blob_reference.c
    query = select(reference.hash).where(reference.space == space, _absent(), reference.hash.not_in(list(passed)))
    return list(connection.execute(query.distinct().limit(MISSING_MAX)).scalars())


def absent_count(connection: Connection) -> int:
    """How many blobs facts name that are not here, over all spaces."""
    query = select(func.count(blob_reference.c.hash.distinct())).where(_absent())
    return int(connection.execute(query).scalar_one())


def _absent() -> Any:
    reference, holding = blob_reference.c, blob_holding.c
    return ~exists().where(holding.space == reference.space, holding.hash == reference.hash, readable())
