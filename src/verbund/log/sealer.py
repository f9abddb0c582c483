"""Seals old entries of one space after the other while the provider serves, and takes its time."""

import asyncio
import logging
from contextlib import suppress
from functools import partial

from verbund.base.clock import Clock
from verbund.base.ids import SpaceId
from verbund.log import sealing
from verbund.log.service import LogService

DAY_MS = 24 * 3600 * 1000
#: Between two looks; between two segments, each of which takes the writer some 100 ms.
LOOK_S = 600.0
PAUSE_S = 10.0
log = logging.getLogger(__name__)


class Sealer:
    """Seals what is older than `after_days`; nothing with 0."""

    def __init__(self, service: LogService, clock: Clock, after_days: int) -> None:
        self._log, self._clock, self._after_days = service, clock, after_days
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        if self._after_days > 0:
            self._task = asyncio.create_task(self._run(), name="sealer")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                await seal(self._log, self._clock.now_ms() - self._after_days * DAY_MS, PAUSE_S)
            except Exception:
                log.exception("sealing failed, will be tried again")


async def seal(service: LogService, before_ms: int, pause_s: float = 0.0) -> int:
    """Seal everything that is from before that time and fills a segment. How many segments that made."""
    count = 0
    for space in await asyncio.to_thread(_due, service):
        while await _seal_next(service, space, before_ms):
            count += 1
            await asyncio.sleep(pause_s)
    return count


async def _seal_next(service: LogService, space: SpaceId, before_ms: int) -> bool:
    prepared = await asyncio.to_thread(_prepare, service, space, before_ms)
    return prepared is not None and await service.write_long(partial(sealing.put, one=prepared))


def _due(service: LogService) -> list[SpaceId]:
    with service.store.read() as connection:
        return sealing.due(connection)


def _prepare(service: LogService, space: SpaceId, before_ms: int) -> sealing.Prepared | None:
    with service.store.read() as connection:
        return sealing.prepare(connection, space, before_ms)
