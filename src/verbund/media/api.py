"""HTTP of the media library: parse, name the caller, hand over.

Bytes are read by (space, film) with the caller's rights.
"""

import asyncio
from pathlib import Path
from typing import Annotated, Any

from litestar import Request, Response, get
from litestar.params import HeaderParameter, Parameter
from litestar.response import Redirect

from verbund.accounts.schemas import Caller
from verbund.base.ids import CoreId, SpaceId
from verbund.base.refusal import Unknown
from verbund.base.settings import Settings
from verbund.blobs.ranges import Span, is_fresh, parse_range
from verbund.log.service import LogService
from verbund.media import queries
from verbund.media.package import FOLDER, MASTER
from verbund.media.queries import Place, Places
from verbund.media.replica import Replica, is_film_file
from verbund.media.schemas import Films, FilmShape, Library
from verbund.spaces.authority import abilities_of
from verbund.spaces.queries import role, spaces_of

QUERY_CHARS_MAX = 200
HITS_MAX = 50
FILE_BYTES_MAX = 256 * 1024 * 1024
TYPES = {
    ".m3u8": "application/vnd.apple.mpegurl",
    ".m4s": "video/iso.segment",
    ".mp4": "video/mp4",
    ".jpg": "image/jpeg",
    ".vtt": "text/vtt; charset=utf-8",
    ".json": "application/json",
}
#: Segments and heads never change under their name; playlists grow, pictures may come later.
IMMUTABLE = frozenset({".m4s", ".mp4"})
Language = Annotated[str, HeaderParameter(name="accept-language")]


@get("/api/films", summary="The media library")
async def films(caller: Caller, log: LogService, accept_language: Language = "") -> Library:
    """Hero and rows across all spaces of the caller."""

    def read() -> Library:
        with log.store.read() as connection:
            return queries.library(connection, caller.account, _places(connection, caller), accept_language)

    return await log.store.look(read)


@get("/api/films/found", summary="Search for films")
async def films_found(
    caller: Caller, log: LogService, q: Annotated[str, Parameter(max_length=QUERY_CHARS_MAX)],
    accept_language: Language = "",
) -> Films:  # fmt: skip
    """Films of the caller's spaces that have all the words."""

    def read() -> Films:
        with log.store.read() as connection:
            places = _places(connection, caller)
            return Films(queries.found(connection, q, caller.account, places, accept_language, HITS_MAX))

    return await asyncio.to_thread(read)  # a search may take long: not among the short looks


@get("/api/films/{film:str}", summary="One film")
async def film(film: str, caller: Caller, log: LogService, accept_language: Language = "") -> FilmShape:
    """A film of any space of the caller, with how far its preparation is and how far the caller got."""

    def read() -> FilmShape:
        with log.store.read() as connection:
            found = queries.films(connection, caller.account, _places(connection, caller), accept_language, [film])
        if not found:
            raise Unknown()
        return found[0]

    return await log.store.look(read)


@get("/api/spaces/{space:str}/films", summary="Films of a space")
async def films_of_space(space: str, caller: Caller, log: LogService, accept_language: Language = "") -> Films:
    """The films of one space, newest first."""

    def read() -> Films:
        with log.store.read() as connection:
            places = {key: place for key, place in _places(connection, caller).items() if key == space}
            if not places:
                raise Unknown()
            return Films(queries.films(connection, caller.account, places, accept_language))

    return await log.store.look(read)


@get("/media/{space:str}/{film:str}/master.m3u8", summary="Where a film's playlist is now")
async def master(space: str, film: str, caller: Caller, log: LogService) -> Redirect:
    """Leads to the playlist in the folder of the plan in use."""

    def read() -> str:
        with log.store.read() as connection:
            _check(connection, caller, space, film)
            return queries.plan_in_use(connection, CoreId(film))

    plan = await log.store.look(read)
    if not plan:
        raise Unknown()
    return Redirect(f"/media/{space}/{film}/{plan}/{MASTER}", status_code=307, headers={"cache-control": "no-store"})


@get("/media/{space:str}/{film:str}/{plan:str}/{file:path}", summary="A playlist, a segment, a picture")
async def media_file(
    space: str, film: str, plan: str, file: str, request: Request[Any, Any, Any], caller: Caller, log: LogService,
    settings: Settings, services: Any,
) -> Response[bytes]:  # fmt: skip
    """The bytes, whole or a range of them, for members of the space."""
    name = file.lstrip("/")
    if not is_film_file(plan, name):
        raise Unknown()

    def check() -> None:
        with log.store.read() as connection:
            _check(connection, caller, space, film)

    await log.store.look(check)
    path = settings.folder / FOLDER / film / plan / name
    if not await asyncio.to_thread(path.exists):
        replica: Replica = services.parts["film_replica"]
        await replica.want(CoreId(film), plan, name)
    return await asyncio.to_thread(_answer, path, request)


def _answer(path: Path, request: Request[Any, Any, Any]) -> Response[bytes]:
    try:
        stat = path.stat()
    except OSError as error:
        raise Unknown() from error
    lasting = path.suffix in IMMUTABLE
    etag = f'"{stat.st_mtime_ns:x}-{stat.st_size:x}"'
    headers = {
        "etag": etag,
        "accept-ranges": "bytes",
        "cache-control": "private, max-age=31536000, immutable" if lasting else "private, no-cache",
        "content-type": TYPES[path.suffix],
        "x-content-type-options": "nosniff",
    }
    if is_fresh(request.headers.get("if-none-match"), etag):
        return Response(b"", status_code=304, headers=headers)
    span = parse_range(request.headers.get("range"), stat.st_size)
    status = 200 if span is None else 206
    if span is not None:
        headers["content-range"] = f"bytes {span.first}-{span.last}/{stat.st_size}"
    span = span or Span(0, min(stat.st_size, FILE_BYTES_MAX) - 1)
    with path.open("rb") as opened:
        opened.seek(span.first)
        return Response(opened.read(span.length), status_code=status, headers=headers, media_type=TYPES[path.suffix])


def _check(connection: Any, caller: Caller, space: str, film: str) -> None:
    """One answer for everything that is not for the caller. Raises Unknown."""
    if role(connection, SpaceId(space), caller.account) is None:
        raise Unknown()
    if not queries.place_of(connection, SpaceId(space), CoreId(film)):
        raise Unknown()


def _places(connection: Any, caller: Caller) -> Places:
    rows = spaces_of(connection, caller.account)
    return {
        row.space: Place(row.title or "", abilities_of(row.sort, row.role, bool(row.archived)))
        for row in rows
        if row.sort != "personal"
    }


ROUTES = [films, films_found, film, films_of_space, master, media_file]
