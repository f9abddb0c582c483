"""Writing an export: what this provider has of some spaces, up to one moment. Reads only; writes but the file."""

import errno
import os
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, Protocol

import msgspec
from sqlalchemy import Connection, select

from verbund import __version__
from verbund.base.ids import AccountId, BlobHash, SpaceId
from verbund.base.keys import DeviceKey
from verbund.base.refusal import Refusal
from verbund.base.settings import Settings
from verbund.blobs.tables import blob as blob_table
from verbund.log.entry import sublog
from verbund.log.service import LogService
from verbund.media.package import MANIFEST
from verbund.media.replica import files_of
from verbund.ops.moving.archive import FORMAT, HEAD, PIECE_BYTES, PROVIDERS, Writer, page_name
from verbund.ops.moving.schemas import End, Exported, Head
from verbund.ops.moving.selection import blobs_of, films_of, spaces_for
from verbund.partners.queries import identities, reaches
from verbund.partners.schemas import Identity
from verbund.spaces import tables

IDENTITIES_MAX = 1_000
#: What an entry takes in the file, about: for the progress alone.
ENTRY_BYTES = 1_100
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class FileExists(Refusal):
    """de: {file} gibt es schon. Einen anderen Namen nehmen.
    en: {file} is there already. Take another name."""

    code = "ops.file_exists"
    status = 409


class NoRoom(Refusal):
    """de: Auf der Platte ist nicht genug Platz. Platz schaffen und denselben Befehl noch einmal geben.
    en: There is not enough room on the disk. Make room and give the same command once more."""

    code = "ops.no_room"
    status = 507


class Installation(Protocol):
    """Who signs the file."""

    device: DeviceKey

    def identity(self) -> Identity: ...


class Services(Protocol):
    """What an export needs of a provider, whether it runs or not."""

    log: LogService
    settings: Settings
    data: Path
    parts: dict[str, Any]

    @property
    def installation(self) -> Installation: ...


class Plan(NamedTuple):
    """What will be in the file, as it was at one moment."""

    top: SpaceId
    spaces: list[Exported]
    blobs: list[tuple[str, int]]
    films: list[tuple[str, str]]
    identities: list[Identity]

    @property
    def bytes(self) -> int:
        """About so many will be written."""
        entries = sum(end.seq for space in self.spaces for end in space.ends.values())
        return entries * ENTRY_BYTES + sum(size for _, size in self.blobs)


class _Where(msgspec.Struct):
    p: str
    i: int
    n: int


Told = Callable[[int, int], None]
_where = msgspec.json.Decoder(_Where)


def plan(services: Services, top: SpaceId, viewer: AccountId | None = None) -> Plan:
    """What an export of this space holds; with a `viewer` no more than they may read."""
    with services.log.store.read() as connection:
        chosen = spaces_for(connection, top, viewer)
        ends = reaches(connection, chosen)
        spaces = [
            Exported(one, *_named(connection, one), {sub: End(mark.seq, mark.chain) for sub, mark in ends[one].items()})
            for one in chosen
        ]
        known = [services.installation.identity(), *identities(connection, IDENTITIES_MAX)]
        unique = list({one.certificate: one for one in known}.values())
        return Plan(top, spaces, _sizes(connection, blobs_of(connection, chosen)), films_of(connection, chosen), unique)


def write_file(services: Services, planned: Plan, path: Path, told: Told) -> None:
    """The whole file or none. Raises FileExists, NoRoom."""
    if path.exists():
        raise FileExists(file=path.name)
    part = path.with_name(f".{path.name}.part")
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as out:
            write(services, planned, out, told)
            out.flush()
            os.fsync(out.fileno())
        part.rename(path)
    except OSError as error:
        if error.errno in FULL:
            raise NoRoom() from error
        raise
    finally:
        part.unlink(missing_ok=True)


def write(services: Services, planned: Plan, out: BinaryIO, told: Told) -> None:
    """Everything, front to back, bounded in memory: a page of entries or a piece of a file at a time."""
    done = 0

    def count(more: int) -> None:
        nonlocal done
        done += more
        told(min(done, planned.bytes), planned.bytes)

    writer = Writer(out, count)
    try:
        _fill(services, planned, writer)
    except BaseException:
        writer.abandon()
        raise


def _fill(services: Services, planned: Plan, writer: Writer) -> None:
    provider, name = services.log.provider, services.settings.name
    head = Head(FORMAT, __version__, int(time.time() * 1000), provider, name, planned.top, planned.spaces)
    writer.put(HEAD, msgspec.json.encode(head))
    writer.put(PROVIDERS, msgspec.json.encode(planned.identities))
    for space in planned.spaces:
        for number, lines in enumerate(_pages(services.log, space), 1):
            writer.put(page_name(space.id, number), b"\n".join(lines) + b"\n")
    damaged = _write_blobs(services, writer, planned.blobs)
    for film, film_plan in planned.films:
        _write_film(services.data / "media" / film / film_plan, f"films/{film}/{film_plan}", writer)
    writer.close(services.installation.identity(), services.installation.device, damaged)


def _pages(log: LogService, space: Exported) -> Iterator[list[bytes]]:
    """The entries up to where the space ended when the export began, as followers get them."""
    after: dict[str, int] = {}
    more = True
    while more and any(after.get(sub, 0) < end.seq for sub, end in space.ends.items()):
        raws, more = log.entries(space.id, after)
        lines = []
        for raw in raws:
            one = _where.decode(raw)
            sub = sublog(one.p, one.i)
            after[sub] = one.n
            if sub in space.ends and one.n <= space.ends[sub].seq:
                lines.append(raw)
        if lines:
            yield lines


def _write_blobs(services: Services, writer: Writer, blobs: list[tuple[str, int]]) -> list[str]:
    """The blobs; those whose bytes are not (any more) what their name says are listed."""
    damaged = []
    for one, _ in blobs:
        try:
            with services.parts["blobs"].shelf.open(BlobHash(one)) as file:
                found = writer.stream(f"blobs/{one}", iter(partial(file.read, PIECE_BYTES), b""))
        except FileNotFoundError:
            continue  # erased meanwhile
        if found != one:
            damaged.append(one)
    return damaged


def _write_film(folder: Path, name: str, writer: Writer) -> None:
    """A film that is whole here: its list of files, and the files one after the other in that order."""
    try:
        manifest = (folder / MANIFEST).read_bytes()
        listed = files_of(manifest)
    except (OSError, ValueError, msgspec.MsgspecError):
        return
    if not all((folder / one.name).is_file() for one in listed):
        return
    writer.put(f"{name}.json", manifest)
    writer.stream(f"{name}.bin", (piece for one in listed for piece in _read(folder / one.name)))


def _read(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(PIECE_BYTES):
            yield piece


def _named(connection: Connection, space: SpaceId) -> tuple[str, str]:
    """(sort, title); an account's space has neither row nor title."""
    row = connection.execute(
        select(tables.space.c.sort, tables.space_title.c.title)
        .outerjoin(tables.space_title, tables.space_title.c.space == tables.space.c.space)
        .where(tables.space.c.space == space)
    ).first()
    return (row.sort, row.title or "") if row else ("account", "")


def _sizes(connection: Connection, blobs: list[str]) -> list[tuple[str, int]]:
    sizes = {row.hash: row.size for row in connection.execute(select(blob_table.c.hash, blob_table.c.size))}
    return [(one, sizes.get(one, 0)) for one in blobs]
