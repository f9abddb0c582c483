"""/api/me: everything that the app starts from."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, select

from verbund.accounts.queries import Named, handle_of, names_of
from verbund.accounts.schemas import Caller
from verbund.base.ids import AccountId, SpaceId, personal_space
from verbund.log import tables as log_tables
from verbund.log.entry import sublog
from verbund.log.tx import Reader
from verbund.spaces import tables
from verbund.spaces.queries.rights import abilities_of_row, heads_of, latest_heads, spaces_of
from verbund.spaces.schemas import Enricher, Me, Person, SpaceSummary
from verbund.spaces.state import MEMBER, OWNER, RANK, abilities_of

CHUNK = 500
LEFT_MAX = 500
#: Built once, as in rights.py.
_place, _opened, _cut, _member = log_tables.sublog.c, tables.space.c, log_tables.cut.c, tables.space_member.c
_VECTORS = select(_place.space, _place.provider, _place.incarnation, _place.seq).where(
    _place.space.in_(bindparam("spaces", expanding=True))
)
_LEFT = (
    select(_opened.space)
    .where(
        _opened.space.in_(select(_cut.space).where(_cut.dev == bindparam("account"))),
        ~select(_member.space).where(_member.space == _opened.space, _member.account == bindparam("account")).exists(),
    )
    .order_by(_opened.founded_at.desc(), _opened.space)
    .limit(LEFT_MAX)
)
_PEOPLE = (
    select(_member.space, _member.account)
    .where(_member.space.in_(bindparam("spaces", expanding=True)))
    .order_by(_member.space, _member.account)
)


def me(view: Reader, caller: Caller, enrichers: Iterable[Enricher] = ()) -> Me:
    """Everything that the app starts from, computed at one moment."""
    connection = view.connection
    rows = spaces_of(connection, caller.account)
    ids = [SpaceId(caller.account), *(row.space for row in rows)]
    people = _people(connection, [row.space for row in rows if row.sort == "direct"])
    vectors, added = vectors_of(connection, ids), _added(connection, ids, caller.account, enrichers)
    known = names_of(connection, (one for several in people.values() for one in several))
    summaries = [_account_summary(view, caller, vectors, added)]
    summaries += [_summary(view, caller, row, people.get(row.space, []), vectors, added) for row in rows]
    home = next((row for row in rows if row.sort == "organisation" and RANK[row.role] >= RANK[MEMBER]), None)
    form = next((row.address_form for row in ([home] if home else rows) if row.address_form), "sie")
    own = names_of(connection, [caller.account]).get(caller.account, Named())
    return Me(
        account=Person(caller.account, *own, handle_of(connection, caller.account)),
        device=caller.device, organisation=home.space if home else None, address_form=form,
        personal=personal_space(caller.account), names={one: named.name for one, named in known.items()},
        spaces=summaries, left=_left(connection, caller.account),
    )  # fmt: skip


def vectors_of(connection: Connection, spaces: Sequence[str]) -> dict[str, dict[str, int]]:
    """space → vector."""
    found: dict[str, dict[str, int]] = {}
    for start in range(0, len(spaces), CHUNK):
        for row in connection.execute(_VECTORS, {"spaces": spaces[start : start + CHUNK]}):
            found.setdefault(row.space, {})[sublog(row.provider, row.incarnation)] = row.seq
    return found


def _summary(
    view: Reader, caller: Caller, row: Any, people: list[AccountId], vectors: dict[str, Any], added: dict[str, Any]
) -> SpaceSummary:
    ds, dp = view.head(row.space, caller.device)
    more = added.get(row.space, {})
    return SpaceSummary(
        row.space, row.sort, row.title or "", row.parent, row.role, abilities_of_row(row), bool(row.archived),
        row.address_form or "sie", people, list(more.get("channels", [])), vectors.get(row.space, {}),
        latest_heads(row.heads, row.by), ds, dp, int(more.get("holders", 1)),
    )  # fmt: skip


def _account_summary(
    view: Reader, caller: Caller, vectors: dict[str, Any], added: dict[str, dict[str, Any]]
) -> SpaceSummary:
    space = SpaceId(caller.account)
    ds, dp = view.head(space, caller.device)
    return SpaceSummary(
        space, "account", "", None, OWNER, sorted(abilities_of("account", OWNER, False)), False, "sie", [], [],
        vectors.get(space, {}), heads_of(view.connection, space, caller.account), ds, dp,
        int(added.get(space, {}).get("holders", 1)),
    )  # fmt: skip


def _left(connection: Connection, account: AccountId) -> list[SpaceId]:
    """The newest LEFT_MAX spaces that the account was removed from. A removal's cuts stand under the account too."""
    return [SpaceId(space) for space in connection.execute(_LEFT, {"account": account}).scalars()]


def _added(
    connection: Connection, spaces: Sequence[SpaceId], viewer: AccountId, enrichers: Iterable[Enricher]
) -> dict[str, dict[str, Any]]:
    added: dict[str, dict[str, Any]] = {}
    for enrich in enrichers:
        for space, fields in enrich(connection, spaces, viewer).items():
            added.setdefault(space, {}).update(fields)
    return added


def _people(connection: Connection, spaces: list[SpaceId]) -> dict[str, list[AccountId]]:
    found: dict[str, list[AccountId]] = {}
    for start in range(0, len(spaces), CHUNK):
        for row in connection.execute(_PEOPLE, {"spaces": spaces[start : start + CHUNK]}):
            found.setdefault(row.space, []).append(row.account)
    return found
