"""Garbage: uploads that nobody goes on with, blobs that no fact names, files that no row knows. Runs now and then."""

import asyncio
import logging
import string
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import delete, exists, select, update

from verbund.base.clock import Clock
from verbund.base.ids import BlobHash
from verbund.blobs.holdings import Writer
from verbund.blobs.intake import Intake
from verbund.blobs.limits import COLLECT_EVERY_S, COLLECT_ROWS_MAX, HOUR_S, Limits
from verbund.blobs.previews import Previews
from verbund.blobs.shelf import Shelf
from verbund.blobs.tables import blob, blob_holding, blob_reference, blob_upload
from verbund.log.store import Store
from verbund.log.tx import Tx

_ALPHABET = string.ascii_letters + string.digits + "-_"
_named = exists().where(
    blob_reference.c.space == blob_holding.c.space, blob_reference.c.hash == blob_holding.c.hash
)  # fmt: skip
log = logging.getLogger(__name__)


class Collector:
    """Removes what is no longer needed, never before it was seen loose for `loose_s_max`.

    Invariant: `placing` is held while rows and files must change together, so that nothing placed is swept away.
    """

    def __init__(
        self, uploads: Path, intake: Intake, shelf: Shelf, previews: Previews, log: Writer, store: Store,
        clock: Clock, limits: Limits, placing: asyncio.Lock,
    ) -> None:  # fmt: skip
        self._uploads, self._intake, self._shelf, self._previews = uploads, intake, shelf, previews
        self._log, self._store, self._clock, self._limits, self._placing = log, store, clock, limits, placing
        self._letter = 0

    async def run_forever(self) -> None:
        while True:
            try:
                await self.collect()
            except Exception:
                log.exception("collecting garbage failed and will be tried again")
            await asyncio.sleep(COLLECT_EVERY_S)

    async def collect(self) -> None:
        """One round, bounded in rows; what is left over waits for the next."""
        await self._expire_uploads()
        await self._mark_loose()
        await self.remove_loose()
        await self._sweep(_ALPHABET[self._letter])
        self._letter = (self._letter + 1) % len(_ALPHABET)

    async def _expire_uploads(self) -> None:
        for upload in await asyncio.to_thread(self._idle_uploads):
            await self._intake.drop(upload)
        await asyncio.to_thread(self._shelf.clear_temporary)

    def _idle_uploads(self) -> list[str]:
        """Uploads without a chunk for long, and folders that no row knows."""
        with self._store.read() as connection:
            begun = {row.id: row.at for row in connection.execute(select(blob_upload.c.id, blob_upload.c.at))}
        idle = []
        for upload, at in begun.items():
            try:
                idle_s = self._intake.upload_folder(upload).idle_s()
            except FileNotFoundError:
                idle_s = (self._clock.now_ms() - at) / 1000
            if idle_s > self._limits.upload_idle_s_max:
                idle.append(upload)
        for folder in self._uploads.iterdir():
            with suppress(FileNotFoundError):
                if folder.name not in begun and folder.stat().st_mtime < time.time() - HOUR_S:
                    idle.append(folder.name)
        return idle

    async def _mark_loose(self) -> None:
        now = self._clock.now_ms()
        holding = blob_holding.c
        loose = await asyncio.to_thread(self._holdings, ~_named, holding.loose_since.is_(None))
        needed = await asyncio.to_thread(self._holdings, _named, holding.loose_since.is_not(None))
        changes = [*((row, now) for row in loose), *((row, None) for row in needed)]
        if changes:
            await self._log.write(lambda tx: _set_loose(tx, changes))

    async def remove_loose(self) -> None:
        """What was loose for long enough, and at once what an erasure left behind; while there is some."""
        before = self._clock.now_ms() - self._limits.loose_s_max * 1000
        while rows := await asyncio.to_thread(self._holdings, ~_named, blob_holding.c.loose_since < before):
            async with self._placing:
                gone = await self._log.write(lambda tx, rows=rows: _let_go(tx, rows))  # type: ignore[misc]
                await asyncio.to_thread(self._remove_files, gone)

    async def _sweep(self, letter: str) -> None:
        """Files on the shelf whose row was never written: a crash came between."""
        stray = await asyncio.to_thread(self._strays, letter)
        if not stray:
            return
        async with self._placing:
            await asyncio.to_thread(lambda: self._remove_files(self._unknown(stray)))

    def _strays(self, letter: str) -> list[BlobHash]:
        old = time.time() - HOUR_S
        return self._unknown([one for one, changed in self._shelf.files(letter) if changed < old])

    def _unknown(self, hashes: Sequence[BlobHash]) -> list[BlobHash]:
        with self._store.read() as connection:
            known = select(blob.c.hash)
            return [one for one in hashes if connection.execute(known.where(blob.c.hash == one)).first() is None]

    def _remove_files(self, hashes: Sequence[BlobHash]) -> None:
        for one in hashes:
            self._shelf.remove(one)
            self._previews.forget(one)

    def _holdings(self, *conditions: Any) -> list[tuple[str, str]]:
        holding = blob_holding.c
        with self._store.read() as connection:
            rows = connection.execute(select(holding.space, holding.hash).where(*conditions).limit(COLLECT_ROWS_MAX))
            return [(row.space, row.hash) for row in rows]


def _set_loose(tx: Tx, changes: list[tuple[tuple[str, str], int | None]]) -> None:
    holding = blob_holding.c
    for (space, one), since in changes:
        statement = update(blob_holding).where(holding.space == space, holding.hash == one)
        tx.execute(statement.values(loose_since=since))


def _let_go(tx: Tx, rows: list[tuple[str, str]]) -> list[BlobHash]:
    """Holdings that are loose even now end; returns the blobs that no space holds any more."""
    holding = blob_holding.c
    for space, one in rows:
        tx.execute(delete(blob_holding).where(holding.space == space, holding.hash == one, ~_named))
    gone = []
    for one in {one for _, one in rows}:
        if tx.execute(select(holding.space).where(holding.hash == one).limit(1)).first() is None:
            tx.remove(blob, hash=one)
            gone.append(BlobHash(one))
    return gone
