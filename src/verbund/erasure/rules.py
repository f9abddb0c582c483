"""Who may say that an erasure was carried out: a provider of the space, of an order that it cites."""

from verbund.base.refusal import Unknown
from verbund.erasure import events
from verbund.log.registry import Event, Fact, Rule, rule
from verbund.spaces.authority import Authority


def erasure_confirmed(fact: Fact, authority: Authority) -> None:
    event: events.ErasureConfirmed = fact.event
    if not fact.by_provider or not authority.is_provider(fact.actor) or event.order not in fact.re:
        raise Unknown()


RULES: dict[type[Event], Rule] = {events.ErasureConfirmed: rule(erasure_confirmed)}
