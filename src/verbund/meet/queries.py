"""Reads of calls; never writes. The caller has checked that the viewer belongs to the space."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, or_, select

from verbund.base.ids import AccountId, CoreId, ProviderId, SpaceId
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


class OpenCall(NamedTuple):
    """A call that is not over. `at`: when it began (ms); `order`: of two begun at once the smaller is kept; `place`:
    the provider that it is at."""

    id: CoreId
    space: SpaceId
    author: AccountId
    at: int
    order: str
    place: ProviderId


def open_calls(connection: Connection, space: SpaceId | None = None) -> list[OpenCall]:
    """Calls that are not over, of one space or of all: those that run, and what a crash may have left; first begun
    first."""
    c, entry, sublog = tables.call.c, log_tables.entry.c, log_tables.sublog.c
    query = (
        select(c.id, c.space, c.author, c.at, c.t.label("began"), c.place, sublog.provider)
        .join(log_tables.entry, entry.position == c.position)
        .join(log_tables.sublog, sublog.number == entry.sublog)
        .where(c.seconds.is_(None))
    )
    if space is not None:
        query = query.where(c.space == space)
    found = [
        OpenCall(
            CoreId(row.id), SpaceId(row.space), AccountId(row.author), row.at, order_of(row.began, row.id),
            ProviderId(row.place or row.provider),
        )
        for row in connection.execute(query.order_by(c.at.desc()).limit(OPEN_CALLS_MAX))
    ]  # fmt: skip
    return sorted(found, key=lambda one: one.order)


def order_of(t: str, call: str) -> str:
    """Calls of a space in the order of their beginning, the same everywhere."""
    return t + call


def present(connection: Connection, call: OpenCall) -> list[AccountId]:
    """Who is in a call, as facts say it; whoever began it until somebody came."""
    c = tables.call_person.c
    rows = connection.execute(select(c.account, c.came, c.departed).where(c.call == call.id).order_by(c.joined)).all()
    return [AccountId(row.account) for row in rows if row.came > row.departed] or ([] if rows else [call.author])


def accounts(connection: Connection, call: CoreId) -> list[AccountId]:
    """Everybody who was ever in it."""
    return _people(connection, [call]).get(call, [])


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
