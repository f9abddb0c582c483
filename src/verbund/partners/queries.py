"""What the links need to know of the store: who holds what, and how far everything is. Never writes."""

from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, exists, select

from verbund.base.ids import ProviderId, SpaceId, b64
from verbund.blobs.missing import lacking
from verbund.log import tables
from verbund.log.alternates import forged
from verbund.log.compact import number_of
from verbund.log.entry import SETTLED, sublog
from verbund.partners.here import Holders
from verbund.partners.schemas import Identity, Mark, Reach
from verbund.partners.tables import partner_identity
from verbund.spaces.queries import held_by, parents

CHUNK = 500


class Snapshot(NamedTuple):
    """What is here at one moment: `reach` of the spaces in `holders` and of those that partners are bringing."""

    holders: Holders
    expected: Holders
    local: set[SpaceId]
    reach: dict[SpaceId, Reach]
    #: As `Here.forged`.
    forged: dict[SpaceId, dict[str, int]]
    lacking: dict[SpaceId, dict[str, int]]


def snapshot(connection: Connection, own: ProviderId) -> Snapshot:
    """Spaces that more than this provider hold, and open ones."""
    c = tables.sublog.c
    known = set(connection.execute(select(c.space).distinct()).scalars())
    local = set(connection.execute(select(c.space).where(c.provider == own, _is_known(c.space)).distinct()).scalars())
    held = held_by(connection)
    shared = {space: providers for space, providers in held.items() if providers - {own} and space in known}
    opened = [space for space in known - local if own not in held.get(space, ())]
    wanted = [*shared, *(space for space in opened if space not in shared)]
    expected = {
        space: held[parent]
        for space, parent in parents(connection).items()
        if own in held.get(parent, ()) and own not in held.get(space, ())
    }
    reach = reaches(connection, wanted)
    return Snapshot(shared, expected, local, reach, _forged(connection), lacking(connection, wanted))


def _forged(connection: Connection) -> dict[SpaceId, dict[str, int]]:
    found: dict[SpaceId, dict[str, int]] = {}
    for space, sub, seq in forged(connection):
        subs = found.setdefault(space, {})
        subs[sub] = min(seq, subs.get(sub, seq))
    return found


def _is_known(space: Any) -> Any:
    """A space of which only voids or what waits is here is not known yet: a partner may be bringing it."""
    core = tables.core.c
    return exists().where(core.space == number_of(space), core.authority == 1, core.state == SETTLED)


def reaches(connection: Connection, spaces: list[SpaceId]) -> dict[SpaceId, Reach]:
    """Space → how far this provider's copy goes, blobs not looked at."""
    found: dict[SpaceId, Reach] = {space: {} for space in spaces}
    c = tables.sublog.c
    for start in range(0, len(spaces), CHUNK):
        for row in connection.execute(select(tables.sublog).where(c.space.in_(spaces[start : start + CHUNK]))):
            found[row.space][sublog(row.provider, row.incarnation)] = Mark(row.seq, b64(bytes(row.chain)), row.seq)
    return found


def identities(connection: Connection, count_max: int) -> list[Identity]:
    """The providers that proved themselves here."""
    rows = connection.execute(select(partner_identity.c.identity).limit(count_max)).scalars()
    return [msgspec.json.decode(one, type=Identity) for one in rows]
