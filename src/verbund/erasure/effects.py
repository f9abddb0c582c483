"""After an erasure: what is left between the rows goes too, then this provider answers for the orders.

SQLite overwrites what is deleted (secure_delete). What it does not reach is cleared here: the index keeps words until
its segments are merged, the write-ahead log keeps pages until it is cut off, bytes and films lie in files.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, Protocol

from verbund.base.refusal import Refusal
from verbund.erasure import queries
from verbund.erasure.events import ErasureConfirmed
from verbund.log import search
from verbund.log.appended import Appended
from verbund.log.service import LogService
from verbund.log.tx import Tx

#: Erasures that come together are cleared up after together.
GATHER_S = 1.0
#: After withdrawals alone the index is merged this often at most: each time it is written anew as a whole.
PURGE_EVERY_S = 600.0
LOOK_AGAIN_S = 30.0
STEPS_MAX = 100_000
TRUNCATE_TRIES_MAX = 20
TRUNCATE_PAUSE_S = 0.5
log = logging.getLogger(__name__)


class Services(Protocol):
    """What erasing needs of a running provider."""

    log: LogService
    parts: dict[str, Any]


class ErasureService:
    """Clears up and confirms. `erasers` in the parts of the services: what else has to go, each repeatable."""

    def __init__(self, services: Services) -> None:
        self._log = services.log
        self._erasers: Sequence[Callable[[], Awaitable[None]]] = services.parts.setdefault("erasers", [])
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._purged_at = float("-inf")

    async def start(self) -> None:
        self._log.told.append(self._told)
        self._task = asyncio.create_task(self._run(), name="erasure")

    async def stop(self) -> None:
        with suppress(ValueError):
            self._log.told.remove(self._told)
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _told(self, appended: Appended) -> None:
        if any(fact is not None and fact.event.erases for _, _, fact in appended):
            self._wake.set()

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            wait_s = LOOK_AGAIN_S
            try:
                await self.clear_up()
            except Exception:
                log.exception("clearing up after an erasure failed, will be tried again")
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), wait_s)
            if self._wake.is_set():
                await asyncio.sleep(GATHER_S)

    async def clear_up(self) -> None:
        """Everything that is left of what was erased; then a confirmation for every order that has none from here."""
        open_orders = await asyncio.to_thread(self._unconfirmed)
        loop = asyncio.get_running_loop()
        if not open_orders and (not self._is_unpurged() or loop.time() < self._purged_at + PURGE_EVERY_S):
            return
        for erase in self._erasers:
            await erase()
        await self._purge()
        self._purged_at = loop.time()
        for one in open_orders:
            await self._confirm(one)

    async def _purge(self) -> None:
        """Index and write-ahead log. That it was begun is kept until it has come to its end; what is erased meanwhile
        is for the next time."""
        await self._log.write(Tx.begin_purge)
        for step in range(STEPS_MAX):
            if not await self._log.write(lambda tx, begins=step == 0: search.purge(tx, begins)):  # type: ignore[misc]
                break
        for _ in range(TRUNCATE_TRIES_MAX):
            if await asyncio.to_thread(self._log.store.truncate_log):
                await self._log.write(Tx.end_purge)
                return
            await asyncio.sleep(TRUNCATE_PAUSE_S)
        raise TimeoutError("the write-ahead log is being read all the time")

    async def _confirm(self, order: queries.OpenOrder) -> None:
        event = ErasureConfirmed(order=order.by, bodies=order.bodies, files=order.files)
        try:
            await self._log.author(self._log.provider_device, order.space, event, [order.by])
        except Refusal as refusal:
            log.info("an erasure is not for this provider to confirm: %s", refusal.code)

    def _unconfirmed(self) -> list[queries.OpenOrder]:
        with self._log.store.read() as connection:
            return queries.unconfirmed(connection, self._log.provider)

    def _is_unpurged(self) -> bool:
        with self._log.store.read() as connection:
            return queries.is_unpurged(connection)
