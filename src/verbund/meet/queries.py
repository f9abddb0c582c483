"""Reads of calls; never writes. The caller has checked that the viewer belongs to the space."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, or_, select

from verbund.base.ids import AccountId, CoreId, SpaceId
from verbund.log import tables as log_tables
from verbund.meet import tables
from verbund.meet.schemas import CallShape

CALLS_PAGE_MAX = 100
OPEN_CALLS_MAX = 1000


def calls(
    connection: Connection, space: SpaceId, before: str | None = None, after: str | None = None, limit: int = 50
) -> tuple[list[CallShape], bool]:
    """(calls with `after` < t < `before`, the newest `limit` of them, oldest first; whether there are older ones).

    A call that ended with nobody in it, the loser of two begun at once, is left out.
    """
    limit = max(1, min(limit, CALLS_PAGE_MAX))
    c = tables.call.c
    # A row's own `t` is SQLAlchemy's: the column needs another name.
    query = select(c.id, c.author, c.t.label("began"), c.at, c.seconds, c.people).where(
        c.space == space, or_(c.seconds.is_(None), c.people != "")
    )
    if before is not None:
        query = query.where(c.t < before)
    if after is not None:
        query = query.where(c.t > after)
    rows = connection.execute(query.order_by(c.t.desc(), c.id.desc()).limit(limit + 1)).all()
    page = rows[:limit][::-1]
    here = _people(connection, [row.id for row in page if row.seconds is None])
    return [_shape(row, here.get(row.id, [])) for row in page], len(rows) > limit


def open_calls(connection: Connection) -> list[Any]:
    """Rows (id, space, provider) of calls that are not over, in any space: what a crash may have left. `provider` is
    where the call began."""
    c, entry, sublog = tables.call.c, log_tables.entry.c, log_tables.sublog.c
    query = (
        select(c.id, c.space, sublog.provider)
        .join(log_tables.entry, entry.position == c.position)
        .join(log_tables.sublog, sublog.number == entry.sublog)
    )
    return list(connection.execute(query.where(c.seconds.is_(None)).order_by(c.at.desc()).limit(OPEN_CALLS_MAX)))


def begun_at(connection: Connection, space: SpaceId, call: CoreId) -> int | None:
    """When this call of this space began (ms); None when it did not, or is over."""
    c = tables.call.c
    query = select(c.at).where(c.id == call, c.space == space, c.seconds.is_(None))
    found: int | None = connection.execute(query).scalar()
    return found


def _people(connection: Connection, ids: Sequence[str]) -> dict[str, list[AccountId]]:
    c = tables.call_person.c
    found: dict[str, list[AccountId]] = {}
    if ids:
        for row in connection.execute(select(c.call, c.account).where(c.call.in_(ids)).order_by(c.joined, c.account)):
            found.setdefault(row.call, []).append(AccountId(row.account))
    return found


def _shape(row: Any, here: list[AccountId]) -> CallShape:
    people = [AccountId(one) for one in row.people.split(",") if one] if row.seconds is not None else here
    return CallShape(CoreId(row.id), AccountId(row.author), row.began, row.at, row.seconds, people)
