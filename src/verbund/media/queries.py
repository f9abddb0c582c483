"""Reads of the media library: space first, then viewer. Never writes."""

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Select, and_, func, or_, select

from verbund.base.clock import ms_of
from verbund.base.ids import AccountId, CoreId, ProviderId, SpaceId
from verbund.base.refusal import all_refusals
from verbund.log import search
from verbund.log import tables as log_tables
from verbund.media.schemas import ChapterShape, FilmShape, Library, ReasonShape, RowShape
from verbund.media.tables import claim, film, job, position, prepared

FILMS_MAX = 500
ROW_FILMS_MAX = 40
ROWS_MAX = 30
CONTINUE_MAX = 20
BEGUN_MS = 5_000
DONE_PERCENT = 95
WAITING_MAX = 50
READY_MAX = 5_000
#: So long a film that came in elsewhere is left to that provider.
FOREIGN_MS = 120_000
#: What claims further ahead than this is no claim: its provider's clock is wrong, or its word.
CLAIM_MS_MAX = 1_800_000


class Place(NamedTuple):
    """A space as a viewer sees it: its title, and what they may do there."""

    title: str
    abilities: frozenset[str]


class _Tracks(msgspec.Struct):
    sounds: list[str] = []
    words: list[str] = []
    chapters: list[ChapterShape] = []


Places = dict[SpaceId, Place]
_tracks = msgspec.json.Decoder(_Tracks)


def films(
    connection: Connection, viewer: AccountId, places: Places, language: str, ids: Collection[str] | None = None
) -> list[FilmShape]:
    """The films of these spaces, newest first, with the viewer's positions; with `ids` only those."""
    query = _films(viewer).where(film.c.space.in_(places), film.c.withdrawn == 0)
    if ids is not None:
        query = query.where(film.c.id.in_(ids))
    rows = connection.execute(query.order_by(film.c.t.desc(), film.c.id).limit(FILMS_MAX)).all()
    return [_shape(row, places[row.space], viewer, language) for row in rows]


def library(connection: Connection, viewer: AccountId, places: Places, language: str) -> Library:
    """Hero and rows across all spaces of the viewer: continue, new, then one row for each space."""
    found = films(connection, viewer, places, language)
    rows = [RowShape("continue", "", begun(found)), RowShape("new", "", found[:ROW_FILMS_MAX])]
    of_space: dict[SpaceId, list[FilmShape]] = {}
    for one in found:
        of_space.setdefault(one.space, []).append(one)
    if len(of_space) > 1:
        rows += [RowShape("space", places[space].title, own[:ROW_FILMS_MAX]) for space, own in of_space.items()]
    return Library(_hero(found), [row for row in rows if row.films][:ROWS_MAX])


def begun(found: Sequence[FilmShape]) -> list[FilmShape]:
    """Films that the viewer began and did not finish, the last watched first."""
    open_films = [
        one
        for one in found
        if one.watched_at is not None
        and one.position_ms >= BEGUN_MS
        and one.position_ms * 100 < one.duration_ms * DONE_PERCENT
    ]
    return sorted(open_films, key=lambda one: -(one.watched_at or 0))[:CONTINUE_MAX]


def found(
    connection: Connection, query: str, viewer: AccountId, places: Places, language: str, limit: int
) -> list[FilmShape]:
    """Films of these spaces that have the words, newest first."""
    hits = search.find(connection, query, places, limit, ("film",))
    return films(connection, viewer, places, language, [hit.id for hit in hits])


def place_of(connection: Connection, space: SpaceId, one: CoreId) -> bool:
    """Whether this film stands in this space."""
    c = film.c
    row = connection.execute(select(c.id).where(c.id == one, c.space == space, c.withdrawn == 0)).first()
    return row is not None


def plan_in_use(connection: Connection, one: CoreId) -> str:
    """The folder of a film: the finished one, else the one that grows; "" = none."""
    done = connection.execute(select(prepared.c.plan).where(prepared.c.film == one)).scalar()
    return done or connection.execute(select(job.c.plan).where(job.c.film == one)).scalar() or ""


def waiting(connection: Connection, provider: ProviderId, now_ms: int, attempts_max: int) -> list[Any]:
    """(film, space, source, attempts, playable) that nobody is working on and that are not prepared.

    What came in at another provider is that one's to prepare, unless it says nothing for FOREIGN_MS, or its claim ends.
    Those that cannot be watched yet come first, then the oldest: a long film does not keep others from beginning.
    """
    entry, sublog = log_tables.entry.c, log_tables.sublog.c
    unprepared = (
        film.outerjoin(prepared, prepared.c.film == film.c.id)
        .outerjoin(job, job.c.film == film.c.id)
        .outerjoin(claim, claim.c.film == film.c.id)
        .join(log_tables.entry, entry.position == film.c.position)
        .join(log_tables.sublog, sublog.number == entry.sublog)
    )
    mine = or_(sublog.provider == provider, film.c.at < now_ms - FOREIGN_MS)
    unclaimed = or_(
        claim.c.film.is_(None),
        claim.c.provider == provider,
        claim.c.until < now_ms,
        claim.c.until > now_ms + CLAIM_MS_MAX,  # nobody keeps a film from being prepared for ever
    )
    free = or_(job.c.film.is_(None), and_(job.c.lease_until < now_ms, job.c.attempts < attempts_max))
    query = (
        select(film.c.id, film.c.space, film.c.source, job.c.attempts, job.c.playable)
        .select_from(unprepared)
        .where(prepared.c.film.is_(None), film.c.withdrawn == 0, free, mine, unclaimed)
        .order_by(func.coalesce(job.c.playable, 0), film.c.position)
        .limit(WAITING_MAX)
    )
    return list(connection.execute(query).all())


def given_up(connection: Connection, now_ms: int, attempts_max: int) -> list[Any]:
    """(film, space) whose attempts are used up without an outcome."""
    query = (
        select(film.c.id, film.c.space)
        .select_from(film.join(job, job.c.film == film.c.id).outerjoin(prepared, prepared.c.film == film.c.id))
        .where(prepared.c.film.is_(None), film.c.withdrawn == 0, job.c.attempts >= attempts_max)
        .where(job.c.lease_until < now_ms)
        .limit(WAITING_MAX)
    )
    return list(connection.execute(query).all())


def ready(connection: Connection, one: CoreId | None = None) -> list[Any]:
    """(film, space, plan, manifest) of what can be watched somewhere, the newest first; with `one` only that."""
    c = prepared.c
    query = (
        select(film.c.id.label("film"), film.c.space, c.plan, c.manifest)
        .join(prepared, c.film == film.c.id)
        .where(film.c.withdrawn == 0, c.outcome == "ready")
        .order_by(film.c.t.desc())
        .limit(READY_MAX)
    )
    return list(connection.execute(query if one is None else query.where(film.c.id == one)).all())


def kept(connection: Connection, ids: Collection[str]) -> set[str]:
    """Which of these films are in the library."""
    c = film.c
    return set(connection.execute(select(c.id).where(c.id.in_(ids), c.withdrawn == 0)).scalars())


def reason_of(code: str, language: str) -> ReasonShape | None:
    """The sentence of a refusal code."""
    kind = next((one for one in all_refusals() if one.code == code), None)
    return ReasonShape(code, kind().sentence(language)) if kind else None


def _films(viewer: AccountId) -> Select[Any]:
    mine = and_(position.c.account == viewer, position.c.film == film.c.id, position.c.of == film.c.space)
    joined = (
        film.outerjoin(prepared, prepared.c.film == film.c.id)
        .outerjoin(job, job.c.film == film.c.id)
        .outerjoin(position, mine)
    )
    p, j, w = prepared.c, job.c, position.c
    return select(
        film, p.outcome, p.plan, p.duration_ms, p.width, p.height, p.tone, p.tracks, p.reason,
        j.plan.label("job_plan"), j.duration_ms.label("job_duration_ms"), j.percent, j.playable,
        w.position_ms, w.duration_ms.label("told_duration_ms"), w.t.label("watched"),
    ).select_from(joined)  # fmt: skip


def _shape(row: Any, place: Place, viewer: AccountId, language: str) -> FilmShape:
    state = _state(row)
    plan = row.plan or (row.job_plan if state in ("playable", "working") else "") or ""
    tracks = _tracks.decode(row.tracks) if row.tracks else _Tracks()
    return FilmShape(
        row.id, row.space, place.title, row.author, ms_of(row._mapping["t"]), row.title, row.description, state,
        100 if state == "ready" else row.percent or 0, f"/media/{row.space}/{row.id}/{plan}/" if plan else "",
        row.duration_ms or row.job_duration_ms or 0, row.width or 0, row.height or 0, row.tone or "",
        tracks.sounds, tracks.words, tracks.chapters, reason_of(row.reason, language) if row.reason else None,
        row.position_ms or 0, ms_of(row.watched) if row.watched else None, row.edit, row.source_name,
        row.source_bytes, _abilities(row.author == viewer, place),
    )  # fmt: skip


def _state(row: Any) -> str:
    if row.outcome:
        return str(row.outcome)
    if row.playable:
        return "playable"
    return "working" if row.job_plan else "waiting"


def _abilities(own: bool, place: Place) -> list[str]:
    if own or "moderate" in place.abilities:
        return ["watch", "change", "withdraw"]
    return ["watch"]


def _hero(found: Sequence[FilmShape]) -> FilmShape | None:
    """The newest film with pictures that can be watched."""
    seen = [one for one in found if one.state in ("ready", "playable")]
    return next((one for one in seen if one.width), seen[0] if seen else None)
