"""A space, its members, its invitations: what their pages show."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, and_, func, select

from verbund.accounts.queries import Named, keys_of, names_of
from verbund.base.clock import ms_of
from verbund.base.ids import AccountId, SpaceId, b64
from verbund.base.refusal import Unknown
from verbund.log import tables as log_tables
from verbund.log.stored import decode_core
from verbund.log.tx import Reader
from verbund.spaces import tables
from verbund.spaces.admits import MEMBERS_MAX, InvitationExpired, InvitationUsedUp
from verbund.spaces.queries.rights import abilities_of_row, cut_here, heads_of, role, spaces_of, title_of
from verbund.spaces.rules import InvitationUnknown
from verbund.spaces.schemas import (
    InvitationPreview,
    InvitationShape,
    MemberDevice,
    MemberShape,
    OpenSpace,
    SpaceDetails,
)  # fmt: skip
from verbund.spaces.state import INVITE, OWNER, abilities_of

INVITATIONS_PAGE_MAX = 500
OPEN_SPACES_MAX = 200
#: So many in one statement.
CHUNK = 500


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
        abilities_of_row(row), bool(row.archived), row.founder, row.founded_at, count, sorted(providers),
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
    everybody = list(dict.fromkeys([*roles, *cut_here(connection, space)]))[:MEMBERS_MAX]
    names, keys, here = names_of(connection, everybody), keys_of(connection, everybody), set(online)
    left = _left(view, space, [one for one in keys if one not in roles])
    return [
        MemberShape(
            AccountId(one), *names.get(one, Named()), roles.get(one), one in here and one in roles,
            one not in roles, [_device(view, space, row) for row in keys.get(one, [])], *left.get(one, (None, None)),
        )
        for one in everybody
        if one in roles or one in keys
    ]  # fmt: skip


def _left(view: Reader, space: str, gone: list[str]) -> dict[str, tuple[int, AccountId | None]]:
    """account → (when, by whom) somebody left or was removed, the last time."""
    cut, core = log_tables.cut.c, log_tables.core.c
    found: dict[str, tuple[int, AccountId | None]] = {}
    for start in range(0, len(gone), CHUNK):
        chunk = gone[start : start + CHUNK]
        cuts = select(cut.dev, cut.by).where(cut.space == space, cut.dev.in_(chunk))
        by = {row.by: row.dev for row in view.connection.execute(cuts)}
        for row in view.connection.execute(
            select(core.id, core.t.label("time"), core.raw).where(core.id.in_(list(by))).order_by(core.t)
        ):
            device = view.device(decode_core(bytes(row.raw)).dev)
            person = AccountId(device.actor) if device is not None and device.sort == "person" else None
            found[by[row.id]] = (ms_of(row.time), person)
    return found


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


def _own(connection: Connection, space: str, account: str) -> list[Any]:
    return [row for row in spaces_of(connection, account) if row.space == space]


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
