"""What owners want that cannot be taken back, and what has become of it."""

from typing import Any

from sqlalchemy import Connection, select

from verbund.base.clock import ms_of
from verbund.base.ids import AccountId, CoreId, SpaceId
from verbund.base.refusal import Unknown
from verbund.spaces import tables
from verbund.spaces.queries.rights import abilities_in
from verbund.spaces.schemas import MotionShape
from verbund.spaces.state import PROVIDERS, ripe_at

MOTIONS_MAX = 100
WAITING_MAX = 500


def motions_waiting(connection: Connection) -> list[Any]:
    """Rows of motions that nobody stopped and that have not taken place, in all spaces, the oldest first."""
    return list(connection.execute(_open().limit(WAITING_MAX)).all())


def motions(connection: Connection, space: SpaceId, viewer: AccountId) -> list[MotionShape]:
    """The motions that are open, for the owners of a space. Raises Unknown."""
    if PROVIDERS not in abilities_in(connection, space, viewer):
        raise Unknown()
    rows = connection.execute(_open().where(tables.motion.c.space == space).limit(MOTIONS_MAX))
    return [
        MotionShape(
            CoreId(row.id), row.deed, row.target, row.reason, AccountId(row.by), ms_of(row.made), ripe_at(row.made),
            ["stop", "second"] if row.by != viewer and not row.seconded_by else ["stop"],
        )
        for row in rows
    ]  # fmt: skip


def _open() -> Any:
    c = tables.motion.c
    columns = (c.space, c.id, c.deed, c.target, c.reason, c.by, c.t.label("made"), c.seconded_by)
    return select(*columns).where(c.done == 0, c.stopped_by.is_(None)).order_by(c.t, c.id)
