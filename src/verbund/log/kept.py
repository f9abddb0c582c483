"""What is on disk, as judging and folding it once more needs it. Never writes."""

from typing import Any

from sqlalchemy import select

from verbund.base.ids import CoreId, SpaceId
from verbund.log import tables
from verbund.log.entry import QUARANTINED, SETTLED
from verbund.log.tx import Tx

PAGE = 1_000


def one(tx: Tx, core: CoreId) -> Any:
    """A core with its first place."""
    c, entry, sublog = tables.core.c, tables.entry.c, tables.sublog.c
    columns = (
        c.raw, c.sig, c.state, c.salt, c.body, c.position,
        entry.at, entry.seq, entry.chain, sublog.provider, sublog.incarnation,
    )  # fmt: skip
    return tx.execute(
        select(*columns)
        .join(tables.entry, entry.position == c.position)
        .join(tables.sublog, sublog.number == entry.sublog)
        .where(c.id == core)
    ).one()


def page(tx: Tx, space: SpaceId | None, after: int) -> list[Any]:
    """The next cores that count or are set aside, PAGE at most."""
    core, entry = tables.core.c, tables.entry.c
    query = (
        select(core.raw, core.sig, core.state, core.reason, core.salt, core.body, core.position, entry.at)
        .join(tables.entry, entry.position == core.position)
        .where(core.position > after, core.state.in_((SETTLED, QUARANTINED)))
        .order_by(core.position)
        .limit(PAGE)
    )
    if space is not None:
        query = query.where(core.space == space)
    return list(tx.execute(query).all())


def whole(tx: Tx, space: SpaceId | None) -> set[CoreId]:
    """The cores that a refold folds: those with a body."""
    core = tables.core.c
    query = select(core.id).where(core.body.is_not(None), core.state.in_((SETTLED, QUARANTINED)))
    return set(tx.execute(query if space is None else query.where(core.space == space)).scalars())
