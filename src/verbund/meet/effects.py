"""The service of calls: the supervisor, the SFU, the rooms, the facts, wired together; started with the web process."""

import asyncio
import logging
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from verbund.base.clock import Clock
from verbund.base.ids import AccountId, SpaceId
from verbund.base.settings import Settings
from verbund.log.service import LogService
from verbund.meet import claims
from verbund.meet.addresses import is_public, primary_address, usable
from verbund.meet.calls import Calls
from verbund.meet.elsewhere import Elsewhere
from verbund.meet.janus import config
from verbund.meet.janus.sfu import JanusSfu
from verbund.meet.janus.supervised import Supervised
from verbund.meet.janus.supervisor import Wanted
from verbund.meet.live import Methods
from verbund.meet.meetings import Meetings
from verbund.meet.refusals import NotSetUp
from verbund.meet.room import Room
from verbund.meet.turn import Turn

SWEEP_S = 2.0
KEEP_S = 0.05
CLAIM_TIMEOUT_S = 3.0
MODULES = "/usr/lib/*/janus"
log = logging.getLogger(__name__)


class Hub(Protocol):
    """The people who are here."""

    def on(self, method: str, handler: Any) -> None: ...
    def on_gone(self, callback: Any) -> None: ...
    def signal(self, space: SpaceId, kind: str, data: Any) -> None: ...


class MeetService:
    """Video calls of one process. `features["meet"]` says whether the browser may offer them."""

    def __init__(
        self, settings: Settings, service: LogService, hub: Hub, clock: Clock, folder: Path, features: dict[str, bool]
    ) -> None:
        self._settings, self._service, self._hub, self._clock = settings, service, hub, clock
        self._folder, self._features = folder, features
        self.sfu = JanusSfu()
        self.meetings = Meetings(self.sfu, clock, self, self._keep, service.provider)
        self.calls = Calls(service, clock, self.meetings, self._removed)
        self.elsewhere = Elsewhere(service, clock, self.meetings.rooms.__contains__, self.signal)
        self._turn = Turn(settings.turn_port)
        self._supervised = Supervised(folder, self._wanted(), self.sfu, self._sfu_changed)
        self._left = claims.Claims()
        self._claimed = False
        self._first_life = asyncio.Event()
        self._dirty = asyncio.Event()
        self._tasks: set[asyncio.Task[Any]] = set()

    async def start(self) -> None:
        self._features["meet"] = self.missing() is None
        self._left = await asyncio.to_thread(claims.load, self._folder)
        self.meetings.restore(self._left)
        await self.calls.start()
        self._service.told.append(self.elsewhere.told)
        methods = Methods(self.meetings, self.calls, self.elsewhere, self._service, self._turn, self.missing)
        for method, handler in methods.table().items():
            self._hub.on(method, handler)
        self._hub.on_gone(self.meetings.gone)
        self._begin(self._sweeping())
        self._begin(self._keeping())
        self._begin(self.elsewhere.run())
        if self.missing() is None:
            self._supervised.start()
            if self._left.rooms:
                await self._taken_over()

    async def stop(self) -> None:
        """Janus stays for the next process as long as somebody is in a call."""
        self._service.told.remove(self.elsewhere.told)
        running = bool(self.meetings.rooms)
        if self.sfu.generation is not None:
            await asyncio.to_thread(claims.write, self._folder, claims.encode(self.meetings.remember()))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.meetings.stop()
        await self._supervised.stop(quit_too=not running)
        await self.calls.stop()

    def missing(self) -> NotSetUp | None:
        """Why this server cannot do calls; None when it can."""
        if self._settings.meet == "off":
            return NotSetUp(reason_de="Sie sind ausgeschaltet (meet = off).", reason_en="They are off (meet = off).")
        if shutil.which("janus") is None or config.modules(MODULES) is None:
            return NotSetUp(
                reason_de="Das Programm Janus fehlt (apt install janus).",
                reason_en="The program Janus is missing (apt install janus).",
            )
        address = self._settings.media_address or primary_address()
        if address is None or not usable(address):
            return NotSetUp(
                reason_de="Dieser Rechner hat keine Netzwerkadresse für Bild und Ton (media_address).",
                reason_en="This machine has no network address for picture and sound (media_address).",
            )
        return None

    def signal(self, space: SpaceId, kind: str, data: dict[str, Any]) -> None:
        self._hub.signal(space, kind, data)

    def ended(self, room: Room, last_at: int) -> None:
        self.calls.over(room, last_at)

    def _wanted(self) -> Wanted:
        settings = self._settings
        ports = f"{settings.media_port_first}-{settings.media_port_last}"
        return Wanted(
            janus=shutil.which("janus") or "", modules=MODULES, address=settings.media_address,
            public_address=settings.media_public_address, ports=ports,
            turn=self._turn_program(), turn_port=settings.turn_port,
        )  # fmt: skip

    async def _taken_over(self) -> None:
        """Who comes back must find their seat claimed, or be told to begin anew: never something in between."""
        with suppress(TimeoutError):
            async with asyncio.timeout(CLAIM_TIMEOUT_S):
                await self._first_life.wait()
        self._claimed = True

    async def _sfu_changed(self, generation: str | None) -> None:
        left = None
        if generation is not None and not self._claimed:
            left, self._claimed = self._left, True
        self._turn.host = self._settings.media_public_address or self._supervised.address
        self._turn.secret = self._supervised.turn_secret
        await self.meetings.sfu_changed(generation, left)
        if generation is not None:
            self._first_life.set()

    def _turn_program(self) -> str:
        """coturn, where it is wanted: `auto` where it is installed and browsers elsewhere are to be expected."""
        program = shutil.which("turnserver") or ""
        address = self._settings.media_public_address or self._settings.media_address or primary_address() or ""
        wanted = self._settings.turn == "on" or (self._settings.turn == "auto" and is_public(address))
        return program if wanted else ""

    def _removed(self, space: SpaceId, account: AccountId) -> None:
        self._begin(self.meetings.remove_account(space, account))

    def _keep(self) -> None:
        self._dirty.set()

    async def _keeping(self) -> None:
        while True:
            await self._dirty.wait()
            await asyncio.sleep(KEEP_S)
            self._dirty.clear()
            if self.sfu.generation is None:
                continue  # what was written last is what a next process can still claim
            raw = claims.encode(self.meetings.remember())
            try:
                await asyncio.to_thread(claims.write, self._folder, raw)
            except OSError as error:
                log.warning("rooms could not be written down: %s", error)

    async def _sweeping(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_S)
            await self.meetings.sweep()
            self.calls.sweep()

    def _begin(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
