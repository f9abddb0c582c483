"""What is on disk, as judging and folding it once more needs it. Never writes."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import select

from verbund.base.ids import CoreId, DeviceId, SpaceId
from verbund.log import asked, tables
from verbund.log.entry import QUARANTINED, SETTLED
from verbund.log.sealed import Segments
from verbund.log.tx import Tx

PAGE = 1_000


def one(tx: Tx, core: CoreId) -> Any:
    """A core with its first place."""
    found = tx.execute(asked.KEPT, {"core": core}).one()
    return Segments(tx.connection).whole(found)


def page(tx: Tx, space: SpaceId | None, after: int) -> list[Any]:
    """The next cores that count or are set aside, PAGE at most."""
    core, entry = tables.core.c, tables.entry.c
    columns = (
        core.id, core.space, core.raw, core.sig, core.state, core.reason, core.salt, core.body, core.position,
        core.position.label("origin"), entry.at,
    )  # fmt: skip
    query = (
        select(*columns)
        .join(tables.entry, entry.position == core.position)
        .where(core.position > after, core.state.in_((SETTLED, QUARANTINED)))
        .order_by(core.position)
        .limit(PAGE)
    )
    if space is not None:
        query = query.where(core.space == space)
    return list(Segments(tx.connection).wholes(tx.execute(query).all()))


def whole(tx: Tx, space: SpaceId | None) -> set[CoreId]:
    """The cores that a refold folds: those with a body."""
    core = tables.core.c
    query = select(core.id).where(core.body.is_not(None), core.state.in_((SETTLED, QUARANTINED)))
    return set(tx.execute(query if space is None else query.where(core.space == space)).scalars())


def written(tx: Tx, devices: Iterable[DeviceId]) -> set[SpaceId]:
    """Where these devices wrote."""
    devices = list(devices)
    if not devices:
        return set()
    spaces = tx.execute(select(tables.sublog.c.space).distinct()).scalars().all()
    return {space for space in spaces if any(tx.head(space, dev)[0] for dev in devices)}
