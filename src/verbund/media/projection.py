"""Folds of the media library: the only writer of its tables. Every fold commutes with every other of its space."""

import msgspec
from sqlalchemy import select, update

from verbund.base.clock import ms_of
from verbund.base.ids import CoreId, SpaceId
from verbund.log import search
from verbund.log.registry import Event, Fact, Fold
from verbund.log.tx import Tx
from verbund.media import events, tables

PROJECTED = tables.PROJECTED
SEARCH_KIND = "film"
SHOWN_DRIFT_MS_MAX = 60_000


def film_added(tx: Tx, fact: Fact) -> None:
    event: events.FilmAdded = fact.event
    shown = _shown_at(fact.t, fact.at)
    row = {
        "id": fact.id, "space": fact.space, "author": fact.actor, "t": shown, "at": fact.at,
        "position": fact.position, "title": event.title, "description": event.description,
        "source": event.source.hash, "source_name": event.source.name, "source_bytes": event.source.size,
        "edit": fact.stamp, "withdrawn": 0,
    }  # fmt: skip
    tx.insert_once(tables.film, row)
    _index(tx, fact.position, fact.space, shown, event.title, event.description)


def film_changed(tx: Tx, fact: Fact) -> None:
    event: events.FilmChanged = fact.event
    c = tables.film.c
    found = tx.execute(
        select(c.author, c.t, c.position, c.edit, c.withdrawn).where(c.id == event.film, c.space == fact.space)
    ).first()
    if found is None or (event.by == "author" and found.author != fact.actor):
        return
    if found.withdrawn:
        tx.erase(fact.id)
        return
    if found.edit >= fact.stamp:
        return
    values = {"title": event.title, "description": event.description, "edit": fact.stamp}
    tx.execute(update(tables.film).where(c.id == event.film).values(**values))
    search.forget(tx, found.position)
    _index(tx, found.position, fact.space, str(found._mapping["t"]), event.title, event.description)


def film_withdrawn(tx: Tx, fact: Fact) -> None:
    """The tombstone follows from the header alone, so it is the same where the body never came."""
    event: events.FilmWithdrawn = fact.event
    target = CoreId(event.film)
    header = tx.header(target)
    if header is None or header.space != fact.space or header.kind != events.FilmAdded.kind:
        return
    author = tx.device(header.dev)
    if author is None or (event.by == "author" and author.actor != fact.actor):
        return
    tombstone = {
        "id": target, "space": fact.space, "author": author.actor, "t": _shown_at(header.t, header.at),
        "at": header.at, "position": header.position, "title": "", "description": "", "source": "",
        "source_name": "", "source_bytes": 0, "edit": "", "withdrawn": 1,
    }  # fmt: skip
    tx.upsert(tables.film, tombstone)
    tx.remove(tables.prepared, film=target)
    search.forget(tx, header.position)
    tx.erase(target)


def film_prepared(tx: Tx, fact: Fact) -> None:
    event: events.FilmPrepared = fact.event
    c = tables.film.c
    held = tx.execute(select(c.withdrawn).where(c.id == event.film, c.space == fact.space)).scalar()
    if held != 0:
        return
    tracks = {"sounds": event.sounds, "words": event.words, "chapters": event.chapters}
    row = {
        "film": event.film, "space": fact.space, "rank": f"{int(event.outcome == 'ready')}{fact.stamp}",
        "outcome": event.outcome, "plan": event.plan, "manifest": event.manifest, "duration_ms": event.duration_ms,
        "width": event.width, "height": event.height, "bytes": event.bytes, "tone": event.tone,
        "tracks": msgspec.json.encode(tracks).decode(), "reason": event.reason,
    }  # fmt: skip
    tx.upsert(tables.prepared, row, newer="rank")


def film_claimed(tx: Tx, fact: Fact) -> None:
    event: events.FilmClaimed = fact.event
    row = {
        "film": event.film, "space": fact.space, "provider": fact.actor, "until": event.until, "stamp": fact.stamp,
    }  # fmt: skip
    tx.upsert(tables.claim, row, newer="stamp")


def film_watched(tx: Tx, fact: Fact) -> None:
    event: events.FilmWatched = fact.event
    row = {
        "account": fact.actor, "of": event.space, "film": event.film, "space": fact.space,
        "position_ms": event.position_ms, "duration_ms": event.duration_ms, "t": _shown_at(fact.t, fact.at),
        "stamp": fact.stamp,
    }  # fmt: skip
    tx.upsert(tables.position, row, newer="stamp")


def _shown_at(t: str, at: int) -> str:
    """The stamp that orders a film: its own, unless it claims to come from after it was taken in."""
    return min(t, f"{at + SHOWN_DRIFT_MS_MAX:012x}0000")


def _index(tx: Tx, position: int, space: SpaceId, t: str, title: str, description: str) -> None:
    search.index(tx, position, space, SEARCH_KIND, ms_of(t), f"{title} {description}")


FOLDS: dict[type[Event], Fold] = {
    events.FilmAdded: film_added,
    events.FilmChanged: film_changed,
    events.FilmWithdrawn: film_withdrawn,
    events.FilmPrepared: film_prepared,
    events.FilmClaimed: film_claimed,
    events.FilmWatched: film_watched,
}
