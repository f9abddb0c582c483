"""What cannot be taken back waits a day or takes two owners: the rules of motions and of what they lead to.

A motion decides nothing by itself. The deed is a fact of a provider that cites the motion: it counts when, as far as
its author had seen, another owner had seconded the motion or a day had passed between the two facts, and nobody had
stopped it. No replica looks at its clock to judge that.
"""

from collections.abc import Callable
from typing import Any

from verbund.base.refusal import Refusal, Unknown
from verbund.log.registry import Event, Fact
from verbund.spaces import events
from verbund.spaces.state import OWNER, PROVIDERS, READ, Authority, Motion, NotAllowed


class NeedsMotion(Refusal):
    """de: Das lässt sich nicht zurücknehmen. Es wartet deshalb einen Tag, oder eine zweite Inhaberin stimmt zu.
    en: This cannot be taken back. So it waits for a day, or a second owner agrees."""

    code = "spaces.needs_motion"
    status = 409


class MotionOver(Refusal):
    """de: Das hat sich schon erledigt. Laden Sie die Seite neu.
    en: This has already been settled. Reload the page."""

    code = "spaces.motion_over"
    status = 409


def is_for_owners(authority: Authority) -> bool:
    """Whether owners are protected from each other here: in a firm. In its rooms the firm can put things right."""
    return authority.sort == "organisation"


def carries(fact: Fact, authority: Authority, deed: str, target: str) -> bool:
    """Whether a provider's fact carries out a motion of this space, which it cites first.

    Raises Unknown, NotAllowed, MotionOver.
    """
    motion = authority.motions.get(fact.re[0]) if fact.re else None
    if motion is None:
        return False
    if not authority.is_provider(fact.actor):
        raise Unknown()
    if (motion.deed, motion.target) != (deed, target) or not motion.has_passed(fact.t):
        raise NotAllowed()
    if motion.is_done:
        raise MotionOver()
    return True


def motion_made(fact: Fact, authority: Authority) -> None:
    event: events.MotionMade = fact.event
    _owner(fact, authority)
    on_provider = event.deed == "provider_removed"
    if (event.provider is not None) != on_provider or (event.account is not None) == on_provider:
        raise NotAllowed()
    if event.provider is not None and event.provider not in authority.providers:
        raise Unknown()
    if on_provider and len(authority.providers) == 1:
        raise NotAllowed()
    if event.deed in ("owner_removed", "owner_demoted"):
        if event.account == fact.actor or not is_for_owners(authority):
            raise NotAllowed()
        if event.account is None or authority.role_of(event.account) != OWNER:
            raise Unknown()


def motion_seconded(fact: Fact, authority: Authority) -> None:
    motion = _open(fact, authority)
    if motion.by == fact.actor:
        raise NotAllowed()


def motion_stopped(fact: Fact, authority: Authority) -> None:
    _open(fact, authority)


def erasure_ordered(fact: Fact, authority: Authority) -> None:
    event: events.ErasureOrdered = fact.event
    if event.until > fact.t:
        raise NotAllowed()
    if not fact.by_provider:
        if fact.device.sort != "person":
            raise NotAllowed()
        authority.require(fact.actor, READ)
        if event.account != fact.actor:
            raise NeedsMotion()
        return
    if not authority.is_provider(fact.actor) or not fact.re:
        raise Unknown()
    if carries(fact, authority, "person_erased", event.account):
        if event.until != authority.motions[fact.re[0]].t:
            raise NotAllowed()
        return
    parent = authority.parent_at(fact.re[:1])
    if parent is None or parent.erasures.get(fact.re[0]) != (event.account, event.until):
        raise Unknown()


def _owner(fact: Fact, authority: Authority) -> None:
    if fact.device.sort != "person":
        raise NotAllowed()
    authority.require(fact.actor, PROVIDERS)


def _open(fact: Fact, authority: Authority) -> Motion:
    """The motion, for one of the owners, while it can still be decided. It must be among what the core refers to."""
    _owner(fact, authority)
    motion = authority.motions.get(fact.event.motion)
    if motion is None or motion.id not in fact.re:
        raise Unknown()
    if not motion.is_open:
        raise MotionOver()
    return motion


MAY: dict[type[Event], Callable[[Fact, Any], None]] = {
    events.MotionMade: motion_made,
    events.MotionSeconded: motion_seconded,
    events.MotionStopped: motion_stopped,
    events.ErasureOrdered: erasure_ordered,
}
