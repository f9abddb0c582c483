"""An owner takes everything along: an export as it is written, bounded in memory, and how far each is.

The file is written in a thread of its own into a short queue; who does not read holds up nobody else.
"""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import BinaryIO, cast

from verbund.base.ids import AccountId, SpaceId, random_id
from verbund.base.refusal import Refusal, Unknown
from verbund.ops.moving import exporting
from verbund.ops.moving.schemas import BROKEN, DONE, NONE, RUNNING, ExportShape
from verbund.spaces.queries import abilities_in
from verbund.spaces.state import PROVIDERS

PIECE_BYTES = 256 * 1024
PIECES_MAX = 8
RUNNING_MAX = 2
#: Who takes nothing of it for so long has gone.
READ_S_MAX = 120.0
REMEMBERED_MAX = 100
log = logging.getLogger(__name__)


class OnlyForOwners(Refusal):
    """de: Alles herunterladen kann nur, wem die Organisation gehört.
    en: Only an owner of the organisation can download everything."""

    code = "ops.owners_only"
    status = 403


class AlreadyGiving(Refusal):
    """de: Gerade wird hier schon heruntergeladen. Versuchen Sie es noch einmal, wenn das zu Ende ist.
    en: A download is already running here. Try again when it has ended."""

    code = "ops.already_giving"
    status = 429


class Given:
    """One export on its way to one person."""

    def __init__(self) -> None:
        self.ticket = random_id()
        self.done, self.whole, self.state = 0, 0, RUNNING
        self._loop = asyncio.get_running_loop()
        self._pieces: asyncio.Queue[bytes | None] = asyncio.Queue(PIECES_MAX)
        self._held = bytearray()
        self._gone = self._written = False

    # In the loop

    @property
    def shape(self) -> ExportShape:
        return ExportShape(self.state, self.done, self.whole)

    async def pieces(self) -> AsyncIterator[bytes]:
        """The file. Raises ConnectionAbortedError where it cannot be finished: nobody may take that for the whole."""
        try:
            while (piece := await self._pieces.get()) is not None:
                yield piece
            if not self._written:
                raise ConnectionAbortedError("the export was not finished")
            self.state = DONE
        finally:
            self.leave()

    def leave(self) -> None:
        """Nobody reads on: the writer ends at its next piece."""
        self._gone = True
        if self.state == RUNNING:
            self.state = BROKEN
        with suppress(asyncio.QueueEmpty):
            while True:
                self._pieces.get_nowait()

    # In the writer's thread

    def write(self, raw: bytes) -> int:
        """As a file that cannot go back. Raises BrokenPipeError, TimeoutError."""
        self._held += raw
        while len(self._held) >= PIECE_BYTES:
            self._put(bytes(self._held[:PIECE_BYTES]))
            del self._held[:PIECE_BYTES]
        return len(raw)

    def flush(self) -> None:
        """What is held goes with the next piece, or with the last."""

    def told(self, done: int, whole: int) -> None:
        self.done, self.whole = done, whole

    def fill(self, services: exporting.Services, top: SpaceId, viewer: AccountId) -> None:
        """Everything that the viewer may read of it, to the end."""
        try:
            planned = exporting.plan(services, top, viewer)
            exporting.write(services, planned, cast(BinaryIO, self), self.told)
            self._put(bytes(self._held))
            self._written = True
        except (BrokenPipeError, TimeoutError):
            log.info("nobody reads an export any more")
        except Exception:  # the edge of the thread: whoever reads has to hear that it is not the whole
            log.exception("an export broke off")
        if not self._written:
            self.state = BROKEN
        with suppress(BrokenPipeError, TimeoutError, RuntimeError):
            self._put(None)

    def _put(self, piece: bytes | None) -> None:
        if self._gone:
            raise BrokenPipeError
        asyncio.run_coroutine_threadsafe(self._pieces.put(piece), self._loop).result(READ_S_MAX)


class Giving:
    """Everybody's exports: at most RUNNING_MAX at once. Lives in the loop's thread."""

    def __init__(self, services: exporting.Services) -> None:
        self._services = services
        self._given: dict[tuple[AccountId, SpaceId], Given] = {}
        services.parts["giving"] = self

    async def start(self) -> None:
        """Nothing runs before somebody asks."""

    async def stop(self) -> None:
        for one in self._given.values():
            one.leave()

    async def begin(self, top: SpaceId, viewer: AccountId) -> Given:
        """Raises Unknown, OnlyForOwners, AlreadyGiving."""
        await asyncio.to_thread(self._check, top, viewer)
        before = self._given.pop((viewer, top), None)
        if before is not None:
            before.leave()
        if sum(one.state == RUNNING for one in self._given.values()) >= RUNNING_MAX:
            raise AlreadyGiving()
        while len(self._given) >= REMEMBERED_MAX:
            del self._given[next(iter(self._given))]
        given = self._given[viewer, top] = Given()
        log.info("account %s downloads everything of %s", viewer, top)
        threading.Thread(target=given.fill, args=(self._services, top, viewer), name="export", daemon=True).start()
        return given

    def take(self, ticket: str, viewer: AccountId) -> Given:
        """The one that was begun with this ticket; once, and for whoever began it. Raises Unknown."""
        for (account, _), given in self._given.items():
            if account == viewer and given.ticket and given.ticket == ticket:
                given.ticket = ""
                return given
        raise Unknown()

    def shape(self, top: SpaceId, viewer: AccountId) -> ExportShape:
        """How far this person's last one is."""
        given = self._given.get((viewer, top))
        return given.shape if given else ExportShape(NONE, 0, 0)

    def _check(self, top: SpaceId, viewer: AccountId) -> None:
        with self._services.log.store.read() as connection:
            abilities = abilities_in(connection, top, viewer)
        if not abilities:
            raise Unknown()
        if PROVIDERS not in abilities:
            raise OnlyForOwners()
