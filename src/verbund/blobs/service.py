"""The blobs of one installation: find, read, put. Owns the shelf, the intake, the previews and the collector."""

import asyncio
import contextlib
from pathlib import Path
from typing import BinaryIO

from verbund.base.clock import Clock
from verbund.base.ids import AccountId, BlobHash, SpaceId, digest, is_hash
from verbund.base.refusal import Unknown
from verbund.blobs.collector import Collector
from verbund.blobs.holdings import Held, Writer, held, hold
from verbund.blobs.intake import Intake
from verbund.blobs.limits import Limits
from verbund.blobs.pictures import picture_format
from verbund.blobs.previews import Previews
from verbund.blobs.rooms import Rooms
from verbund.blobs.shelf import Shelf, check_room, hash_of
from verbund.log.store import Store


class Blobs:
    """What others use. `folder` is the data folder; `blobs`, `uploads` and `cache/previews` are made in it."""

    def __init__(
        self, folder: Path, log: Writer, store: Store, rooms: Rooms, clock: Clock, limits: Limits | None = None
    ) -> None:
        limits = limits or Limits()
        placing = asyncio.Lock()
        self._log, self._store, self._rooms, self._limits, self._placing = log, store, rooms, limits, placing
        self._collecting: asyncio.Task[None] | None = None
        self.shelf = Shelf(folder / "blobs")
        self.previews = Previews(folder / "cache" / "previews", self.shelf, limits)
        self.intake = Intake(folder / "uploads", self.shelf, log, store, rooms, limits, placing)
        self.collector = Collector(
            folder / "uploads", self.intake, self.shelf, self.previews, log, store, clock, limits, placing
        )

    async def start(self) -> None:
        """Collect garbage from now on."""
        self._collecting = asyncio.create_task(self.collector.run_forever())

    async def stop(self) -> None:
        if self._collecting is not None:
            self._collecting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._collecting

    async def remove_erased(self) -> None:
        """Remove the files that no fact names since an erasure, with their previews; not at the next round, now."""
        await self.collector.remove_loose()

    def find(self, space: SpaceId, one: BlobHash, account: AccountId) -> Held:
        """The blob for somebody who may read in the space.

        Raises Unknown: no such space, not a member, never heard of, and held by others only are one answer.
        """
        with self._store.read() as connection:
            found = held(connection, space, one) if self._rooms.may_read(connection, space, account) else None
        if found is None:
            raise Unknown()
        return found

    def path_of(self, space: SpaceId, one: BlobHash) -> Path:
        """The file of a blob that the space holds, for reading only, for code that checked rights. Raises Unknown."""
        with self._store.read() as connection:
            if held(connection, space, one) is None:
                raise Unknown()
        return self.shelf.path(one)

    def open(self, one: BlobHash) -> BinaryIO:
        """The bytes of a blob, whoever holds it. Raises Unknown. For code that has checked rights."""
        try:
            if is_hash(one):
                return self.shelf.open(one)
        except FileNotFoundError as error:
            raise Unknown() from error
        raise Unknown()

    async def put_bytes(self, space: SpaceId, raw: bytes, media_type: str) -> BlobHash:
        """Store bytes that this server made; the space holds them. Loose until a fact names them. Raises DiskFull."""
        one = BlobHash(digest(raw))
        await asyncio.to_thread(check_room, self.shelf.folder, len(raw), self._limits.free_bytes_min)
        what = Held(one, len(raw), picture_format(raw), media_type)
        async with self._placing:
            await asyncio.to_thread(self.shelf.put, raw, one)
            await self._log.write(lambda tx: hold(tx, space, what, None))
        return one

    async def take_file(self, space: SpaceId, path: Path, media_type: str) -> BlobHash:
        """Move a finished file of this server (same file system) into the store; the space holds it.

        Raises DiskFull.
        """
        one = await asyncio.to_thread(hash_of, path)
        size = (await asyncio.to_thread(path.stat)).st_size
        async with self._placing:
            await asyncio.to_thread(self.shelf.take, path, one)
            picture = picture_format(await asyncio.to_thread(self.shelf.head, one))
            await self._log.write(lambda tx: hold(tx, space, Held(one, size, picture, media_type), None))
        return one
