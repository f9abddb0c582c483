"""Motions that have passed take place: seconded ones at once, others when their day is over. Each provider of a space
tries; the first fact counts, and a copy is refused or changes nothing."""

import asyncio
import logging
from contextlib import suppress
from typing import Any

from verbund.accounts.queries import devices_of
from verbund.base.clock import Clock
from verbund.base.ids import AccountId, ProviderId, SpaceId
from verbund.base.refusal import Refusal
from verbund.log.appended import Appended
from verbund.log.registry import Event
from verbund.log.service import LogService
from verbund.log.tx import Tx
from verbund.spaces import events
from verbund.spaces.queries import motions_waiting, providers_of
from verbund.spaces.state import ADMIN, ripe_at

LOOK_AGAIN_S = 30.0
log = logging.getLogger(__name__)


class Deeds:
    """Looks when a motion was decided about, and again every LOOK_AGAIN_S."""

    def __init__(self, service: LogService, clock: Clock) -> None:
        self._log, self._clock = service, clock
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._log.told.append(self._told)
        self._task = asyncio.create_task(self._run(), name="motions")

    async def stop(self) -> None:
        with suppress(ValueError):
            self._log.told.remove(self._told)
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _told(self, appended: Appended) -> None:
        if events.MotionSeconded.kind in appended.kinds:
            self._wake.set()

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            try:
                await self.carry_out()
            except Exception:
                log.exception("carrying out motions failed, will be tried again")
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), LOOK_AGAIN_S)

    async def carry_out(self) -> None:
        """All that have passed by now."""
        for row in await asyncio.to_thread(self._passed):
            try:
                await self._log.write(lambda tx, row=row: self._do(tx, row))  # type: ignore[misc]
            except Refusal as refusal:
                log.info("motion %s is for another provider to carry out: %s", row.id, refusal.code)

    def _passed(self) -> list[Any]:
        now, own = self._clock.now_ms(), self._log.provider
        with self._log.store.read() as connection:
            rows = [one for one in motions_waiting(connection) if one.seconded_by or ripe_at(one.made) <= now]
            return [one for one in rows if own in providers_of(connection, one.space)]

    def _do(self, tx: Tx, row: Any) -> None:
        self._log.core.author(tx, self._log.provider_device, SpaceId(row.space), _deed(tx, row), [row.id])


def _deed(tx: Tx, row: Any) -> Event:
    account = AccountId(row.target)
    match row.deed:
        case "provider_removed":
            return events.ProviderRemoved(provider=ProviderId(row.target))
        case "owner_removed":
            cuts = {dev: tx.head(SpaceId(row.space), dev)[0] for dev in devices_of(tx, row.target)}
            return events.MemberRemoved(account=account, cuts=cuts)
        case "owner_demoted":
            return events.RoleChanged(account=account, role=ADMIN)  # type: ignore[arg-type]  # the word of it
        case _:
            return events.ErasureOrdered(account=account, until=row.made, reason=row.reason)
