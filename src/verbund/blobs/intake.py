"""The way in: have → chunks → commit. Resumable, bounded, and silent about what other spaces hold."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import func, select

from verbund.base.ids import AccountId, SpaceId, is_hash, unb64
from verbund.base.refusal import Malformed, Overloaded, TooFast, Unknown
from verbund.blobs import refusals
from verbund.blobs.holdings import Held, Writer, check_quota, held, hold
from verbund.blobs.limits import (
    CHUNK_BYTES,
    CHUNK_TIMEOUT_S,
    CHUNKS_AT_ONCE_MAX,
    CHUNKS_AT_ONCE_PER_ACCOUNT_MAX,
    COMMITS_AT_ONCE_MAX,
    COMMITS_WAITING_MAX,
    GIB,
    PIECE_BYTES,
    Limits,
)
from verbund.blobs.pictures import HEAD_BYTES, picture_format
from verbund.blobs.rooms import Rooms
from verbund.blobs.shelf import Shelf, check_room, hash_of
from verbund.blobs.tables import blob_upload
from verbund.blobs.uploads import ChunkFile, Plan, UploadFolder
from verbund.log.store import Store
from verbund.log.tx import Tx

RETRY_AFTER_S = 1


class Have(NamedTuple):
    """Indexes of the chunks that are still to be sent; whether the space holds the blob already."""

    missing: list[int]
    complete: bool


class Intake:
    """Takes uploads in. What an account has brought is known to this account in this space, to nobody else."""

    def __init__(
        self, folder: Path, shelf: Shelf, log: Writer, store: Store, rooms: Rooms, limits: Limits, placing: asyncio.Lock
    ) -> None:
        self._folder, self._shelf, self._log, self._store = folder, shelf, log, store
        self._rooms, self._limits, self._placing = rooms, limits, placing
        self._receiving: Counter[AccountId] = Counter()
        self._committing = asyncio.Semaphore(COMMITS_AT_ONCE_MAX)
        self._commits: dict[str, asyncio.Task[None]] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def upload_folder(self, upload: str) -> UploadFolder:
        return UploadFolder(self._folder / upload)

    async def have(self, account: AccountId, space: SpaceId, plan: Plan, source: SpaceId | None = None) -> Have:
        """Begin an upload or go on with it. With `source`, a space that holds the blob and that the account reads,
        nothing needs to be sent.

        Raises Unknown, ReadOnlySpace, Malformed, FileTooLarge, SpaceFull, TooManyUploads, DiskFull.
        """
        plan.check()
        if source is not None and not is_hash(source):
            raise Malformed()
        if plan.size > self._limits.upload_bytes_max:
            raise refusals.FileTooLarge(gib_max=self._limits.upload_bytes_max // GIB)
        if await asyncio.to_thread(self._holds, account, space, plan):
            return Have([], True)
        if source is not None and await self._log.write(lambda tx: self._bring(tx, account, source, space, plan)):
            return Have([], True)
        await asyncio.to_thread(check_room, self._folder, plan.size, self._limits.free_bytes_min)
        upload = plan.upload(space, account)
        if not await self._log.write(lambda tx: self._begin(tx, upload, account, space, plan)):
            return Have([], True)
        return Have(await asyncio.to_thread(self._missing, upload, plan), False)

    async def receive(self, account: AccountId, space: SpaceId, chunk: str, pieces: AsyncIterator[bytes]) -> None:
        """Take one chunk in, verified before it counts. Repeatable.

        Raises Unknown, ReadOnlySpace, Malformed, NotStarted, TooFast, ChunkTooLarge, ChunkTooSlow, ChunkWrong,
        DiskFull.
        """
        if not is_hash(chunk):
            raise Malformed()
        with self._one_more(account):
            folders = await asyncio.to_thread(self._wanting, account, space, unb64(chunk))
            file = await asyncio.to_thread(self._open_chunk)
            try:
                async with asyncio.timeout(CHUNK_TIMEOUT_S):
                    await _gather(file, pieces)
            except BaseException as error:
                file.close()
                if isinstance(error, TimeoutError):
                    raise refusals.ChunkTooSlow() from error
                raise
            await asyncio.to_thread(_place_chunk, file, chunk, folders)

    async def commit(self, account: AccountId, space: SpaceId, plan: Plan) -> None:
        """The upload is complete: from now on the space holds the blob. Repeatable; parallel ones are one.

        Raises Unknown, ReadOnlySpace, Malformed, NotStarted, ChunksMissing, HashWrong, DiskFull, Overloaded.
        """
        plan.check()
        upload = plan.upload(space, account)
        task = self._commits.get(upload)
        if await asyncio.to_thread(self._holds, account, space, plan):
            if task is None:
                await self.drop(upload)  # somebody else's upload of the same bytes ended first
            return
        if task is None:
            if len(self._commits) >= COMMITS_WAITING_MAX:
                raise Overloaded()
            task = self._commits[upload] = asyncio.create_task(self._commit(upload, account, space, plan))
            task.add_done_callback(lambda done: self._committed(upload, done))
        await asyncio.shield(task)

    async def drop(self, upload: str) -> None:
        """Forget an upload and what it brought."""
        await self._log.write(lambda tx: tx.remove(blob_upload, id=upload))
        await asyncio.to_thread(self.upload_folder(upload).remove)

    def _holds(self, account: AccountId, space: SpaceId, plan: Plan) -> bool:
        with self._store.read() as connection:
            if not self._rooms.may_read(connection, space, account):
                raise Unknown()
            if not self._rooms.may_add(connection, space, account):
                raise refusals.ReadOnlySpace()
            found = held(connection, space, plan.hash)
        if found is not None and found.size != plan.size:
            raise Malformed()
        return found is not None

    def _bring(self, tx: Tx, account: AccountId, source: SpaceId, space: SpaceId, plan: Plan) -> bool:
        if not self._rooms.may_read(tx.connection, source, account):
            return False
        found = held(tx.connection, source, plan.hash)
        if found is None or found.size != plan.size:
            return False
        check_quota(tx, space, found.size, self._limits)
        hold(tx, space, found, account)
        return True

    def _begin(self, tx: Tx, upload: str, account: AccountId, space: SpaceId, plan: Plan) -> bool:
        """Whether there is something to send: another upload of the same bytes may have ended meanwhile."""
        mine = blob_upload.c
        if tx.execute(select(mine.id).where(mine.id == upload)).first() is not None:
            return True
        if held(tx.connection, space, plan.hash) is not None:
            return False
        count = select(func.count()).select_from(blob_upload)
        unfinished = tx.execute(count.where(mine.account == account)).scalar_one()
        if unfinished >= self._limits.uploads_unfinished_max:
            raise refusals.TooManyUploads(uploads_max=self._limits.uploads_unfinished_max)
        check_quota(tx, space, plan.size, self._limits)
        tx.insert(blob_upload, {
            "id": upload, "space": space, "account": account, "hash": plan.hash, "size": plan.size, "type": plan.type,
            "at": tx.now_ms(),
        })  # fmt: skip
        return True

    def _missing(self, upload: str, plan: Plan) -> list[int]:
        folder = self.upload_folder(upload)
        folder.create(plan)
        try:
            return folder.missing()
        except FileNotFoundError as error:
            raise refusals.NotStarted() from error

    def _wanting(self, account: AccountId, space: SpaceId, chunk: bytes) -> list[UploadFolder]:
        """This account's uploads in this space that name the chunk."""
        upload = blob_upload.c
        with self._store.read() as connection:
            if not self._rooms.may_read(connection, space, account):
                raise Unknown()
            if not self._rooms.may_add(connection, space, account):
                raise refusals.ReadOnlySpace()
            rows = connection.execute(select(upload.id).where(upload.account == account, upload.space == space)).all()
        folders = [folder for row in rows if _wants(folder := self.upload_folder(row.id), chunk)]
        if not folders:
            raise refusals.NotStarted()
        return folders

    def _open_chunk(self) -> ChunkFile:
        check_room(self._folder, CHUNK_BYTES, self._limits.free_bytes_min)
        return ChunkFile(self._folder)

    @contextmanager
    def _one_more(self, account: AccountId) -> Iterator[None]:
        mine, all_of_them = self._receiving[account], self._receiving.total()
        if mine >= CHUNKS_AT_ONCE_PER_ACCOUNT_MAX or all_of_them >= CHUNKS_AT_ONCE_MAX:
            raise TooFast(retry_after_s=RETRY_AFTER_S)
        self._receiving[account] += 1
        try:
            yield
        finally:
            self._receiving[account] -= 1
            if not self._receiving[account]:
                del self._receiving[account]

    async def _commit(self, upload: str, account: AccountId, space: SpaceId, plan: Plan) -> None:
        async with self._committing:
            try:
                picture = await asyncio.to_thread(self._verify, upload, space, plan)
            except (refusals.NotStarted, refusals.HashWrong):
                await self.drop(upload)
                raise
            done = Held(plan.hash, plan.size, picture, plan.type)
            part = self.upload_folder(upload).part
            async with self._placing:
                if await asyncio.to_thread(part.exists):
                    await asyncio.to_thread(self._shelf.take, part, plan.hash)
                await self._log.write(lambda tx: _finish(tx, upload, space, done, account))
            await asyncio.to_thread(self.upload_folder(upload).remove)

    def _verify(self, upload: str, space: SpaceId, plan: Plan) -> str:
        """The picture format ("" for none) of a complete upload. Raises NotStarted, ChunksMissing, HashWrong."""
        with self._store.read() as connection:
            begun = connection.execute(select(blob_upload.c.id).where(blob_upload.c.id == upload)).first() is not None
            if not begun and held(connection, space, plan.hash) is None:
                raise refusals.NotStarted()
        folder = self.upload_folder(upload)
        try:
            if not begun:
                return self._format(self._shelf.path(plan.hash))
            if missing := folder.missing():
                raise refusals.ChunksMissing(missing=len(missing))
            # A crash between the rename and the transaction leaves the file on the shelf, under its name.
            path = folder.part if folder.part.exists() else self._shelf.path(plan.hash)
            if hash_of(path) == plan.hash:
                return self._format(path)
            missing = folder.recheck()
        except FileNotFoundError as error:
            raise refusals.NotStarted() from error
        raise refusals.ChunksMissing(missing=len(missing)) if missing else refusals.HashWrong()

    @staticmethod
    def _format(path: Path) -> str:
        with path.open("rb") as file:
            return picture_format(file.read(HEAD_BYTES))

    def _committed(self, upload: str, task: "asyncio.Task[None]") -> None:
        del self._commits[upload]
        if not task.cancelled():
            task.exception()


def _wants(folder: UploadFolder, chunk: bytes) -> bool:
    try:
        return folder.wants(chunk)
    except FileNotFoundError:
        return False


def _finish(tx: Tx, upload: str, space: SpaceId, done: Held, account: AccountId) -> None:
    hold(tx, space, done, account)
    tx.remove(blob_upload, id=upload)


async def _gather(file: ChunkFile, pieces: AsyncIterator[bytes]) -> None:
    """Write what comes, some hundred KiB at a time, in a thread."""
    gathered = bytearray()
    total = 0
    async for piece in pieces:
        total += len(piece)
        if total > CHUNK_BYTES:
            raise refusals.ChunkTooLarge()
        gathered += piece
        if len(gathered) >= PIECE_BYTES:
            await asyncio.to_thread(file.write, bytes(gathered))
            gathered.clear()
    if gathered:
        await asyncio.to_thread(file.write, bytes(gathered))


def _place_chunk(file: ChunkFile, chunk: str, folders: list[UploadFolder]) -> None:
    try:
        if file.hash != chunk:
            raise refusals.ChunkWrong()
        for folder in folders:
            try:
                folder.fill(unb64(chunk), file.file, file.length)
            except FileNotFoundError:
                continue  # finished or expired meanwhile
    finally:
        file.close()
