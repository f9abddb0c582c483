"""Who may say what about a call. `may` looks at the authority alone; `admits` at this provider's tables."""

from sqlalchemy import select

from verbund.base.refusal import Malformed, Unknown
from verbund.log.registry import Event, Fact, Rule, rule
from verbund.log.tx import Reader
from verbund.meet import events, tables
from verbund.meet.refusals import CallOver
from verbund.spaces.authority import CALL, READ, Authority


def call_started(fact: Fact, authority: Authority) -> None:
    authority.require(fact.actor, CALL)


def call_joined(fact: Fact, authority: Authority) -> None:
    authority.require(fact.actor, CALL)
    _names_its_call(fact)


def call_left(fact: Fact, authority: Authority) -> None:
    authority.require(fact.actor, READ)
    _names_its_call(fact)


def call_ended(fact: Fact, authority: Authority) -> None:
    if not fact.by_provider or not authority.is_provider(fact.actor):
        raise Unknown()
    _names_its_call(fact)
    if list(fact.event.people) != sorted(set(fact.event.people)):
        raise Malformed()


def call_moved(fact: Fact, authority: Authority) -> None:
    if not fact.by_provider or not authority.is_provider(fact.actor) or fact.event.to != fact.actor:
        raise Unknown()
    _names_its_call(fact)


def call_is_here(fact: Fact, view: Reader) -> None:
    """The call was begun in this space."""
    c = tables.call.c
    if view.execute(select(c.id).where(c.id == fact.event.call, c.space == fact.space)).first() is None:
        raise Unknown()


def call_runs(fact: Fact, view: Reader) -> None:
    """The call was begun in this space and is not over."""
    call_is_here(fact, view)
    c = tables.call.c
    if view.execute(select(c.seconds).where(c.id == fact.event.call)).scalar() is not None:
        raise CallOver()


def _names_its_call(fact: Fact) -> None:
    """The call must be among the references of the core: so every replica has it before it folds this."""
    if fact.event.call not in fact.re:
        raise Malformed()


RULES: dict[type[Event], Rule] = {
    events.CallStarted: rule(call_started),
    events.CallJoined: rule(call_joined, call_runs),
    events.CallLeft: rule(call_left, call_is_here),
    events.CallMoved: rule(call_moved, call_is_here),
    events.CallEnded: rule(call_ended, call_is_here),
}
