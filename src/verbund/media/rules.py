"""Who may say what about a film. `may` looks at the authority alone; `admits` at this provider's tables."""

from sqlalchemy import select

from verbund.base.ids import is_hash
from verbund.base.refusal import Malformed, Refusal, Unknown
from verbund.log.registry import Event, Fact, Rule, rule
from verbund.log.tx import Reader
from verbund.media import events, tables
from verbund.spaces.authority import ADD_FILM, MODERATE, POST, READ, Authority


class NotYours(Refusal):
    """de: Ändern kann einen Film nur, wer ihn hochgeladen hat oder den Bereich leitet.
    en: Only the person who uploaded a film, or who leads the space, can change it."""

    code = "media.foreign_film"
    status = 403


class Withdrawn(Refusal):
    """de: Diesen Film gibt es nicht mehr.
    en: This film no longer exists."""

    code = "media.withdrawn"
    status = 410


def film_added(fact: Fact, authority: Authority) -> None:
    event: events.FilmAdded = fact.event
    authority.require(fact.actor, ADD_FILM)
    if tuple(event.blobs) != (event.source.hash,) or not is_hash(event.source.hash) or not event.title.strip():
        raise Malformed()


def film_changed(fact: Fact, authority: Authority) -> None:
    authority.require(fact.actor, MODERATE if fact.event.by == "moderator" else ADD_FILM)
    _names_its_film(fact)


def film_withdrawn(fact: Fact, authority: Authority) -> None:
    authority.require(fact.actor, MODERATE if fact.event.by == "moderator" else READ)
    _names_its_film(fact)


def film_prepared(fact: Fact, authority: Authority) -> None:
    event: events.FilmPrepared = fact.event
    if not fact.by_provider or not authority.is_provider(fact.actor):
        raise Unknown()
    _names_its_film(fact)
    if (event.outcome == "ready") == bool(event.reason) or (event.outcome == "ready") != bool(event.plan):
        raise Malformed()


def film_claimed(fact: Fact, authority: Authority) -> None:
    if not fact.by_provider or not authority.is_provider(fact.actor):
        raise Unknown()
    _names_its_film(fact)


def film_watched(fact: Fact, authority: Authority) -> None:
    event: events.FilmWatched = fact.event
    authority.require(fact.actor, POST)
    if not is_hash(event.film) or not is_hash(event.space):
        raise Malformed()


def film_is_here(fact: Fact, view: Reader) -> None:
    """The film stands in this space and was not withdrawn; whoever speaks as its author is."""
    event = fact.event
    c = tables.film.c
    row = view.execute(select(c.author, c.withdrawn).where(c.id == event.film, c.space == fact.space)).first()
    if row is None:
        raise Unknown()
    if row.withdrawn:
        raise Withdrawn()
    if getattr(event, "by", "") == "author" and row.author != fact.actor:
        raise NotYours()


def _names_its_film(fact: Fact) -> None:
    """The film must be among the references of the core: so every replica has it before it folds this."""
    if fact.event.film not in fact.re:
        raise Malformed()


RULES: dict[type[Event], Rule] = {
    events.FilmAdded: rule(film_added),
    events.FilmChanged: rule(film_changed, film_is_here),
    events.FilmWithdrawn: rule(film_withdrawn, film_is_here),
    events.FilmPrepared: rule(film_prepared, film_is_here),
    events.FilmClaimed: rule(film_claimed, film_is_here),
    events.FilmWatched: rule(film_watched),
}
