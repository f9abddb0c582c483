"""Folds of the media library: the only writer of its tables. Every fold commutes with every other of its space."""

import msgspec
from sqlalchemy import delete, select, update

from verbund.base.clock import ms_of
from verbund.base.ids import AccountId, CoreId, SpaceId
from verbund.log import search
from verbund.log.registry import Event, Fact, Fold, Gone, Overtaken
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
        select(c.t, c.position, c.edit, c.withdrawn).where(c.id == event.film, c.space == fact.space)
    ).first()
    if event.by == "author" and _author(tx, fact.space, event.film) != fact.actor:
        return
    if found is None or found.withdrawn:
        _note_part(tx, fact, event.film, found is not None)
        return
    _note_part(tx, fact, event.film)
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
    _forget_parts(tx, [target])


def film_prepared(tx: Tx, fact: Fact) -> None:
    event: events.FilmPrepared = fact.event
    c = tables.film.c
    held = tx.execute(select(c.withdrawn).where(c.id == event.film, c.space == fact.space)).scalar()
    _note_part(tx, fact, event.film, held == 1)
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


def forget_words(tx: Tx, space: SpaceId, _account: AccountId, gone: list[Gone]) -> None:
    """The films of somebody whose words are erased as a whole, without tombstones; withdrawn ones keep theirs."""
    added = [one for one in gone if one.kind == events.FilmAdded.kind]
    if not added:
        return
    c, ids = tables.film.c, [one.id for one in added]
    tx.execute(delete(tables.film).where(c.id.in_(ids), c.space == space, c.withdrawn == 0))
    tx.execute(delete(tables.prepared).where(tables.prepared.c.film.in_(ids)))
    for one in added:
        search.forget(tx, one.position)
    _forget_parts(tx, ids)


def film_overtaken(tx: Tx, fact: Fact) -> bool:
    return _is_withdrawn(tx, fact, fact.id)


def part_overtaken(tx: Tx, fact: Fact) -> bool:
    withdrawn = _is_withdrawn(tx, fact, fact.event.film)
    _note_part(tx, fact, fact.event.film, withdrawn)
    return withdrawn


def _is_withdrawn(tx: Tx, fact: Fact, film: str) -> bool:
    c = tables.film.c
    return tx.execute(select(c.withdrawn).where(c.id == film, c.space == fact.space)).scalar() == 1


def _author(tx: Tx, space: SpaceId, film: str) -> str | None:
    """Who added a film, by its header: the same where the body never came."""
    header = tx.header(CoreId(film))
    device = tx.device(header.dev) if header is not None and header.space == space else None
    return device.actor if device is not None else None


def _note_part(tx: Tx, fact: Fact, film: str, is_gone: bool = False) -> None:
    """What was said about a film goes with it: later, or at once where the film is gone already."""
    if is_gone:
        tx.erase(fact.id)
    else:
        tx.insert_once(tables.edit, {"core": fact.id, "film": film, "space": fact.space})


def _forget_parts(tx: Tx, films: list[CoreId]) -> None:
    edit = tables.edit.c
    for core in tx.execute(select(edit.core).where(edit.film.in_(films))).scalars().all():
        tx.erase(core)
    tx.execute(delete(tables.edit).where(edit.film.in_(films)))


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

#: What a withdrawal takes along though it is not shown.
OVERTAKEN: dict[type[Event], Overtaken] = {
    events.FilmAdded: film_overtaken,
    events.FilmChanged: part_overtaken,
    events.FilmPrepared: part_overtaken,
}
