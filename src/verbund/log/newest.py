"""What a replica needs first of a space: its authority, where each device stands, and what was said last. Never writes.

Everything else can come later, in its order (see early.py).
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, select

from verbund.base.ids import CoreId, DeviceId, SpaceId
from verbund.log import tables
from verbund.log.entry import QUARANTINED, SETTLED, VOID, WAITING, Vector, split_sublog
from verbund.log.sealed import Segments
from verbund.log.stored import decode_core, stored_wire

NEWEST_MAX = 500
#: In all, authority included.
EARLY_MAX = 5_000
EARLY_BYTES_MAX = 4 * 1024 * 1024
DEVICES_MAX = 2_000
#: What is referred to comes along, over so many steps.
STEPS_MAX = 3
VOIDS_MAX = 16
CHUNK = 500


class Newest(NamedTuple):
    """Encoded entries, causes first; `reached`: the place in this provider's order up to which was looked."""

    entries: list[bytes]
    reached: int


def newest(connection: Connection, space: SpaceId, after: Vector, since: int) -> Newest | None:
    """What is to go ahead of what the vector covers; after place `since`, if one was reached before, all that is new.

    None where that is too much: then everything comes in its order.
    """
    segments = Segments(connection)
    reached = int(connection.execute(select(func.max(tables.entry.c.position))).scalar() or 0)
    if since:
        rows = list(segments.wholes(connection.execute(_new(space, since, reached))))
        reached = rows[NEWEST_MAX - 1].position if len(rows) > NEWEST_MAX else reached
        rows = rows[:NEWEST_MAX]
    else:
        rows = _first(connection, space, segments)
    covered = {split_sublog(key): seq for key, seq in after.items()}
    wanted = [row for row in rows if row.seq > covered.get((row.provider, row.incarnation), 0)]
    found = [stored_wire(row) for row in wanted]
    is_much = len(found) > EARLY_MAX or sum(map(len, found)) > EARLY_BYTES_MAX
    return None if is_much else Newest(found, reached)


def _first(connection: Connection, space: SpaceId, segments: Segments) -> list[Any]:
    core = tables.core.c
    kept = (core.state.in_((SETTLED, QUARANTINED)), core.body.is_not(None))
    authority = select(core.position).where(core.space == space, core.authority == 1, *kept)
    places = {*connection.execute(authority.limit(EARLY_MAX + 1)).scalars(), *_last_said(connection, space)}
    found = _at(connection, sorted({*places, *_stands(connection, space)}))
    rows = {row.position: row for row in segments.wholes(found)}
    fresh: Iterable[Any] = list(rows.values())
    for _ in range(STEPS_MAX):
        named = {one for row in fresh for one in decode_core(bytes(row.raw)).re} - {row.id for row in rows.values()}
        new = [row for row in _named(connection, space, named) if row.position not in rows]
        fresh = list(segments.wholes(sorted(new, key=lambda row: row.position)))
        rows |= {row.position: row for row in fresh}
        if not fresh or len(rows) > EARLY_MAX:
            break
    return [rows[place] for place in sorted(rows)]


def _last_said(connection: Connection, space: SpaceId) -> list[int]:
    """The places of the cores of the newest entries."""
    entry, sublog = tables.entry.c, tables.sublog.c
    found: set[int] = set()
    for row in connection.execute(select(sublog.number, sublog.seq).where(sublog.space == space)).all():
        latest = (entry.sublog == row.number, entry.seq > row.seq - NEWEST_MAX)
        found |= set(connection.execute(select(entry.core).where(*latest)).scalars())
    return sorted(found, reverse=True)[:NEWEST_MAX]


def _stands(connection: Connection, space: SpaceId) -> list[int]:
    """The places of each device's last core, with those that one looks through."""
    core = tables.core.c
    found: list[int] = []
    for dev in _devices(connection, space):
        last = select(core.position, core.state).where(core.space == space, core.dev == dev)
        for place, state in connection.execute(last.order_by(core.ds.desc()).limit(VOIDS_MAX)).all():
            found.append(place)
            if state != VOID:
                break
    return found


def _devices(connection: Connection, space: SpaceId) -> list[DeviceId]:
    """Who wrote there. From one to the next by the index: a look at all their cores takes a second for a million."""
    core = tables.core.c
    found: list[DeviceId] = []
    while len(found) < DEVICES_MAX:
        beyond = (core.dev > found[-1],) if found else ()
        query = select(core.dev).where(core.space == space, *beyond).order_by(core.dev).limit(1)
        dev = connection.execute(query).scalar()
        if dev is None:
            break
        found.append(dev)
    return found


def _at(connection: Connection, places: Sequence[int]) -> list[Any]:
    found: list[Any] = []
    for start in range(0, len(places), CHUNK):
        found += connection.execute(_rows().where(tables.core.c.position.in_(places[start : start + CHUNK]))).all()
    return found


def _named(connection: Connection, space: SpaceId, ids: Iterable[CoreId]) -> list[Any]:
    core, wanted = tables.core.c, list(ids)[:EARLY_MAX]
    found: list[Any] = []
    for start in range(0, len(wanted), CHUNK):
        rows = connection.execute(_rows().where(core.id.in_(wanted[start : start + CHUNK]))).all()
        found += [row for row in rows if row.space == space]  # asked of the store, it would look through the space
    return found


def _new(space: SpaceId, since: int, reached: int) -> Any:
    core = tables.core.c
    within = (core.position > since, core.position <= reached, core.space == space)
    return _rows().where(*within).order_by(core.position).limit(NEWEST_MAX + 1)


def _rows() -> Any:
    """Cores with their first places; what waits is not shown here either."""
    core, entry, place = tables.core.c, tables.entry.c, tables.sublog.c
    columns = (
        entry.position, entry.seq, entry.chain, entry.at, entry.void, place.provider, place.incarnation,
        core.id, core.raw, core.sig, core.state, core.reason, core.salt, core.body, core.space,
        core.position.label("origin"),
    )  # fmt: skip
    return (
        select(*columns)
        .join(tables.entry, entry.position == core.position)
        # Not by the sub-log alone: SQLite would begin with it, and look through all its entries.
        .join(tables.sublog, place.number == entry.sublog + 0)
        .where(core.state != WAITING)
    )
