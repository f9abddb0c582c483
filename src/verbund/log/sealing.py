"""Old entries of a space become a segment: packed like a frame between providers, read back and compared, and only then
taken out of their rows, in the transaction that writes the segment. So a crash leaves the one or the other.

Every entry of the stretch is in the segment, so that its chains hold. What may still change (authority, what is set
aside, what waits) keeps its columns, and its body is not in the segment: each body lies in one place.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Table, column, delete, func, insert, select, table, update

from verbund.base.ids import CoreId, SpaceId, b64
from verbund.log import places, tables
from verbund.log.bulk import ENTRIES_MAX, PLAIN_BYTES_MAX, Packed, pack, unpack
from verbund.log.entry import SETTLED, VOID, Entry, Vector, sublog
from verbund.log.sealed import opened, packed
from verbund.log.stored import stored_parcel
from verbund.log.tx import Tx

#: Where a body was, its hash stands in the segment: it must still fit when all of them are erased.
SPARE_BYTES = 48 * ENTRIES_MAX
#: So many of the entries must be old. Not all: a partner whose clock is wrong holds nothing up.
OLD_SHARE = 0.9
#: Bodies that are gathered before they are taken out of their segments.
GONE_MAX = 10_000
CHUNK = 500
_runs = msgspec.msgpack.Encoder()


class Prepared(NamedTuple):
    """A segment that may be written, if its rows are still what they were. `cores`: the positions of what it takes;
    `before`, `reached`: how far the segments go without and with it."""

    space: SpaceId
    before: Vector
    rows: list[Any]
    cores: list[int]
    packed: Packed
    reached: Vector


def due(connection: Connection) -> list[SpaceId]:
    """Spaces with enough entries that lie in no segment."""
    c, place = tables.segment.c, tables.sublog.c
    sealed = connection.execute(select(c.space, func.sum(c.count).label("entries")).group_by(c.space)).all()
    known = {row.space: row.entries for row in sealed}
    rows = connection.execute(select(place.space, func.sum(place.seq).label("entries")).group_by(place.space)).all()
    return [SpaceId(row.space) for row in rows if row.entries - known.get(row.space, 0) >= ENTRIES_MAX]


def prepare(connection: Connection, space: SpaceId, before_ms: int) -> Prepared | None:
    """The next segment of a space: ENTRIES_MAX entries, or as many as there is room for. None while there are not so
    many, or they are not from before that time."""
    reached = _reached(connection, space)
    rows = _next(connection, space, reached, ENTRIES_MAX)
    is_full = len(rows) == ENTRIES_MAX or sum(map(_size, rows)) > PLAIN_BYTES_MAX
    if not is_full or sorted(row.at for row in rows)[int(OLD_SHARE * len(rows))] >= before_ms:
        return None
    entries = [_entry(row) for row in rows]
    while (found := pack(space, entries, SPARE_BYTES)) is None:
        assert len(entries) > 1, "there is room for one, however large"
        del entries[len(entries) // 2 :]
    rows = rows[: len(entries)]
    if unpack(space, found) != entries:
        raise ValueError("a segment does not give back what went in")
    ends = {sublog(row.provider, row.incarnation): row.seq for row in rows}
    return Prepared(space, reached, rows, [row.origin for row in rows if _goes_in(row)], found, {**reached, **ends})


def put(tx: Tx, one: Prepared) -> bool:
    """Write a segment and empty the rows of what it has. False if something has changed since: then nothing is done."""
    tx.flush()
    before = _reached(tx.connection, one.space)
    if before != one.before or _next(tx.connection, one.space, before, len(one.rows)) != one.rows:
        return False
    first, last = one.rows[0].position, one.rows[-1].position
    tx.insert(tables.segment, {
        "first": first, "last": last, "space": one.space, "count": len(one.rows),
        "reached": msgspec.json.encode(one.reached).decode(), "runs": _runs.encode(one.packed.runs),
        "data": one.packed.data,
    })  # fmt: skip
    _empty(tx, tables.core, one.cores, ("raw", "sig", "salt", "body"))
    _empty(tx, tables.entry, [row.position for row in one.rows], ("chain",))
    return True


def take_out(tx: Tx) -> None:
    """What was erased in this transaction is taken out of the segments that have it: they are written anew."""
    gone, tx.gone = tx.gone, []
    spaces: dict[SpaceId, dict[int, CoreId]] = defaultdict(dict)
    for one in gone:
        spaces[one.space][one.position] = one.id
    for space, cores in spaces.items():
        _take_out(tx, space, cores)


def _take_out(tx: Tx, space: SpaceId, gone: dict[int, CoreId]) -> None:
    c = tables.segment.c
    bounds = tx.execute(select(c.first, c.last).where(c.space == space).order_by(c.first)).all()
    firsts = [row.first for row in bounds]
    found: dict[int, set[CoreId]] = defaultdict(set)
    for position, core in gone.items():
        at = bisect_right(firsts, position) - 1
        if at >= 0 and position <= bounds[at].last:
            found[firsts[at]].add(core)
    for first, cores in found.items():
        row = tx.execute(select(c.runs, c.data).where(c.first == first)).one()
        entries = unpack(space, packed(bytes(row.runs), bytes(row.data)))
        left = [msgspec.structs.replace(one, sa=None, b=None) if one.id in cores else one for one in entries]
        smaller = pack(space, left)
        assert smaller is not None, "SPARE_BYTES is too little"
        tx.execute(update(tables.segment).where(c.first == first).values(data=smaller.data))
    if found:
        tx.after_commit(opened.cache_clear)


def _reached(connection: Connection, space: SpaceId) -> Vector:
    c = tables.segment.c
    found = connection.execute(select(c.reached).where(c.space == space).order_by(c.first.desc()).limit(1)).scalar()
    return {} if found is None else msgspec.json.decode(found, type=Vector)


def _next(connection: Connection, space: SpaceId, reached: Vector, count: int) -> list[Any]:
    """At most so many rows, and no more than what cannot be packed together anyway."""
    found: list[Any] = []
    size = 0
    with places.after(connection, space, reached, count) as rows:
        for row in rows:
            if len(found) == count or size > PLAIN_BYTES_MAX:
                break
            found.append(row)
            size += _size(row)
    return found


def _size(row: Any) -> int:
    return len(row.raw) + len(row.body or b"")


def _goes_in(row: Any) -> bool:
    """Whether its core lies in the segment alone: it counts, and stands here for the first time."""
    return row.state == SETTLED and not row.authority and row.position == row.origin


def _entry(row: Any) -> Entry:
    parcel, goes_in = stored_parcel(row), _goes_in(row)
    return Entry(
        row.id, row.provider, row.incarnation, row.seq, b64(bytes(row.chain)), row.at, VOID if row.void else SETTLED,
        parcel.c, parcel.s, parcel.sa if goes_in else None, parcel.b if goes_in else None,
    )  # fmt: skip


def _empty(tx: Tx, of: Table, positions: Sequence[int], columns: tuple[str, ...]) -> None:
    """Taken out and put in again, not changed: so pages become free, where rows that shrink leave them half empty."""
    plain = table(of.name, *(column(one.name) for one in of.c))  # without types: values stay as they are stored
    for start in range(0, len(positions), CHUNK):
        these = plain.c.position.in_(positions[start : start + CHUNK])
        rows = tx.execute(select(plain).where(these).order_by(plain.c.position)).mappings().all()
        tx.execute(delete(plain).where(these))
        tx.execute(insert(plain), [dict(row) | {one: b"" for one in columns if row[one] is not None} for row in rows])
