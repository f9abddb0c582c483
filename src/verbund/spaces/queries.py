"""Reads of spaces; never writes. Space first, then viewer: who does not belong gets nothing."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, and_, func, select

from verbund.accounts.queries import Named, handle_of, keys_of, names_of
from verbund.accounts.schemas import Caller
from verbund.base.ids import AccountId, CoreId, SpaceId, b64, personal_space
from verbund.base.refusal import Unknown
from verbund.log import tables as log_tables
from verbund.log.entry import SETTLED, sublog
from verbund.log.stored import authority_heads
from verbund.log.tx import Reader
from verbund.spaces import tables
from verbund.spaces.admits import MEMBERS_MAX, SPACES_PER_ACCOUNT_MAX, InvitationExpired, InvitationUsedUp
from verbund.spaces.rules import InvitationUnknown
from verbund.spaces.schemas import (
    Enricher,
    InvitationPreview,
    InvitationShape,
    Me,
    MemberDevice,
    MemberShape,
    OpenSpace,
    Person,
    SpaceDetails,
    SpaceSummary,
)  # fmt: skip
from verbund.spaces.state import INVITE, MEMBER, OWNER, RANK, abilities_of

INVITATIONS_PAGE_MAX = 500
OPEN_SPACES_MAX = 200
CHUNK = 500


def role(connection: Connection, space: str, account: str) -> str | None:
    """The role of an account in a space; None for strangers and for spaces that do not exist."""
    if space == account:
        return OWNER
    member = tables.space_member.c
    return connection.execute(
        select(member.role).where(member.space == space, member.account == account)
    ).scalar()


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
    member = tables.space_member.c
    return list(
        connection.execute(
            select(member.space).where(member.account == account).order_by(member.space).limit(SPACES_PER_ACCOUNT_MAX)
        ).scalars()
    )


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
    everybody = list(dict.fromkeys([*members_of(connection, space), *_cut_here(connection, space)]))
    known = keys_of(connection, everybody)
    return [AccountId(one) for one in everybody if one in known]


def title_of(connection: Connection, space: str | None) -> str:
    """The title of a space; empty where there is none."""
    title = tables.space_title.c
    return connection.execute(select(title.title).where(title.space == space)).scalar() or ""


def spaces_of(connection: Connection, account: str) -> list[Any]:
    """Rows (space, sort, parent, archived, role, title, description, address_form), the oldest first."""
    space, member, title = tables.space.c, tables.space_member.c, tables.space_title.c
    return list(
        connection.execute(
            select(
                space.space, space.sort, space.parent, space.archived, space.founder, space.founded_at, member.role,
                title.title, title.description, title.address_form,
            )
            .join(tables.space_member, and_(member.space == space.space, member.account == account))
            .outerjoin(tables.space_title, title.space == space.space)
            .order_by(space.founded_at, space.space)
            .limit(SPACES_PER_ACCOUNT_MAX)
        )
    )


def me(view: Reader, caller: Caller, enrichers: Iterable[Enricher] = ()) -> Me:
    """Everything that the app starts from, computed at one moment."""
    connection = view.connection
    rows = spaces_of(connection, caller.account)
    ids = [SpaceId(caller.account), *(row.space for row in rows)]
    people = _people(connection, [row.space for row in rows if row.sort == "direct"])
    vectors, added = vectors_of(connection, ids), _added(connection, ids, caller.account, enrichers)
    known = names_of(connection, (one for several in people.values() for one in several))
    summaries = [_account_summary(view, caller, vectors)]
    summaries += [_summary(view, caller, row, people.get(row.space, []), vectors, added) for row in rows]
    home = next((row for row in rows if row.sort == "organisation" and RANK[row.role] >= RANK[MEMBER]), None)
    form = next((row.address_form for row in ([home] if home else rows) if row.address_form), "sie")
    own = names_of(connection, [caller.account]).get(caller.account, Named())
    return Me(
        account=Person(caller.account, *own, handle_of(connection, caller.account)),
        device=caller.device, organisation=home.space if home else None, address_form=form,
        personal=personal_space(caller.account), names={one: named.name for one, named in known.items()},
        spaces=summaries,
    )  # fmt: skip


def details(connection: Connection, space: str, account: str) -> SpaceDetails:
    """A space for one of its people. Raises Unknown to everybody else."""
    row = next((row for row in _own(connection, space, account)), None)
    if row is None:
        raise Unknown()
    member, provider = tables.space_member.c, tables.space_provider.c
    count = connection.execute(select(func.count()).where(member.space == space)).scalar() or 0
    providers = connection.execute(select(provider.provider).where(provider.space == space)).scalars()
    return SpaceDetails(
        row.space, row.sort, row.title or "", row.description or "", row.address_form or "sie", row.parent, row.role,
        _abilities(row), bool(row.archived), row.founder, row.founded_at, count, sorted(providers),
    )  # fmt: skip


def members(view: Reader, space: str, viewer: str, online: Iterable[str]) -> list[MemberShape]:
    """Members with their devices, and those who wrote here and are gone. Raises Unknown to strangers."""
    connection = view.connection
    if role(connection, space, viewer) is None:
        raise Unknown()
    member = tables.space_member.c
    roles: dict[str, str] = (
        {space: OWNER}
        if space == viewer
        else {
            row.account: row.role
            for row in connection.execute(select(member.account, member.role).where(member.space == space))
        }
    )
    everybody = list(dict.fromkeys([*roles, *_cut_here(connection, space)]))[:MEMBERS_MAX]
    names, keys, here = names_of(connection, everybody), keys_of(connection, everybody), set(online)
    return [
        MemberShape(
            AccountId(one), *names.get(one, Named()), roles.get(one), one in here and one in roles,
            one not in roles, [_device(view, space, row) for row in keys.get(one, [])],
        )
        for one in everybody
        if one in roles or one in keys
    ]  # fmt: skip


def invitations(connection: Connection, space: str, viewer: str, now_ms: int) -> list[InvitationShape]:
    """Invitations of a space for those who may invite. Raises Unknown to others."""
    row = next((row for row in _own(connection, space, viewer)), None)
    if row is None or INVITE not in abilities_of(row.sort, row.role, False):
        raise Unknown()
    invitation = tables.invitation.c
    rows = connection.execute(
        select(tables.invitation)
        .where(invitation.space == space)
        .order_by(invitation.made_at.desc(), invitation.id)
        .limit(INVITATIONS_PAGE_MAX)
    ).all()
    shapes = []
    for one in rows:
        uses = _uses(connection, one.id)
        reason = _reason(one, uses, now_ms)
        shapes.append(InvitationShape(
            one.id, one.role, one.note, one.made_by, one.made_at, one.expires_at, one.uses_max, uses,
            reason is None, reason,
        ))  # fmt: skip
    return shapes


def invitation_preview(view: Reader, invitation: str, viewer: str | None) -> InvitationPreview:
    """What the holder of an invitation's id may know before joining. Raises Unknown."""
    connection, now_ms = view.connection, view.now_ms()
    row = connection.execute(select(tables.invitation).where(tables.invitation.c.id == invitation)).first()
    if row is None:
        raise Unknown()
    reason = _reason(row, _uses(connection, row.id), now_ms)
    joined = viewer is not None and role(connection, row.space, viewer) is not None
    if reason is not None and not joined:
        return InvitationPreview(row.id, False, reason)
    space, title = tables.space.c, tables.space_title.c
    one = connection.execute(
        select(space.sort, space.parent, title.title, title.address_form)
        .outerjoin(tables.space_title, title.space == space.space)
        .where(space.space == row.space)
    ).one()
    names = names_of(connection, [row.made_by])
    return InvitationPreview(
        row.id, reason is None, reason, row.space, one.title or "", one.sort, one.parent,
        title_of(connection, one.parent), one.address_form or "sie", names.get(row.made_by, Named()).name, row.role,
        row.expires_at, joined, heads_of(connection, row.space),
    )  # fmt: skip


def open_spaces(connection: Connection, account: str) -> list[OpenSpace]:
    """Teams of the viewer's organisations that they have not joined. Founded by somebody of the organisation."""
    space, title, mine = tables.space.c, tables.space_title.c, tables.space_member.alias()
    founder, here = tables.space_member.alias(), tables.space_member.alias()
    rows = connection.execute(
        select(space.space, space.parent, title.title, title.description)
        .join(mine, and_(mine.c.space == space.parent, mine.c.account == account, mine.c.role != "guest"))
        .join(founder, and_(founder.c.space == space.parent, founder.c.account == space.founder))
        .join(tables.space_title, title.space == space.space)
        .outerjoin(here, and_(here.c.space == space.space, here.c.account == account))
        .where(space.sort == "team", space.archived == 0, here.c.account.is_(None))
        .order_by(title.title, space.space)
        .limit(OPEN_SPACES_MAX)
    ).all()
    counts = _member_counts(connection, [row.space for row in rows])
    return [
        OpenSpace(
            row.space, row.title, row.description, row.parent, counts.get(row.space, 0),
            heads_of(connection, row.space), heads_of(connection, row.parent),
        )
        for row in rows
    ]  # fmt: skip


def spaces_at(connection: Connection, provider: str) -> list[SpaceId]:
    """The spaces that name this provider."""
    at = tables.space_provider.c
    return list(connection.execute(select(at.space).where(at.provider == provider).order_by(at.space)).scalars())


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


def heads_of(connection: Connection, space: str) -> list[CoreId]:
    """The newest authority facts of a space, for `ah`."""
    core = log_tables.core.c
    rows = connection.execute(
        select(core.id, core.raw).where(core.space == space, core.authority == 1, core.state == SETTLED)
    ).all()
    return list(authority_heads(rows))


def vectors_of(connection: Connection, spaces: Sequence[str]) -> dict[str, dict[str, int]]:
    """space → vector."""
    c = log_tables.sublog.c
    found: dict[str, dict[str, int]] = {}
    for start in range(0, len(spaces), CHUNK):
        for row in connection.execute(
            select(c.space, c.provider, c.incarnation, c.seq).where(c.space.in_(spaces[start : start + CHUNK]))
        ):
            found.setdefault(row.space, {})[sublog(row.provider, row.incarnation)] = row.seq
    return found


def _own(connection: Connection, space: str, account: str) -> list[Any]:
    return [row for row in spaces_of(connection, account) if row.space == space]


def _abilities(row: Any) -> list[str]:
    return sorted(abilities_of(row.sort, row.role, bool(row.archived)))


def _summary(
    view: Reader, caller: Caller, row: Any, people: list[AccountId], vectors: dict[str, Any], added: dict[str, Any]
) -> SpaceSummary:
    ds, dp = view.head(row.space, caller.device)
    more = added.get(row.space, {})
    return SpaceSummary(
        row.space, row.sort, row.title or "", row.parent, row.role, _abilities(row), bool(row.archived),
        row.address_form or "sie", people, list(more.get("channels", [])), vectors.get(row.space, {}),
        heads_of(view.connection, row.space), ds, dp,
    )  # fmt: skip


def _account_summary(view: Reader, caller: Caller, vectors: dict[str, Any]) -> SpaceSummary:
    space = SpaceId(caller.account)
    ds, dp = view.head(space, caller.device)
    return SpaceSummary(
        space, "account", "", None, OWNER, sorted(abilities_of("account", OWNER, False)), False, "sie", [], [],
        vectors.get(space, {}), heads_of(view.connection, space), ds, dp,
    )  # fmt: skip


def _added(
    connection: Connection, spaces: Sequence[SpaceId], viewer: AccountId, enrichers: Iterable[Enricher]
) -> dict[str, dict[str, Any]]:
    added: dict[str, dict[str, Any]] = {}
    for enrich in enrichers:
        for space, fields in enrich(connection, spaces, viewer).items():
            added.setdefault(space, {}).update(fields)
    return added


def _people(connection: Connection, spaces: list[SpaceId]) -> dict[str, list[AccountId]]:
    member = tables.space_member.c
    found: dict[str, list[AccountId]] = {}
    for start in range(0, len(spaces), CHUNK):
        rows = connection.execute(
            select(member.space, member.account)
            .where(member.space.in_(spaces[start : start + CHUNK]))
            .order_by(member.space, member.account)
        )
        for row in rows:
            found.setdefault(row.space, []).append(row.account)
    return found


def _cut_here(connection: Connection, space: str) -> list[str]:
    """Who was removed: what they wrote still needs their keys and names. Their cuts stand under the account too."""
    cut = log_tables.cut.c
    return list(connection.execute(select(cut.dev).where(cut.space == space).distinct().limit(MEMBERS_MAX)).scalars())


def _device(view: Reader, space: str, row: dict[str, Any]) -> MemberDevice:
    ds, _ = view.head(SpaceId(space), row["dev"])
    return MemberDevice(row["dev"], row["alg"], b64(bytes(row["key"])), row["sort"], row["label"], row["revoked"], ds)


def _uses(connection: Connection, invitation: str) -> int:
    use = tables.invitation_use.c
    return connection.execute(select(func.count()).where(use.invitation == invitation)).scalar() or 0


def _reason(row: Any, uses: int, now_ms: int) -> str | None:
    """Why an invitation cannot be used; None when it can."""
    if row.withdrawn:
        return InvitationUnknown.code
    if row.expires_at is not None and row.expires_at <= now_ms:
        return InvitationExpired.code
    if row.uses_max is not None and uses >= row.uses_max:
        return InvitationUsedUp.code
    return None


def _member_counts(connection: Connection, spaces: list[SpaceId]) -> dict[str, int]:
    member = tables.space_member.c
    rows = connection.execute(
        select(member.space, func.count().label("count")).where(member.space.in_(spaces)).group_by(member.space)
    )
    return {row.space: row[1] for row in rows}


def abilities_in(connection: Connection, space: str, account: str) -> frozenset[str]:
    """What somebody may do in a space; nothing for strangers and for spaces that do not exist."""
    if space == account:
        return abilities_of("account", OWNER, False)
    at, member = tables.space.c, tables.space_member.c
    row = connection.execute(
        select(at.sort, at.archived, member.role)
        .join(tables.space_member, and_(member.space == at.space, member.account == account))
        .where(at.space == space)
    ).first()
    return abilities_of(row.sort, row.role, bool(row.archived)) if row else frozenset()


def shares_a_space(connection: Connection, account: str, other: str) -> bool:
    """Whether two people belong to one space: then each may see the other's profile."""
    one, two = tables.space_member.c, tables.space_member.alias().c
    return (
        connection.execute(
            select(one.space).where(one.account == account, two.account == other, one.space == two.space).limit(1)
        ).first()
        is not None
    )
