"""Films that another provider prepared: their files are brought here, and a file that somebody waits for comes first.

The manifest says which files there are, with their hashes; the film's fact says the manifest's hash. So a partner can
withhold a film, never change one. A film can be watched here while it is still arriving, as long as somebody has it.
"""

import asyncio
import logging
import re
from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple, Protocol

import msgspec

from verbund.base.ids import CoreId, SpaceId, b64
from verbund.base.refusal import Refusal, Unknown
from verbund.blobs.shelf import check_room
from verbund.log.appended import Appended
from verbund.log.service import LogService
from verbund.media import queries
from verbund.media.events import FilmPrepared
from verbund.media.package import FILES_MAX, MANIFEST
from verbund.media.track import write_whole

#: The list of what a film consists of while it is arriving; the manifest itself comes last.
ARRIVING = "arriving.json"
MANIFEST_BYTES_MAX = 32 * 1024 * 1024
FILE_BYTES_MAX = 256 * 1024 * 1024
FREE_BYTES_MIN = 512 * 1024**2
AT_ONCE_MAX = 2
LOOK_AGAIN_S = 30.0
WANTED_MAX = 64
_PLAN = re.compile(r"[A-Za-z0-9_-]{43}")
_FILE = re.compile(r"(?:[aosv][0-9]{1,4}/)?[a-z0-9-]{1,20}\.(?:m3u8|m4s|mp4|jpg|vtt|json)")
log = logging.getLogger(__name__)


class Elsewhere(Protocol):
    """The other providers that hold a space."""

    async def fetch(self, space: SpaceId, name: str, bytes_max: int) -> bytes:
        """The bytes of a file. Raises Unknown when nobody who can be reached has it."""
        ...


class Film(NamedTuple):
    """A prepared film that is not whole here. `manifest` is the hash of its list of files."""

    id: CoreId
    space: SpaceId
    plan: str
    manifest: str


class Listed(NamedTuple):
    """A file as a manifest lists it: name in the film's folder, bytes, SHA-256."""

    name: str
    size: int
    hash: str


class Tampered(Refusal):
    """de: Was der andere Anbieter geschickt hat, ist nicht der Film.
    en: What the other provider sent is not the film."""

    code = "media.tampered"
    status = 502


class Replica:
    """Brings films here, one after the other, AT_ONCE_MAX files at a time."""

    def __init__(self, log_service: LogService, elsewhere: Elsewhere, folder: Path) -> None:
        self._log, self._elsewhere, self._folder = log_service, elsewhere, folder
        self._wake = asyncio.Event()
        self._running: asyncio.Task[None] | None = None
        self._fetching: dict[Path, asyncio.Task[None]] = {}

    async def start(self) -> None:
        self._log.told.append(self._told)
        self._running = asyncio.create_task(self._run(), name="films from partners")

    async def stop(self) -> None:
        with suppress(ValueError):
            self._log.told.remove(self._told)
        tasks = [task for task in (self._running, *self._fetching.values()) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def want(self, film: CoreId, plan: str, name: str) -> None:
        """Somebody waits for this file of a film: it comes before the others. Raises Unknown, Tampered."""
        if len(self._fetching) >= WANTED_MAX:
            raise Unknown()
        found = next((one for one in await asyncio.to_thread(self._missing, film) if one.plan == plan), None)
        if found is None:
            raise Unknown()
        listed = next((one for one in await self._list(found) if one.name == name), None)
        if listed is None:
            raise Unknown()
        await self._bring(found, listed)

    def _told(self, appended: Appended) -> None:
        if FilmPrepared.kind in appended.kinds:
            self._wake.set()

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            try:
                for film in await asyncio.to_thread(self._missing):
                    await self._bring_film(film)
            except Exception:
                log.exception("bringing films failed, will be tried again")
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), LOOK_AGAIN_S)

    def _missing(self, film: CoreId | None = None) -> list[Film]:
        with self._log.store.read() as connection:
            rows = queries.ready(connection, film)
        return [Film(*row) for row in rows if not (self._folder / row.film / row.plan / MANIFEST).exists()]

    async def _bring_film(self, film: Film) -> None:
        """Everything of a film that is not here yet; the manifest at the end says that it is whole."""
        folder = self._folder / film.id / film.plan
        try:
            queue = iter(sorted(await self._list(film), key=_urgency))
            async with asyncio.TaskGroup() as group:
                for _ in range(AT_ONCE_MAX):
                    group.create_task(self._line(film, queue))
            await asyncio.to_thread((folder / ARRIVING).replace, folder / MANIFEST)
        except* (Refusal, OSError) as group:
            log.info("film %s is not whole yet: %s", film.id, ", ".join(map(repr, group.exceptions)))

    async def _line(self, film: Film, queue: Iterator[Listed]) -> None:
        for listed in queue:
            await self._bring(film, listed)

    async def _list(self, film: Film) -> list[Listed]:
        """What the film consists of. Raises Unknown, Tampered."""
        path = self._folder / film.id / film.plan / ARRIVING
        with suppress(OSError, ValueError, msgspec.MsgspecError):
            return files_of(await asyncio.to_thread(path.read_bytes), film.manifest)
        raw = await self._elsewhere.fetch(film.space, _name(film, MANIFEST), MANIFEST_BYTES_MAX)
        try:
            found = files_of(raw, film.manifest)
        except (ValueError, msgspec.MsgspecError) as error:
            raise Tampered() from error
        await asyncio.to_thread(_write, path, raw)
        return found

    async def _bring(self, film: Film, listed: Listed) -> None:
        """One file, once, however many wait for it. Raises Unknown, Tampered."""
        path = self._folder / film.id / film.plan / listed.name
        if await asyncio.to_thread(_is_here, path, listed.size):
            return
        task = self._fetching.get(path)
        if task is None:
            task = self._fetching[path] = asyncio.create_task(self._fetch(film, listed, path))
            task.add_done_callback(lambda _: self._fetching.pop(path, None))
        await asyncio.shield(task)

    async def _fetch(self, film: Film, listed: Listed, path: Path) -> None:
        await asyncio.to_thread(check_room, self._folder, listed.size, FREE_BYTES_MIN)
        raw = await self._elsewhere.fetch(film.space, _name(film, listed.name), min(listed.size, FILE_BYTES_MAX))
        if len(raw) != listed.size or b64(sha256(raw).digest()) != listed.hash:
            raise Tampered()
        await asyncio.to_thread(_write, path, raw)


def files_of(raw: bytes, hashed: str | None = None) -> list[Listed]:
    """The files of a manifest. Raises ValueError, MsgspecError when it is not the one with this hash."""
    if hashed is not None and b64(sha256(raw).digest()) != hashed:
        raise ValueError("manifest")
    found = [Listed(*one) for one in msgspec.json.decode(raw, type=list[tuple[str, int, str]])]
    if len(found) > FILES_MAX or not all(_FILE.fullmatch(one.name) for one in found):
        raise ValueError("files")
    return found


def _urgency(listed: Listed) -> tuple[bool, str, str]:
    """Playlists, heads and pictures first; then the beginning of every rendition before the rest of any."""
    folder, _, name = listed.name.rpartition("/")
    return (name.endswith(".m4s"), name, folder)


def _name(film: Film, name: str) -> str:
    return f"film/{film.id}/{film.plan}/{name}"


def _is_here(path: Path, size: int) -> bool:
    try:
        return path.stat().st_size == size
    except OSError:
        return False


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, data)


def is_film_file(plan: str, name: str) -> bool:
    """Whether a file of a film can have this name."""
    return _PLAN.fullmatch(plan) is not None and _FILE.fullmatch(name) is not None


def film_file(log_service: LogService, folder: Path, space: SpaceId, name: str) -> Path | None:
    """The file `<film>/<plan>/<name>` of a film of this space, for a partner; None when there is none."""
    film, _, rest = name.partition("/")
    plan, _, file = rest.partition("/")
    with log_service.store.read() as connection:
        if not is_film_file(plan, file) or not queries.place_of(connection, space, CoreId(film)):
            return None
    path = folder / film / plan / file
    return path if path.is_file() else None
