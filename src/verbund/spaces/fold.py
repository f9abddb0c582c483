"""What each authority fact does to the state. Pure; the facts come in their order (see history.py), so that the last
writer wins by coming last, and all of them count."""

from collections.abc import Callable
from typing import Any

from verbund.base.ids import AccountId
from verbund.log.registry import Event, Fact
from verbund.spaces import events
from verbund.spaces.state import MEMBER, OWNER, RANK, Authority, Invitation, Member, Motion, Order, Removal


def founded(fact: Fact) -> str:
    """The sort of the space that this fact founds."""
    event = fact.event
    if isinstance(event, events.SpaceCreated):
        return event.sort
    return "direct" if isinstance(event, events.DirectOpened) else "personal"


def apply(state: Authority, fact: Fact, order: Order) -> None:
    """Change the state by a fact that counts."""
    change = APPLY.get(type(fact.event))
    if change is not None:
        change(state, fact, order)


def _space_created(state: Authority, fact: Fact, order: Order) -> None:
    event: events.SpaceCreated = fact.event
    state.sort, state.parent, state.founder = event.sort, event.parent, event.account
    state.providers |= frozenset(event.providers)
    state.members[event.account] = Member(OWNER, fact.id, order)


def _direct_opened(state: Authority, fact: Fact, order: Order) -> None:
    event: events.DirectOpened = fact.event
    for account in event.people:
        state.members.setdefault(account, Member(MEMBER, fact.id, order))


def _personal_opened(state: Authority, fact: Fact, order: Order) -> None:
    event: events.PersonalOpened = fact.event
    state.members.setdefault(event.account, Member(OWNER, fact.id, order))


def _invitation_made(state: Authority, fact: Fact, order: Order) -> None:
    event: events.InvitationMade = fact.event
    state.invitations[fact.id] = Invitation(
        fact.id, event.key, event.role, event.expires_at, event.uses_max, AccountId(fact.actor), order
    )


def _invitation_withdrawn(state: Authority, fact: Fact, _order: Order) -> None:
    event: events.InvitationWithdrawn = fact.event
    invitation = state.invitations.get(event.invitation)
    if invitation is not None:
        state.invitations[event.invitation] = invitation._replace(withdrawn=True)


def _member_joined(state: Authority, fact: Fact, order: Order) -> None:
    event: events.MemberJoined = fact.event
    invitation = state.invitations.get(event.invitation) if event.invitation else None
    role = invitation.role if invitation else MEMBER
    held = state.members.get(event.account)
    if held is None or RANK[role] > RANK[held.role]:
        state.members[event.account] = Member(role, fact.id, held.since if held else order)
        state.removed.pop(event.account, None)


def _member_added(state: Authority, fact: Fact, order: Order) -> None:
    event: events.MemberAdded = fact.event
    held = state.members.get(event.account)
    if held is None:
        state.members[event.account] = Member(event.role, fact.id, order)
        state.removed.pop(event.account, None)
    else:
        state.members[event.account] = held._replace(role=event.role)


def _role_changed(state: Authority, fact: Fact, _order: Order) -> None:
    event: events.RoleChanged = fact.event
    held = state.members.get(event.account)
    if held is not None:
        state.members[event.account] = held._replace(role=event.role)
    if event.role != OWNER:
        _settle_all(state, event.account, "owner_removed", "owner_demoted")
    _never_ownerless(state)


def _member_removed(state: Authority, fact: Fact, order: Order) -> None:
    event: events.MemberRemoved = fact.event
    if state.members.pop(event.account, None) is not None or event.account not in state.removed:
        state.removed[event.account] = Removal(fact.id, event.cuts, event.account == fact.actor, order)
    _settle_all(state, event.account, "owner_removed", "owner_demoted")
    _never_ownerless(state)


def _space_archived(state: Authority, fact: Fact, _order: Order) -> None:
    state.archived = fact.event.archived


def _provider_added(state: Authority, fact: Fact, _order: Order) -> None:
    state.providers |= {fact.event.provider}


def _provider_removed(state: Authority, fact: Fact, _order: Order) -> None:
    state.providers -= {fact.event.provider}
    if state.home == fact.event.provider:
        state.home = None
    _settle_all(state, fact.event.provider, "provider_removed")


def _motion_made(state: Authority, fact: Fact, _order: Order) -> None:
    event: events.MotionMade = fact.event
    target = event.provider or event.account or ""
    state.motions[fact.id] = Motion(fact.id, event.deed, target, AccountId(fact.actor), fact.t)


def _motion_seconded(state: Authority, fact: Fact, _order: Order) -> None:
    motion = state.motions.get(fact.event.motion)
    if motion is not None:
        state.motions[motion.id] = motion._replace(seconded_by=AccountId(fact.actor))


def _motion_stopped(state: Authority, fact: Fact, _order: Order) -> None:
    motion = state.motions.get(fact.event.motion)
    if motion is not None:
        state.motions[motion.id] = motion._replace(stopped_by=AccountId(fact.actor))


def _erasure_ordered(state: Authority, fact: Fact, _order: Order) -> None:
    event: events.ErasureOrdered = fact.event
    state.erasures[fact.id] = (event.account, event.until)
    for motion in list(state.motions.values()):
        if motion.t <= event.until:
            _settle(state, "person_erased", event.account, motion)


def _settle_all(state: Authority, target: str, *deeds: str) -> None:
    """What these motions wanted has taken place, whichever of them did it: none acts a second time."""
    for deed in deeds:
        for motion in list(state.motions.values()):
            _settle(state, deed, target, motion)


def _settle(state: Authority, deed: str, target: str, motion: Motion) -> None:
    if (motion.deed, motion.target) == (deed, target):
        state.motions[motion.id] = motion._replace(is_done=True)


def _home_chosen(state: Authority, fact: Fact, _order: Order) -> None:
    if fact.event.provider in state.providers:
        state.home = fact.event.provider


def _never_ownerless(state: Authority) -> None:
    """A space that lost its last owner falls to who leads it: the highest role, then who was there earlier."""
    if any(member.role == OWNER for member in state.members.values()):
        return
    heirs = [(-RANK[one.role], one.since, account) for account, one in state.members.items() if RANK[one.role] > 1]
    if heirs:
        heir = min(heirs)[2]
        state.members[heir] = state.members[heir]._replace(role=OWNER)


APPLY: dict[type[Event], Callable[[Authority, Any, Order], None]] = {
    events.SpaceCreated: _space_created,
    events.DirectOpened: _direct_opened,
    events.PersonalOpened: _personal_opened,
    events.InvitationMade: _invitation_made,
    events.InvitationWithdrawn: _invitation_withdrawn,
    events.MemberJoined: _member_joined,
    events.MemberAdded: _member_added,
    events.RoleChanged: _role_changed,
    events.MemberRemoved: _member_removed,
    events.SpaceArchived: _space_archived,
    events.ProviderAdded: _provider_added,
    events.ProviderRemoved: _provider_removed,
    events.MotionMade: _motion_made,
    events.MotionSeconded: _motion_seconded,
    events.MotionStopped: _motion_stopped,
    events.ErasureOrdered: _erasure_ordered,
    events.HomeChosen: _home_chosen,
}
