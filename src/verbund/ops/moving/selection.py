"""Which spaces belong into one file: what was named, what it lives in and by, and the accounts of all who wrote."""

from collections import defaultdict

from sqlalchemy import Connection, select

from verbund.accounts import tables as account_tables
from verbund.base.ids import AccountId, SpaceId
from verbund.base.refusal import Refusal
from verbund.blobs.holdings import readable
from verbund.blobs.tables import blob_holding, blob_reference
from verbund.log import tables as log_tables
from verbund.log.compact import texts_of
from verbund.media import tables as media_tables
from verbund.spaces import tables
from verbund.spaces.queries import people_of

DEPTH_MAX = 16
SPACES_MAX = 20_000
NAMED_MAX = 10
CHUNK = 500
SHORT_CHARS = 8


class NoSuchSpace(Refusal):
    """de: Einen Bereich „{wanted}“ gibt es hier nicht. Den Titel oder den Anfang der Kennung angeben.
    en: There is no space "{wanted}" here. Name its title or the beginning of its id."""

    code = "ops.no_such_space"
    status = 404


class Ambiguous(Refusal):
    """de: „{wanted}“ heißen hier mehrere: {found}. Den Anfang der Kennung angeben.
    en: Several are called "{wanted}" here: {found}. Name the beginning of the id."""

    code = "ops.ambiguous_space"
    status = 409


def space_named(connection: Connection, wanted: str) -> SpaceId:
    """The space with this title, or whose id begins like this. Raises NoSuchSpace, Ambiguous."""
    space, title = tables.space.c, tables.space_title.c
    rows = connection.execute(
        select(space.space, title.title)
        .outerjoin(tables.space_title, title.space == space.space)
        .where(space.sort.not_in(("direct", "personal")))
        .limit(SPACES_MAX)
    ).all()
    by_id = [
        row for row in rows if row.space == wanted or (len(wanted) >= SHORT_CHARS and row.space.startswith(wanted))
    ]
    by_title = [row for row in rows if (row.title or "").casefold() == wanted.casefold()]
    found = by_id or by_title
    if not found:
        raise NoSuchSpace(wanted=wanted)
    if len(found) > 1:
        shown = ", ".join(f"{row.title or ''} ({row.space[:SHORT_CHARS]})" for row in found[:NAMED_MAX])
        raise Ambiguous(wanted=wanted, found=shown)
    return SpaceId(found[0].space)


def spaces_for(connection: Connection, top: SpaceId, viewer: AccountId | None) -> list[SpaceId]:
    """In the order in which they can be taken in: accounts, what `top` lives in, `top`, what lives in it.

    With a `viewer` only what they belong to. Without one the conversations and personal spaces of the organisation's
    people are among them, for its providers hold those too.
    """
    rows = connection.execute(select(tables.space.c.space, tables.space.c.parent, tables.space.c.sort)).all()
    parents = {row.space: row.parent for row in rows}
    below: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        if row.parent is not None:
            below[row.parent].append(row.space)
    chosen = [*_above(top, parents), top, *_beneath(top, below)]
    if viewer is not None:
        mine = _spaces_of(connection, viewer)
        chosen = [one for one in chosen if one in mine]
    elif any(row.space == top and row.sort == "organisation" for row in rows):
        chosen += _among(connection, top, [row.space for row in rows if row.sort in ("direct", "personal")])
    chosen = list(dict.fromkeys(chosen))[:SPACES_MAX]
    return [*map(SpaceId, _accounts(connection, chosen)), *map(SpaceId, chosen)]


def blobs_of(connection: Connection, spaces: list[SpaceId]) -> list[str]:
    """The blobs that facts in these spaces name and that are here; those that were erased are not."""
    reference, holding, found = blob_reference.c, blob_holding.c, set[str]()
    for start in range(0, len(spaces), CHUNK):
        rows = connection.execute(
            select(reference.hash)
            .join(blob_holding, (holding.space == reference.space) & (holding.hash == reference.hash))
            .where(reference.space.in_(spaces[start : start + CHUNK]), readable())
            .distinct()
        )
        found |= set(rows.scalars())
    return sorted(found)


def films_of(connection: Connection, spaces: list[SpaceId]) -> list[tuple[str, str]]:
    """(film, plan) of what can be watched in these spaces."""
    film, prepared = media_tables.film.c, media_tables.prepared.c
    rows = connection.execute(
        select(film.id, film.space, prepared.plan)
        .join(media_tables.prepared, prepared.film == film.id)
        .where(film.withdrawn == 0, prepared.outcome == "ready")
        .order_by(film.id)
    ).all()
    wanted = set(spaces)
    return [(row.id, row.plan) for row in rows if row.space in wanted]


def _above(top: str, parents: dict[str, str | None]) -> list[str]:
    found: list[str] = []
    parent = parents.get(top)
    while parent is not None and parent not in found and len(found) < DEPTH_MAX:
        found.insert(0, parent)
        parent = parents.get(parent)
    return found


def _beneath(top: str, below: dict[str, list[str]]) -> list[str]:
    found: dict[str, None] = {}
    waiting = list(below[top])
    while waiting and len(found) < SPACES_MAX:
        one = waiting.pop(0)
        if one not in found and one != top:
            found[one] = None
            waiting += below[one]
    return list(found)


def _spaces_of(connection: Connection, viewer: AccountId) -> set[str]:
    member = tables.space_member.c
    return set(connection.execute(select(member.space).where(member.account == viewer)).scalars())


def _among(connection: Connection, organisation: str, spaces: list[str]) -> list[str]:
    """Those of these spaces whose people all belong to the organisation."""
    member, people = tables.space_member.c, defaultdict[str, set[str]](set)
    wanted = {*spaces, organisation}
    for row in connection.execute(select(member.space, member.account)):
        if row.space in wanted:
            people[row.space].add(row.account)
    return [one for one in spaces if people[one] and people[one] <= people[organisation]]


def _accounts(connection: Connection, spaces: list[str]) -> list[str]:
    """Everybody who belongs to one of these, was removed from it, or wrote in it."""
    found = {account for space in spaces for account in people_of(connection, space)}
    core, device = log_tables.core.c, account_tables.device.c
    for start in range(0, len(spaces), CHUNK):
        wrote = select(core.dev).where(core.space.in_(spaces[start : start + CHUNK]))
        found |= set(connection.execute(select(device.account).where(device.dev.in_(texts_of(wrote)))).scalars())
    return sorted(found)
