"""The log as the rest of Verbund uses it: write, submit, author, accept, read on. Owns the writer."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from verbund.base.ids import CoreId, DeviceId, ProviderId, SpaceId
from verbund.base.keys import DeviceKey, PublicKey
from verbund.base.refusal import Broken, Refusal
from verbund.log import places, tables
from verbund.log.ahead import Ahead
from verbund.log.appended import Appended
from verbund.log.core import Parcel, parse
from verbund.log.entry import Entry, Vector, sublog
from verbund.log.log import Log
from verbund.log.outcome import Outcome
from verbund.log.registry import Event
from verbund.log.store import Store
from verbund.log.stored import stored_wire
from verbund.log.submission import Submission, examine
from verbund.log.tx import Reader, Tx
from verbund.log.writer import Work, Writer

PARCELS_MAX = 64
ENTRIES_PAGE = 500
ENTRIES_PAGE_MAX = 1_000
ENTRIES_PAGE_BYTES_MAX = 4 * 1024 * 1024
Result = TypeVar("Result")


class LogService:
    """One installation's log. `told` is called in the loop's thread with what each commit appended, in order."""

    def __init__(self, store: Store, log: Log, device: DeviceKey) -> None:
        self.store, self.core, self.provider_device = store, log, device
        self.told: list[Callable[[Appended], None]] = []
        #: Called in the writer's thread, before the authors are told, with the spaces in which a commit appended.
        self.written: list[Callable[[set[SpaceId]], None]] = []
        #: How often was written: whoever finds it as before a read knows that what was read is still so.
        #: It grows in the writer's thread, before the authors are told.
        self.commits = 0
        #: How often forged copies came or went (see alternates.py). It grows in the writer's thread, too.
        self.forgeries = 0
        self._appended = Appended()
        self._loop: asyncio.AbstractEventLoop | None = None
        self.writer = Writer(store, log.begin, _ahead, log.finish, self._committed, self._settled)
        self.ahead = Ahead(self._keys_of)

    @property
    def provider(self) -> ProviderId:
        return self.core.provider

    def start(self) -> None:
        """Begin to write; followers are told in this loop."""
        self._loop = asyncio.get_running_loop()
        self.writer.start()

    async def stop(self) -> None:
        await asyncio.to_thread(self.writer.stop)
        await asyncio.to_thread(self.ahead.stop)

    async def write(self, work: Callable[[Tx], Result]) -> Result:
        """Run `work(tx)` in the writer's transaction: local state, or several things that belong together."""
        return await self.writer.run(work)

    async def write_long(self, work: Callable[[Tx], Result]) -> Result:
        """Like `write`, for what takes long and nobody waits for: what people write goes ahead of it."""
        return await self.writer.run_long(work)

    async def submit(self, parcels: Sequence[Parcel]) -> list[Outcome]:
        """What became of each parcel, once it is on disk. At most PARCELS_MAX of them."""
        try:
            return await self.writer.run(Submission(self.core, parcels), guarded=False)
        except (Refusal, OperationalError):  # a full disk is no fault of a fact: its author tries again
            raise
        except Exception:  # noqa: BLE001  # the writer logged it; whoever wrote the others must not suffer from one
            if len(parcels) == 1:
                return [_broken(parcels[0])]
            return [outcome for one in parcels for outcome in await self.submit([one])]

    def post(self, parcels: Sequence[Parcel], told: Callable[[list[Outcome] | None], None]) -> None:
        """Like `submit`, for sockets: `told` is called with the outcomes; with None when `submit` must try each alone.

        Raises Overloaded.
        """

        def settled(work: Work) -> None:
            told(None if work.error is not None else work.result)

        self.writer.post(Submission(self.core, parcels), settled, guarded=False)

    async def accept(self, entries: Iterable[Entry]) -> None:
        """Take in a partner's entries, in order and all or none of them. Raises BrokenChain, WrongSignature."""
        accept = self.core.accept
        await self.writer.run_long(lambda tx: [accept(tx, one) for one in entries])

    async def author(self, key: DeviceKey, space: SpaceId, event: Event, re: Iterable[CoreId] = ()) -> CoreId:
        """A fact by a device that this provider holds. Raises the Refusal that a rule gives."""
        return await self.writer.run(lambda tx: self.core.author(tx, key, space, event, re))

    async def refold(self) -> None:
        """Empty every table that folds fill, and fold the whole log again."""
        await self.writer.run(self.core.refold)

    def vector(self, space: SpaceId) -> Vector:
        """(provider, incarnation) → last seq that is on disk here."""
        c = tables.sublog.c
        with self.store.read() as connection:
            rows = connection.execute(select(c.provider, c.incarnation, c.seq).where(c.space == space))
            return {sublog(row.provider, row.incarnation): row.seq for row in rows}

    def entries(self, space: SpaceId, after: Vector, limit: int = ENTRIES_PAGE) -> tuple[list[bytes], bool]:
        """(encoded entries that the vector does not cover, in this provider's order; whether there are more)."""
        limit = min(limit, ENTRIES_PAGE_MAX)
        with self.store.read() as connection, places.after(connection, space, after, limit) as rows:
            return _page(rows, limit)

    def _keys_of(self, devices: Sequence[DeviceId]) -> dict[DeviceId, PublicKey]:
        with self.store.read() as connection:
            reader = Reader(connection, self.core.clock, self.core.directory)
            found = ((dev, reader.device(dev)) for dev in devices)
            return {dev: device.key for dev, device in found if device is not None}

    def _committed(self, tx: Tx) -> None:
        self.commits += 1
        self.forgeries += tx.forgery
        self._appended.extend(tx.appended)
        spaces = {space for space, _, _ in tx.appended}
        for call in self.written:
            call(spaces)

    def _settled(self) -> None:
        """Followers are told after the authors: whoever wrote knows what became of it before it comes back."""
        appended, self._appended = self._appended, Appended()
        if appended and self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._loop.call_soon, self._tell, appended)

    def _tell(self, appended: Appended) -> None:
        for call in self.told:
            call(appended)


def _ahead(tx: Tx, batch: Sequence[Work]) -> None:
    examine(tx, [one.work for one in batch if isinstance(one.work, Submission)])


def _broken(parcel: Parcel) -> Outcome:
    """Nothing of it was kept: a fault of ours, told to its author."""
    try:
        return Outcome.refused(parse(parcel).id, Broken())
    except Refusal as refusal:
        return Outcome.refused(None, refusal)


def _page(rows: Iterator[Any], limit: int) -> tuple[list[bytes], bool]:
    """(what fits into a page, encoded; whether there are more)."""
    found: list[bytes] = []
    size = 0
    for row in rows:
        if len(found) == limit or size > ENTRIES_PAGE_BYTES_MAX:
            return found, True
        found.append(stored_wire(row))
        size += len(found[-1])
    return found, False
