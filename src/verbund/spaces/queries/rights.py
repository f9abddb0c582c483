"""Who belongs where and may do what; the rows that other questions begin with."""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, and_, bindparam, select

from verbund.accounts.queries import keys_of
from verbund.base.ids import AccountId, CoreId, ProviderId, SpaceId
from verbund.log import tables as log_tables
from verbund.log.core import HEADS_MAX
from verbund.log.entry import SETTLED
from verbund.log.stored import authority_heads
from verbund.spaces import tables
from verbund.spaces.admits import MEMBERS_MAX, SPACES_PER_ACCOUNT_MAX
from verbund.spaces.state import MEMBER, OWNER, RANK, abilities_of

CHILDREN_MAX = 5_000
#: Built once: when a provider dies, these are asked for everybody who comes, and building one takes longer than asking.
_space, _member, _title = tables.space.c, tables.space_member.c, tables.space_title.c
_ROLE = select(_member.role).where(_member.space == bindparam("space"), _member.account == bindparam("account"))
_AMONG = select(_member.space).where(
    _member.account == bindparam("account"), _member.space.in_(bindparam("spaces", expanding=True))
)
_MINE = (
    select(_member.space)
    .where(_member.account == bindparam("account"))
    .order_by(_member.space)
    .limit(SPACES_PER_ACCOUNT_MAX)
)
_SPACES = (
    select(
        _space.space, _space.sort, _space.parent, _space.archived, _space.founder, _space.founded_at, _space.heads,
        _member.by, _member.role, _title.title, _title.description, _title.address_form,
    )
    .join(tables.space_member, and_(_member.space == _space.space, _member.account == bindparam("account")))
    .outerjoin(tables.space_title, _title.space == _space.space)
    .order_by(_space.founded_at, _space.space)
    .limit(SPACES_PER_ACCOUNT_MAX)
)  # fmt: skip
_HEADS = select(_space.heads).where(_space.space == bindparam("space"))
_BY = select(_member.by).where(_member.space == bindparam("space"), _member.account == bindparam("account"))
_SETTLED = select(log_tables.core.c.id, log_tables.core.c.raw).where(
    log_tables.core.c.space == bindparam("space"), log_tables.core.c.authority == 1, log_tables.core.c.state == SETTLED
)  # fmt: skip
_HOME = select(tables.space_provider.c.provider).where(
    tables.space_provider.c.space == bindparam("space"), tables.space_provider.c.home == 1
)


def role(connection: Connection, space: str, account: str) -> str | None:
    """The role of an account in a space; None for strangers and for spaces that do not exist."""
    if space == account:
        return OWNER
    return connection.execute(_ROLE, {"space": space, "account": account}).scalar()


def belongs_to(connection: Connection, account: str, spaces: Sequence[SpaceId]) -> list[SpaceId]:
    """Those of these spaces that an account belongs to, its own among them; no more than one query takes."""
    found = set(connection.execute(_AMONG, {"account": account, "spaces": spaces}).scalars())
    return [space for space in spaces if space == account or space in found]


def members_among(connection: Connection, space: str, accounts: Sequence[AccountId]) -> list[AccountId]:
    """Those of these accounts that belong to a space; no more than one query takes."""
    member = tables.space_member.c
    rows = connection.execute(select(member.account).where(member.space == space, member.account.in_(accounts)))
    return [AccountId(account) for account in rows.scalars()]


def abilities_in(connection: Connection, space: str, account: str) -> frozenset[str]:
    """What somebody may do in a space; nothing for strangers."""
    if space == account:
        return abilities_of("account", OWNER, False)
    row = connection.execute(
        select(tables.space.c.sort, tables.space.c.archived, tables.space_member.c.role)
        .join(tables.space_member, tables.space_member.c.space == tables.space.c.space)
        .where(tables.space.c.space == space, tables.space_member.c.account == account)
    ).first()
    return abilities_of(row.sort, row.role, bool(row.archived)) if row else frozenset()


def shares_a_space(connection: Connection, one: str, other: str) -> bool:
    """Whether two accounts belong to a space together: then each may see the other's portrait."""
    mine, theirs = tables.space_member.alias(), tables.space_member.alias()
    return (
        connection.execute(
            select(mine.c.space)
            .join(theirs, and_(theirs.c.space == mine.c.space, theirs.c.account == other))
            .where(mine.c.account == one)
            .limit(1)
        ).first()
        is not None
    )


def space_ids_of(connection: Connection, account: str) -> list[SpaceId]:
    """The spaces that somebody belongs to, their own account's space not among them."""
    return list(connection.execute(_MINE, {"account": account}).scalars())


def members_of(connection: Connection, space: str) -> list[AccountId]:
    """Who belongs to a space."""
    member = tables.space_member.c
    return list(
        connection.execute(
            select(member.account).where(member.space == space).order_by(member.account).limit(MEMBERS_MAX)
        ).scalars()
    )


def people_of(connection: Connection, space: str) -> list[AccountId]:
    """Who belongs to a space and who was removed from it: everybody whose facts there may have to be verified."""
    everybody = list(dict.fromkeys([*members_of(connection, space), *cut_here(connection, space)]))
    known = keys_of(connection, everybody)
    return [AccountId(one) for one in everybody if one in known]


def spaces_of(connection: Connection, account: str) -> list[Any]:
    """Rows (space, sort, parent, archived, role, title, description, address_form), the oldest first."""
    return list(connection.execute(_SPACES, {"account": account}))


def abilities_of_row(row: Any) -> list[str]:
    """The viewer's abilities, as they are sent."""
    return sorted(abilities_of(row.sort, row.role, bool(row.archived)))


def title_of(connection: Connection, space: str | None) -> str:
    """The title of a space; empty where there is none."""
    title = tables.space_title.c
    return connection.execute(select(title.title).where(title.space == space)).scalar() or ""


def providers_of(connection: Connection, space: str) -> list[ProviderId]:
    """The providers that a space names."""
    at = tables.space_provider.c
    return list(connection.execute(select(at.provider).where(at.space == space).order_by(at.provider)).scalars())


def home_of(connection: Connection, space: str | None) -> ProviderId | None:
    """The provider that an organisation has chosen as its home; None where it has not."""
    return connection.execute(_HOME, {"space": space}).scalar()


def children_of(connection: Connection, parent: str) -> list[SpaceId]:
    """The child spaces of a space."""
    space = tables.space.c
    query = select(space.space).where(space.parent == parent).order_by(space.space).limit(CHILDREN_MAX)
    return list(connection.execute(query).scalars())


def parents(connection: Connection) -> dict[SpaceId, SpaceId]:
    """Child space → its parent."""
    space = tables.space.c
    rows = connection.execute(select(space.space, space.parent).where(space.parent.is_not(None)))
    return {row.space: row.parent for row in rows}


def children_with(connection: Connection, parent: str, account: str) -> list[SpaceId]:
    """The child spaces of a space in which somebody is a member."""
    space, member = tables.space.c, tables.space_member.c
    return list(
        connection.execute(
            select(space.space)
            .join(tables.space_member, and_(member.space == space.space, member.account == account))
            .where(space.parent == parent)
            .limit(SPACES_PER_ACCOUNT_MAX)
        ).scalars()
    )


def may_help_sign_in(connection: Connection, helper: str, account: str) -> bool:
    """Whether the helper leads every organisation that the account is a member of, and stands above it in each.

    One that they do not lead is enough to refuse: its spaces would open to somebody who does not belong there.
    """
    helping, helped = tables.space_member.alias(), tables.space_member.alias()
    rows = connection.execute(
        select(helping.c.role.label("helping"), helped.c.role.label("helped"))
        .select_from(helped)
        .join(tables.space, tables.space.c.space == helped.c.space)
        .outerjoin(helping, and_(helped.c.space == helping.c.space, helping.c.account == helper))
        .where(helped.c.account == account, tables.space.c.sort == "organisation", helped.c.role != "guest")
    ).all()
    return bool(rows) and all(
        row.helping == OWNER or RANK[row.helping] > max(RANK[row.helped], RANK[MEMBER]) for row in rows
    )


def latest_heads(held: str, membership: str | None = None) -> list[CoreId]:
    """The heads for `ah`, of those that the fold keeps; where there are too many, the author's membership is one."""
    heads = [CoreId(one) for _, one in json.loads(held)]
    if membership and len(heads) > HEADS_MAX:
        heads = [CoreId(membership), *(one for one in heads if one != membership)]
    return sorted(heads[:HEADS_MAX])


def heads_of(connection: Connection, space: str, account: str | None = None) -> list[CoreId]:
    """The newest authority facts of a space, for the `ah` of what this account writes."""
    held = None if space == account else connection.execute(_HEADS, {"space": space}).scalar()
    if held is not None:
        by = connection.execute(_BY, {"space": space, "account": account}).scalar()
        return latest_heads(held, by)
    return list(authority_heads(connection.execute(_SETTLED, {"space": space}).all()))


def cut_here(connection: Connection, space: str) -> list[str]:
    """Who was removed: what they wrote still needs their keys and names. Their cuts stand under the account too."""
    cut = log_tables.cut.c
    return list(connection.execute(select(cut.dev).where(cut.space == space).distinct().limit(MEMBERS_MAX)).scalars())
