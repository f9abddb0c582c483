"""What this provider looks at before it takes in a fact from its own people: clock, counters, who knows whom.

Partners' facts are not asked this, for two replicas may answer differently.
"""

from collections.abc import Callable

from sqlalchemy import and_, func, select

from verbund.accounts.queries import devices_of, knows_provider
from verbund.base.clock import ms_of
from verbund.base.refusal import Refusal, Unknown
from verbund.log import tables as log_tables
from verbund.log.registry import Event, Fact
from verbund.log.tx import Reader
from verbund.spaces import events, tables
from verbund.spaces.state import CREATE_SPACE, GUEST, MEMBER, OWNER, RANK, abilities_of

AUTHORITY_FACTS_MAX = 8_000
MEMBERS_MAX = 5_000
SPACES_PER_ACCOUNT_MAX = 1_000
ORGANISATIONS_OWNED_MAX = 5
INVITATIONS_OPEN_MAX = 500
INVITATION_AGE_MS_MAX = 366 * 24 * 3600 * 1000
MOTIONS_OPEN_MAX = 20
#: A motion says when it was made; so long it may have been on its way to the first provider.
ON_ITS_WAY_MS_MAX = 10 * 60 * 1000


class Full(Refusal):
    """de: Mehr passt hier nicht hinein. Räumen Sie auf oder legen Sie einen neuen Bereich an.
    en: There is no room for more here. Tidy up or create a new space."""

    code = "spaces.full"
    status = 409


class InvitationExpired(Refusal):
    """de: Diese Einladung ist abgelaufen. Bitten Sie um eine neue.
    en: This invitation has expired. Ask for a new one."""

    code = "spaces.invitation_expired"
    status = 410


class InvitationUsedUp(Refusal):
    """de: Diese Einladung ist schon verbraucht. Bitten Sie um eine neue.
    en: This invitation has been used up. Ask for a new one."""

    code = "spaces.invitation_used_up"
    status = 410


class BadExpiry(Refusal):
    """de: Eine Einladung kann höchstens ein Jahr gelten und muss in der Zukunft enden.
    en: An invitation can be valid for a year at most and must end in the future."""

    code = "spaces.bad_expiry"
    status = 422


class CutsMissing(Refusal):
    """de: Seit Sie die Seite geöffnet haben, hat diese Person noch etwas geschrieben. Versuchen Sie es noch einmal.
    en: This person has written something since you opened the page. Try again."""

    code = "spaces.cuts_missing"
    status = 409


class Elsewhere(Refusal):
    """de: Ein neuer Bereich muss bei dem Anbieter liegen, bei dem Sie gerade angemeldet sind.
    en: A new space must live at the provider where you are signed in."""

    code = "spaces.elsewhere"
    status = 422


class MotionLate(Refusal):
    """de: Das kam zu spät hier an. Versuchen Sie es noch einmal.
    en: This came too late. Try again."""

    code = "spaces.motion_late"
    status = 422


class TooManyMotions(Refusal):
    """de: Es warten schon viele Vorhaben. Entscheiden Sie zuerst über diese.
    en: Many motions are waiting already. Decide about those first."""

    code = "spaces.motions_full"
    status = 409


def if_room(fact: Fact, view: Reader) -> None:
    """Raises Full when the space has as many facts of authority as it may have."""
    core = log_tables.core.c
    count = view.execute(select(func.count()).where(core.space == fact.space, core.authority == 1)).scalar()
    if (count or 0) >= AUTHORITY_FACTS_MAX:
        raise Full()


def space_created(fact: Fact, view: Reader) -> None:
    event: events.SpaceCreated = fact.event
    if not knows_provider(view, event.providers):
        raise Elsewhere()
    if event.parent is not None:
        _may_found_below(fact, event, view)
    _may_have_more(fact, event, view)


def direct_opened(fact: Fact, view: Reader) -> None:
    event: events.DirectOpened = fact.event
    for account in event.people:
        if account != fact.actor and not know_each_other(view, fact.actor, account):
            raise Unknown()


def invitation_made(fact: Fact, view: Reader) -> None:
    event: events.InvitationMade = fact.event
    if_room(fact, view)
    if event.expires_at is not None and not 0 < event.expires_at - view.now_ms() <= INVITATION_AGE_MS_MAX:
        raise BadExpiry()
    invitation = tables.invitation.c
    count = view.execute(
        select(func.count()).where(
            invitation.space == fact.space,
            invitation.withdrawn == 0,
            (invitation.expires_at.is_(None)) | (invitation.expires_at > view.now_ms()),
        )
    ).scalar()
    if (count or 0) >= INVITATIONS_OPEN_MAX:
        raise Full()


def member_joined(fact: Fact, view: Reader) -> None:
    event: events.MemberJoined = fact.event
    if_room(fact, view)
    _members_room(fact, view)
    if event.invitation is None:
        return
    row = view.execute(
        select(tables.invitation.c.expires_at, tables.invitation.c.uses_max).where(
            tables.invitation.c.id == event.invitation, tables.invitation.c.space == fact.space
        )
    ).first()
    if row is None:
        raise Unknown()
    if row.expires_at is not None and row.expires_at <= view.now_ms():
        raise InvitationExpired()
    use = tables.invitation_use.c
    others = view.execute(
        select(func.count()).where(use.invitation == event.invitation, use.account != event.account)
    ).scalar()
    if row.uses_max is not None and (others or 0) >= row.uses_max:
        raise InvitationUsedUp()


def member_added(fact: Fact, view: Reader) -> None:
    if_room(fact, view)
    _members_room(fact, view)
    if not know_each_other(view, fact.actor, fact.event.account):
        raise Unknown()


def member_removed(fact: Fact, view: Reader) -> None:
    """Every device of the removed that has written here must be named: one that is not has cut 0."""
    event: events.MemberRemoved = fact.event
    devices = devices_of(view, event.account)
    if any(dev not in event.cuts and view.head(fact.space, dev)[0] > 0 for dev in devices):
        raise CutsMissing()


def motion_made(fact: Fact, view: Reader) -> None:
    """A provider takes a motion in when it is made, so that its day is a day; and not too many."""
    if_room(fact, view)
    if view.now_ms() - ms_of(fact.t) > ON_ITS_WAY_MS_MAX:
        raise MotionLate()
    motion = tables.motion.c
    waits = (motion.space == fact.space, motion.done == 0, motion.stopped_by.is_(None))
    if (view.execute(select(func.count()).where(*waits)).scalar() or 0) >= MOTIONS_OPEN_MAX:
        raise TooManyMotions()


def know_each_other(view: Reader, one: str, other: str) -> bool:
    """Whether these two belong to a space together, other than a conversation of two."""
    mine, theirs, space = tables.space_member.alias(), tables.space_member.alias(), tables.space.c
    return (
        view.execute(
            select(mine.c.space)
            .join(theirs, and_(theirs.c.space == mine.c.space, theirs.c.account == other))
            .join(tables.space, space.space == mine.c.space)
            .where(mine.c.account == one, space.sort != "direct")
            .limit(1)
        ).first()
        is not None
    )


def _may_found_below(fact: Fact, event: events.SpaceCreated, view: Reader) -> None:
    space, member = tables.space.c, tables.space_member.c
    parent = view.execute(
        select(space.sort, space.archived, member.role)
        .join(tables.space_member, and_(member.space == space.space, member.account == fact.actor))
        .where(space.space == event.parent)
    ).first()
    if parent is None:
        raise Unknown()
    able = abilities_of(parent.sort, parent.role, bool(parent.archived))
    if CREATE_SPACE not in able and not (event.sort == "meeting" and "call" in able and parent.role != GUEST):
        raise Unknown()


def _may_have_more(fact: Fact, event: events.SpaceCreated, view: Reader) -> None:
    member, space = tables.space_member.c, tables.space.c
    rows = view.execute(
        select(member.role, space.sort)
        .join(tables.space, space.space == member.space)
        .where(member.account == fact.actor)
        .limit(SPACES_PER_ACCOUNT_MAX)
    ).all()
    if len(rows) >= SPACES_PER_ACCOUNT_MAX:
        raise Full()
    if event.sort != "organisation":
        return
    owned = sum(row.sort == "organisation" and row.role == OWNER for row in rows)
    guest_only = rows and all(RANK[row.role] < RANK[MEMBER] for row in rows)
    if owned >= ORGANISATIONS_OWNED_MAX or guest_only:
        raise Full()


def _members_room(fact: Fact, view: Reader) -> None:
    member = tables.space_member.c
    count = view.execute(select(func.count()).where(member.space == fact.space)).scalar()
    if (count or 0) >= MEMBERS_MAX:
        raise Full()


ADMITS: dict[type[Event], Callable[[Fact, Reader], None]] = {
    events.SpaceCreated: space_created,
    events.DirectOpened: direct_opened,
    events.InvitationMade: invitation_made,
    events.MemberJoined: member_joined,
    events.MemberAdded: member_added,
    events.MemberRemoved: member_removed,
    events.MotionMade: motion_made,
}
