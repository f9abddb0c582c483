"""Taking an export in, after it was checked: the log's own `accept`, page by page; then the files; then the films."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import msgspec
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from verbund.base.ids import BlobHash, SpaceId, b64
from verbund.base.keys import PublicKey
from verbund.blobs.missing import missing
from verbund.blobs.refusals import DiskFull
from verbund.blobs.shelf import check_room
from verbund.log import tables as log_tables
from verbund.log.entry import Entry
from verbund.log.service import LogService
from verbund.media import queries
from verbund.media.package import MANIFEST
from verbund.media.replica import FILE_BYTES_MAX, files_of
from verbund.media.track import write_whole
from verbund.ops.moving.archive import DamagedExport, Reader
from verbund.ops.moving.checking import Checked, check, entries_of
from verbund.ops.moving.exporting import FULL, NoRoom
from verbund.partners.actions import Learn
from verbund.partners.commands import keep_identities
from verbund.partners.schemas import Identity

#: Entries to a transaction: people who write meanwhile wait no longer than for these.
BATCH = 200
#: Bytes that stay free on the disk.
FREE_BYTES_MIN = 512 * 1024**2
#: What an entry takes once it is folded, at most (see the bars of the protocol).
ENTRY_BYTES = 2_000
CHECKING, TAKING = "checking", "taking"


class Services(Protocol):
    """What an import needs of a provider that has the log open."""

    log: LogService
    data: Path
    parts: dict[str, Any]


class Taken(NamedTuple):
    """What came of it: entries, files and films that are new here; entries that wait for others; files nobody has."""

    entries: int
    blobs: int
    films: int
    waiting: int
    lacking: int


Told = Callable[[str, int, int], None]


async def take_file(services: Services, path: Path, told: Told) -> Taken:
    """Check the whole file, then take it in. Raises NotAnExport, DamagedExport, TwoHistories, NoRoom.

    Broken off in the middle it is done again: what is here already is passed over.
    """
    reader = await asyncio.to_thread(Reader, path)
    try:
        checked = await asyncio.to_thread(
            check, reader, services.log.store, lambda done, whole: told(CHECKING, done, whole)
        )
        await asyncio.to_thread(_check_room, services.data, reader)
        with _no_room():
            return await _Taking(services, reader, told).take(checked)
    finally:
        reader.close()


class _Taking:
    def __init__(self, services: Services, reader: Reader, told: Told) -> None:
        self._services, self._reader, self._told = services, reader, told
        self._done = 0

    async def take(self, checked: Checked) -> Taken:
        before = await asyncio.to_thread(self._count)
        await self._learn(checked.proven)
        spaces = [space.id for space in self._reader.head.spaces]
        for space in spaces:
            async for name, page in self._pages(space):
                for start in range(0, len(page), BATCH):
                    await self._services.log.accept(page[start : start + BATCH])
                self._count_on(name)
        blobs = films = 0
        for space in spaces:
            blobs += await self._take_blobs(space)
        for row in await asyncio.to_thread(self._films, set(spaces)):
            films += await asyncio.to_thread(self._take_film, row)
        partners = self._services.parts.get("partners")
        if partners is not None:
            partners.look_again()
        after = await asyncio.to_thread(self._count)
        waiting, lacking = await asyncio.to_thread(self._open, spaces)
        return Taken(after - before, blobs, films, waiting, lacking)

    async def _pages(self, space: SpaceId) -> AsyncIterator[tuple[str, list[Entry]]]:
        pages = entries_of(self._reader, space)
        while (page := await asyncio.to_thread(next, pages, None)) is not None:
            yield page

    async def _learn(self, proven: list[tuple[Identity, PublicKey]]) -> None:
        """Whose devices signed for providers: what they signed counts."""
        partners = self._services.parts.get("partners")
        if partners is not None:
            await partners.learn(Learn([identity for identity, _ in proven]))
        else:
            await self._services.log.write(lambda tx: keep_identities(tx, proven))

    async def _take_blobs(self, space: SpaceId) -> int:
        """The files that facts of the space name and that are not here. What was erased here no fact names."""
        passed: list[BlobHash] = []
        taken = 0
        while wanted := await asyncio.to_thread(self._missing, space, passed):
            for one in wanted:
                passed.append(one)
                name = f"blobs/{one}"
                if self._reader.has(name) and one not in self._reader.contents.damaged:
                    path = await asyncio.to_thread(self._unpack, name, one)
                    try:
                        await self._services.parts["blobs"].take_file(space, path, "")
                    finally:
                        await asyncio.to_thread(path.unlink, missing_ok=True)
                    self._count_on(name)
                    taken += 1
        return taken

    def _unpack(self, name: str, one: str) -> Path:
        folder = self._services.data / "arriving"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{one}.{secrets.token_hex(4)}"
        try:
            with path.open("wb") as file:
                for piece in self._reader.pieces(name):
                    file.write(piece)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return path

    def _take_film(self, row: Any) -> bool:
        """The prepared film, if the file has the one that the film's fact names."""
        folder = self._services.data / "media" / row.film / row.plan
        name = f"films/{row.film}/{row.plan}"
        if (folder / MANIFEST).exists() or not self._reader.has(f"{name}.json"):
            return False
        try:
            manifest = self._reader.read(f"{name}.json")
            listed = files_of(manifest, row.manifest)
        except (ValueError, TypeError, msgspec.MsgspecError):
            return False
        content = _Run(self._reader.pieces(f"{name}.bin"))
        for one in listed:
            data = content.read(min(one.size, FILE_BYTES_MAX))
            if b64(sha256(data).digest()) != one.hash:
                raise DamagedExport(what=f"{name}.bin")
            (folder / one.name).parent.mkdir(parents=True, exist_ok=True)
            write_whole(folder / one.name, data)
        write_whole(folder / MANIFEST, manifest)
        self._count_on(f"{name}.bin")
        return True

    def _count_on(self, name: str) -> None:
        self._done += self._reader.size(name)
        self._told(TAKING, min(self._done, self._reader.size_whole), self._reader.size_whole)

    def _count(self) -> int:
        with self._services.log.store.read() as connection:
            return int(connection.execute(select(func.count()).select_from(log_tables.entry)).scalar_one())

    def _missing(self, space: SpaceId, passed: list[BlobHash]) -> list[BlobHash]:
        with self._services.log.store.read() as connection:
            return missing(connection, space, passed)

    def _films(self, spaces: set[SpaceId]) -> list[Any]:
        with self._services.log.store.read() as connection:
            return [row for row in queries.ready(connection) if row.space in spaces]

    def _open(self, spaces: list[SpaceId]) -> tuple[int, int]:
        """(entries that wait for something, files that are named and not here) in these spaces."""
        wanted, waiting = set(spaces), log_tables.waiting.c
        with self._services.log.store.read() as connection:
            rows = connection.execute(select(waiting.core, waiting.space).distinct())
            count = len({row.core for row in rows if row.space in wanted})
            return count, sum(len(missing(connection, space)) for space in spaces)


class _Run:
    """Pieces as one run of bytes, read in other lengths."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._held = pieces, bytearray()

    def read(self, size: int) -> bytes:
        """So many bytes; fewer at the end."""
        while len(self._held) < size and (piece := next(self._pieces, None)) is not None:
            self._held += piece
        found = bytes(self._held[:size])
        del self._held[:size]
        return found


def _check_room(data: Path, reader: Reader) -> None:
    files = sum(reader.size(name) for prefix in ("blobs/", "films/") for name in reader.under(prefix))
    with _no_room():
        check_room(data, files + reader.head.entries * ENTRY_BYTES, FREE_BYTES_MIN)


@contextmanager
def _no_room() -> Iterator[None]:
    """A full disk, whoever says so."""
    try:
        yield
    except DiskFull as error:
        raise NoRoom() from error
    except OSError as error:
        if error.errno in FULL:
            raise NoRoom() from error
        raise
    except OperationalError as error:
        if "full" in str(error).lower() or "space" in str(error).lower():
            raise NoRoom() from error
        raise
