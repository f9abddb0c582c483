"""What may become a fact of a space. Looks at the authority that is passed in; `admits.py` looks at this provider."""

from collections.abc import Callable
from typing import Any

from verbund.accounts.events import public_key
from verbund.base.ids import unb64
from verbund.base.keys import ED25519, PublicKey, WeakKey, check_key, verify
from verbund.base.refusal import Refusal, Unknown
from verbund.log.registry import Event, Fact, Rule, rule
from verbund.spaces import admits, events, motions
from verbund.spaces.state import (
    ADMIN,
    ARCHIVE,
    DESCRIBE,
    INVITE,
    MEMBER,
    MEMBERS,
    OWNER,
    PROVIDERS,
    RANK,
    READ,
    ROLES,
    Authority,
    NotAllowed,
)  # fmt: skip

JOIN_DOMAIN = b"verbund/join/1\0"


class LastOwner(Refusal):
    """de: Dieser Bereich gehört nur noch Ihnen. Machen Sie zuerst jemand anderen zur Inhaberin oder zum Inhaber.
    en: You are the last owner of this space. Make somebody else an owner first."""

    code = "spaces.last_owner"
    status = 409


class InvitationUnknown(Refusal):
    """de: Diese Einladung gilt nicht mehr. Bitten Sie um eine neue.
    en: This invitation is no longer valid. Ask for a new one."""

    code = "spaces.invitation_unusable"
    status = 410


class ForgedProof(Refusal):
    """de: Der Link zu dieser Einladung ist unvollständig. Öffnen Sie ihn noch einmal so, wie Sie ihn bekommen haben.
    en: The link to this invitation is incomplete. Open it again exactly as you received it."""

    code = "spaces.forged_proof"
    status = 403


class Uncited(Refusal):
    """de: Diese Angabe passt nicht zum Stand des Bereichs. Laden Sie die Seite neu und versuchen Sie es noch einmal.
    en: This does not match the state of the space. Reload the page and try again."""

    code = "spaces.uncited"
    status = 422


class WrongShape(Refusal):
    """de: So kann dieser Bereich nicht angelegt werden.
    en: This space cannot be created like that."""

    code = "spaces.malformed"
    status = 422


def join_message(space: str, account: str) -> bytes:
    """What an invitation's key signs for somebody who joins."""
    return JOIN_DOMAIN + space.encode("ascii") + b"\0" + account.encode("ascii")


def space_created(fact: Fact, _authority: Authority) -> None:
    event: events.SpaceCreated = fact.event
    _person(fact)
    if event.account != fact.actor:
        raise NotAllowed()
    if (event.sort == "organisation" and event.parent) or (event.sort == "team" and not event.parent):
        raise WrongShape()
    _clean(event.title)


def direct_opened(fact: Fact, _authority: Authority) -> None:
    event: events.DirectOpened = fact.event
    _person(fact)
    if list(event.people) != sorted(set(event.people)) or event.derived_space() != fact.space:
        raise WrongShape()
    if fact.actor not in event.people:
        raise Unknown()


def personal_opened(fact: Fact, _authority: Authority) -> None:
    event: events.PersonalOpened = fact.event
    _person(fact)
    if event.account != fact.actor or event.derived_space() != fact.space:
        raise Unknown()


def invitation_made(fact: Fact, authority: Authority) -> None:
    event: events.InvitationMade = fact.event
    _person(fact)
    authority.require(fact.actor, INVITE)
    _grants(authority, fact.actor, event.role)
    check_key(_invitation_key(event.key))


def invitation_withdrawn(fact: Fact, authority: Authority) -> None:
    event: events.InvitationWithdrawn = fact.event
    _person(fact)
    authority.require(fact.actor, READ)
    invitation = authority.invitations.get(event.invitation)
    if invitation is None:
        raise Unknown()
    if invitation.by != fact.actor:
        authority.require(fact.actor, MEMBERS)


def member_joined(fact: Fact, authority: Authority) -> None:
    event: events.MemberJoined = fact.event
    _person(fact)
    if event.account != fact.actor:
        raise Unknown()
    if event.invitation is None:
        _joins_as_colleague(fact, authority)
    else:
        _joins_by_invitation(fact, authority)


def member_added(fact: Fact, authority: Authority) -> None:
    event: events.MemberAdded = fact.event
    _person(fact)
    authority.require(fact.actor, MEMBERS)
    _grants(authority, fact.actor, event.role)
    if authority.rank_of(event.account) > RANK[event.role]:
        raise NotAllowed()


def role_changed(fact: Fact, authority: Authority) -> None:
    event: events.RoleChanged = fact.event
    if fact.by_provider and motions.carries(fact, authority, "owner_demoted", event.account):
        if event.role != ADMIN:
            raise NotAllowed()
        return
    _person(fact)
    authority.require(fact.actor, MEMBERS)
    held = authority.role_of(event.account)
    if held is None:
        raise Unknown()
    if not authority.may(fact.actor, ROLES) and max(RANK[held], RANK[event.role]) >= RANK[ADMIN]:
        raise NotAllowed()
    if held == OWNER != event.role and len(authority.owners()) == 1:
        raise LastOwner()
    if held == OWNER != event.role and event.account != fact.actor and motions.is_for_owners(authority):
        raise motions.NeedsMotion()


def member_removed(fact: Fact, authority: Authority) -> None:
    event: events.MemberRemoved = fact.event
    if fact.by_provider:
        if motions.carries(fact, authority, "owner_removed", event.account):
            return None
        return _removed_with_parent(fact, authority)
    _person(fact)
    authority.require(fact.actor, READ)
    held = authority.role_of(event.account)
    if held is None:
        raise Unknown()
    if event.account == fact.actor:
        if held == OWNER and len(authority.owners()) == 1:
            raise LastOwner()
        if event.cuts.get(fact.dev, 0) < fact.ds:
            raise Uncited()
        return None
    authority.require(fact.actor, MEMBERS)
    if authority.role_of(fact.actor) != OWNER and RANK[held] >= authority.rank_of(fact.actor):
        raise NotAllowed()
    if held == OWNER and motions.is_for_owners(authority):
        raise motions.NeedsMotion()
    return None


def space_archived(fact: Fact, authority: Authority) -> None:
    _person(fact)
    authority.require(fact.actor, ARCHIVE)


def provider_added(fact: Fact, authority: Authority) -> None:
    event: events.ProviderAdded = fact.event
    if fact.by_provider:
        _provider_carries(fact, authority, event.provider, added=True)
    else:
        _person(fact)
        authority.require(fact.actor, PROVIDERS)
    if check_key(public_key(event.alg, event.key)).provider != event.provider:
        raise WeakKey(reason="provider")


def provider_removed(fact: Fact, authority: Authority) -> None:
    event: events.ProviderRemoved = fact.event
    if not fact.by_provider:
        _person(fact)
        authority.require(fact.actor, PROVIDERS)
        raise motions.NeedsMotion()
    if not motions.carries(fact, authority, "provider_removed", event.provider):
        _provider_carries(fact, authority, event.provider, added=False)
    if event.provider not in authority.providers:
        raise Unknown()
    if len(authority.providers) == 1:
        raise NotAllowed()


def home_chosen(fact: Fact, authority: Authority) -> None:
    _person(fact)
    authority.require(fact.actor, PROVIDERS)
    if fact.event.provider not in authority.providers:
        raise Unknown()


def space_described(fact: Fact, authority: Authority) -> None:
    _person(fact)
    authority.require(fact.actor, DESCRIBE)
    _clean(fact.event.title)


def _joins_by_invitation(fact: Fact, authority: Authority) -> None:
    event: events.MemberJoined = fact.event
    invitation = authority.invitations.get(event.invitation) if event.invitation else None
    if invitation is None:
        raise Unknown()
    if invitation.withdrawn:
        raise InvitationUnknown()
    removal = authority.removed.get(event.account)
    if removal is not None and not removal.own and invitation.made < removal.at:
        raise InvitationUnknown()
    try:
        proof = unb64(event.proof or "")
    except ValueError as error:
        raise ForgedProof() from error
    if not verify(_invitation_key(invitation.key), proof, join_message(fact.space, event.account)):
        raise ForgedProof()


def _joins_as_colleague(fact: Fact, authority: Authority) -> None:
    """Into a team, as a member of its organisation. The cited heads must be among what the core refers to, so that
    every replica has them before it judges."""
    event: events.MemberJoined = fact.event
    if authority.sort != "team" or authority.parent is None or event.proof is not None:
        raise Unknown()
    if not event.parent_heads or not set(event.parent_heads) <= {*fact.re, *fact.core.ah}:
        raise Uncited()
    parent = authority.parent_at(event.parent_heads)
    if parent is None or parent.rank_of(event.account) < RANK[MEMBER]:
        raise Unknown()
    removal = authority.removed.get(event.account)
    if removal is not None and not removal.own:
        raise InvitationUnknown()


def _removed_with_parent(fact: Fact, authority: Authority) -> None:
    """A provider carries a removal from the parent into its children; it can remove nobody by itself."""
    event: events.MemberRemoved = fact.event
    if not authority.is_provider(fact.actor) or authority.parent is None or not fact.re:
        raise Unknown()
    if authority.parent_removed(fact.re[0]) != event.account:
        raise Uncited()
    if authority.role_of(event.account) is None:
        raise Unknown()


def _provider_carries(fact: Fact, authority: Authority, provider: str, added: bool) -> None:
    """A provider of the space says its own name and address, or carries what the parent decided about a provider into
    its children; it can bring in or shut out nobody by itself."""
    if not authority.is_provider(fact.actor):
        raise Unknown()
    if added and provider == fact.actor:
        return
    parent = authority.parent_at(fact.re[:1]) if fact.re else None
    if parent is None or (provider in parent.providers) != added:
        raise Uncited()


def _grants(authority: Authority, actor: str, role: str) -> None:
    """Nobody gives more than they have; admins are made by owners."""
    if authority.role_of(actor) != OWNER and RANK[role] >= min(RANK[ADMIN], authority.rank_of(actor) + 1):
        raise NotAllowed()


def _person(fact: Fact) -> None:
    if fact.device.sort != "person":
        raise NotAllowed()


def _clean(title: str) -> None:
    if not title.strip() or any(ord(letter) < 32 or ord(letter) == 127 for letter in title):
        raise WrongShape()


def _invitation_key(text: str) -> PublicKey:
    return public_key(ED25519, text)


MAY: dict[type[Event], Callable[[Fact, Any], None]] = {
    events.SpaceCreated: space_created,
    events.DirectOpened: direct_opened,
    events.PersonalOpened: personal_opened,
    events.InvitationMade: invitation_made,
    events.InvitationWithdrawn: invitation_withdrawn,
    events.MemberJoined: member_joined,
    events.MemberAdded: member_added,
    events.RoleChanged: role_changed,
    events.MemberRemoved: member_removed,
    events.SpaceArchived: space_archived,
    events.ProviderAdded: provider_added,
    events.ProviderRemoved: provider_removed,
    events.HomeChosen: home_chosen,
    events.SpaceDescribed: space_described,
    **motions.MAY,
}
RULES: dict[type[Event], Rule] = {
    kind: rule(may, admits.ADMITS.get(kind, admits.if_room if kind.authority else None)) for kind, may in MAY.items()
}
