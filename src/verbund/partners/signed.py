"""Signed heads and the keys that they are signed with, in the store."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, and_, bindparam, delete, func, or_, select

from verbund.base.ids import ProviderId, SpaceId, b64
from verbund.log import tables as log_tables
from verbund.log.entry import split_sublog, sublog
from verbund.log.sealed import Segments
from verbund.log.tx import Tx
from verbund.partners import tables
from verbund.partners.heads import STRIDE, End
from verbund.partners.schemas import Certificate, Head

#: So far back a head looks for those that it makes superfluous.
PASSED_MAX = 8 * STRIDE
Place = tuple[tuple[ProviderId, int], int]
_place, _entry = log_tables.sublog.c, log_tables.entry.c
#: Built once: they are asked for every space of which there is something new.
_MINE = select(_place.number, _place.incarnation, _place.seq).where(
    _place.space == bindparam("space"), _place.provider == bindparam("own")
)
_ENDS = (
    select(_entry.seq, _entry.chain, _entry.position)
    .where(
        _entry.sublog == bindparam("sublog"), _entry.seq > bindparam("after"),
        or_(_entry.seq % STRIDE == 0, _entry.seq == bindparam("end")),
    )
    .order_by(_entry.seq)
    .limit(bindparam("count"))
)  # fmt: skip


class Kept(NamedTuple):
    """`ends`: (space, sub-log, seq, chain) of the last heads of each, and of those beyond what is on disk."""

    certificates: list[Certificate]
    ends: list[tuple[SpaceId, str, int, str]]


def kept(connection: Connection, count_max: int) -> Kept:
    """What was kept before the start."""
    rows = connection.execute(select(tables.head_key.c.certificate).limit(count_max)).scalars()
    certificates = [msgspec.json.decode(row, type=Certificate) for row in rows]
    revoked = {(one.p, number) for one in certificates for number in one.revoked}
    c, place = tables.signed_head.c, log_tables.sublog.c
    newest = (
        select(c.space, c.provider, c.incarnation, func.max(c.seq).label("seq"))
        .group_by(c.space, c.provider, c.incarnation)
        .subquery()
    )

    def same(other: Any) -> Any:
        return and_(other.space == c.space, other.provider == c.provider, other.incarnation == c.incarnation)

    heads = connection.execute(
        select(c.space, c.provider, c.incarnation, c.seq, c.chain, c.key)
        .join(newest, same(newest.c))
        .join(log_tables.sublog, same(place), isouter=True)
        .where(or_(c.seq == newest.c.seq, c.seq % STRIDE != 0, c.seq > func.coalesce(place.seq, 0)))
        .order_by(c.seq)
    )
    return Kept(certificates, [
        (row.space, sublog(row.provider, row.incarnation), row.seq, row.chain)
        for row in heads
        if (row.provider, row.key) not in revoked
    ])  # fmt: skip


def beyond(connection: Connection, space: SpaceId, sub: str, seq: int, limit: int) -> list[Head]:
    """The heads of a sub-log after `seq`, growing."""
    provider, incarnation = split_sublog(sub)
    c = tables.signed_head.c
    rows = connection.execute(
        select(c.head)
        .where(c.space == space, c.provider == provider, c.incarnation == incarnation, c.seq > seq)
        .order_by(c.seq)
        .limit(limit)
    ).scalars()
    return [msgspec.json.decode(row, type=Head) for row in rows]


def unsigned(
    connection: Connection, space: SpaceId, own: ProviderId, incarnation: int, last: Mapping[str, tuple[int, str]],
    limit: int,
) -> list[End]:  # fmt: skip
    """What this provider has to sign of a space: each multiple of STRIDE beyond `last`, and the end.

    Invariant: what came back after its disk was lost it signs no further than it did before: that is a partner's word.
    """
    found: list[End] = []
    for sub in connection.execute(_MINE, {"space": space, "own": own}).all():
        seq, _ = last.get(sublog(own, sub.incarnation), (0, ""))
        is_over = sub.incarnation != incarnation and seq > 0
        if is_over or seq >= sub.seq or len(found) >= limit:
            continue
        asked = {"sublog": sub.number, "after": seq, "end": sub.seq, "count": limit - len(found)}
        rows = connection.execute(_ENDS, asked)
        segments, to = Segments(connection), sub.incarnation
        found += [End(space, to, row.seq, segments.chain_of(row, space, (own, to, row.seq))) for row in rows.all()]
    return found


def chains(connection: Connection, space: SpaceId, places: Iterable[Place]) -> dict[tuple[str, int], str]:
    """(sub-log, seq) → the chain there, of the entries that are here. A new replica hears of many that are not."""
    wanted: dict[tuple[ProviderId, int], list[int]] = {}
    for key, seq in places:
        wanted.setdefault(key, []).append(seq)
    place, entry = log_tables.sublog.c, log_tables.entry.c
    found, segments = {}, Segments(connection)
    mine = select(place.number, place.provider, place.incarnation, place.seq).where(place.space == space)
    for sub in connection.execute(mine).all():
        key = (sub.provider, sub.incarnation)
        here = [seq for seq in wanted.get(key, ()) if seq <= sub.seq]
        if not here:
            continue
        these = select(entry.seq, entry.chain, entry.position).where(entry.sublog == sub.number, entry.seq.in_(here))
        for row in connection.execute(these).all():
            found[sublog(*key), row.seq] = b64(segments.chain_of(row, space, (*key, row.seq)))
    return found


def keep_certificates(tx: Tx, certificates: Iterable[Certificate]) -> None:
    """New keys; the heads go that were signed with those that they revoke."""
    c = tables.signed_head.c
    for one in certificates:
        text = msgspec.json.encode(one).decode()
        tx.upsert(tables.head_key, {"provider": one.p, "number": one.number, "certificate": text})
        if one.revoked:
            tx.execute(delete(tables.signed_head).where(c.provider == one.p, c.key.in_(one.revoked)))


def keep_heads(tx: Tx, heads: Iterable[tuple[SpaceId, Head]], here: Callable[[SpaceId, str], int]) -> None:
    """New heads. Those before them stay at multiples of STRIDE, and as long as the new one is beyond what is `here`."""
    c = tables.signed_head.c
    passed: dict[tuple[SpaceId, str], list[Head]] = {}
    for space, one in heads:
        if one.n <= here(space, one.sub):
            passed.setdefault((space, one.sub), []).append(one)
        tx.upsert(tables.signed_head, {
            "space": space, "provider": one.p, "incarnation": one.i, "seq": one.n, "key": one.key, "chain": one.h,
            "head": msgspec.json.encode(one).decode(),
        })  # fmt: skip
    for (space, _), ends in passed.items():
        first, last = min(one.n for one in ends), max(ends, key=lambda one: one.n)
        mine = (c.space == space, c.provider == last.p, c.incarnation == last.i)
        between = (c.seq < last.n, c.seq > first - PASSED_MAX, c.seq % STRIDE != 0)
        tx.execute(delete(tables.signed_head).where(*mine, *between))
