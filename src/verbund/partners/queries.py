"""What a partner may have. Never writes."""

from sqlalchemy import Connection, select

from verbund.base.ids import ProviderId, SpaceId
from verbund.log import tables
from verbund.log.entry import Vector, sublog
from verbund.spaces.queries import people_of, spaces_at

SPACES_MAX = 5_000


def shared(connection: Connection, provider: ProviderId) -> tuple[list[SpaceId], list[SpaceId]]:
    """(spaces that name this provider, account spaces of the people in them)."""
    spaces = spaces_at(connection, provider)[:SPACES_MAX]
    people = {account for space in spaces for account in people_of(connection, space)}
    return spaces, [SpaceId(account) for account in sorted(people)]


def vectors(connection: Connection, spaces: list[SpaceId]) -> dict[SpaceId, Vector]:
    """space → how far this provider's copy goes."""
    found: dict[SpaceId, Vector] = {space: {} for space in spaces}
    c = tables.sublog.c
    for start in range(0, len(spaces), 500):
        rows = connection.execute(select(tables.sublog).where(c.space.in_(spaces[start : start + 500])))
        for row in rows:
            found[SpaceId(row.space)][sublog(row.provider, row.incarnation)] = row.seq
    return found
