"""The watch of a running server: takes a picture every few seconds, judges it, tells what changed."""

import asyncio
import logging
import time
from typing import Any

from verbund import __version__
from verbund.ops.finding import State
from verbund.ops.watch import messenger
from verbund.ops.watch.alarms import Alarms, Change
from verbund.ops.watch.judge import judge
from verbund.ops.watch.metrics import Commits
from verbund.ops.watch.picture import Camera, Picture, Services
from verbund.ops.watch.report import Report, read_report, write_report

LOOK_S = 10.0
#: After the start partners link first; before that nobody is missed.
FIRST_S = 5.0
_LEVELS = {State.HINT: logging.WARNING, State.FAULT: logging.ERROR}
log = logging.getLogger(__name__)


class Watch:
    """Lives in the loop's thread; what reads the database or the disk runs in others."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._camera = Camera(services)
        self.commits = Commits()
        services.log.writer.measured = self.commits.measured
        services.parts["watch"] = self
        self._alarms = Alarms()
        self._tasks: set[asyncio.Task[None]] = set()
        self._telling: asyncio.Queue[list[Change]] = asyncio.Queue(maxsize=messenger.AT_ONCE_MAX)
        self._started_at = services.clock.now_ms()

    @property
    def alarms(self) -> Alarms:
        return self._alarms

    async def start(self) -> None:
        before = await asyncio.to_thread(read_report, self._services.data)
        self._alarms = Alarms(before.alarms if before is not None else ())
        self._tasks = {
            asyncio.create_task(self._run(), name="watch"),
            asyncio.create_task(self._tell(), name="alarms"),
        }

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def picture(self) -> Picture:
        """How everything stands now."""
        return await self._camera.take()

    async def look(self) -> list[Change]:
        """One look: what changed is logged, passed on, and left for the commands."""
        picture = await self.picture()
        findings = await asyncio.to_thread(self._judge, picture)
        changes = self._alarms.see(findings, time.monotonic(), picture.at)
        for change in changes:
            level = _LEVELS.get(change.alarm.state, logging.INFO) if change.raised else logging.INFO
            log.log(level, "alarm %s %s: %s", change.alarm.code, "raised" if change.raised else "over",
                    change.alarm.sentence())  # fmt: skip
        report = Report(__version__, self._started_at, picture, list(self._alarms.raised.values()))
        await asyncio.to_thread(write_report, self._services.data, report)
        if changes and not self._telling.full():
            self._telling.put_nowait(changes)
        return changes

    def _judge(self, picture: Picture) -> list[Any]:
        began = int((self._services.data / "provider.json").stat().st_mtime * 1000)
        return list(judge(picture, self._services.settings, began))

    async def _run(self) -> None:
        await asyncio.sleep(FIRST_S)
        while True:
            try:
                await self.look()
            except Exception:
                log.exception("the watch could not look, will try again")
            await asyncio.sleep(LOOK_S)

    async def _tell(self) -> None:
        while True:
            changes = await self._telling.get()
            await asyncio.to_thread(messenger.tell, self._services.settings, changes)
