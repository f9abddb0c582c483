"""Imports while the provider serves: the command leaves a request in the data folder, the server takes the file in.

There is one writer of facts; so the process that serves does it, and says in the folder how far it is.
"""

import asyncio
import logging
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

import msgspec

from verbund.base.ids import random_id
from verbund.base.refusal import Broken, Refusal
from verbund.log.service import LogService
from verbund.media.track import write_whole
from verbund.ops.moving.taking import Taken, take_file

FOLDER = "imports"
LOOK_S = 1.0
TOLD_S = 0.5
REQUESTS_MAX = 16
AGE_S_MAX = 24 * 3600
log = logging.getLogger(__name__)


class State(msgspec.Struct, frozen=True):
    """How far a request is. `done` of `whole` bytes in this `phase`; then what came of it, or why not."""

    path: str
    phase: str = ""
    done: int = 0
    whole: int = 0
    taken: Taken | None = None
    refused_de: str = ""
    refused_en: str = ""

    @property
    def ended(self) -> bool:
        return self.taken is not None or bool(self.refused_de)


class Services(Protocol):
    """What the desk needs of a running provider."""

    log: LogService
    data: Path
    parts: dict[str, Any]


class Desk:
    """Looks for requests, one after the other."""

    def __init__(self, services: Services) -> None:
        self._services, self._folder = services, services.data / FOLDER
        self._running: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._running = asyncio.create_task(self._run(), name="imports")

    async def stop(self) -> None:
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            for path in await asyncio.to_thread(_open_requests, self._folder):
                try:
                    await self._take(path)
                except Exception:
                    log.exception("an import could not be carried on")
            await asyncio.sleep(LOOK_S)

    async def _take(self, request: Path) -> None:
        asked = await asyncio.to_thread(read_state, request)
        if asked is None or asked.ended:
            return
        told_at = 0.0

        def told(phase: str, done: int, whole: int) -> None:
            nonlocal told_at
            if time.monotonic() - told_at > TOLD_S:
                told_at = time.monotonic()
                _write(request, State(asked.path, phase, done, whole))

        try:
            taken = await take_file(self._services, Path(asked.path), told)
            end = State(asked.path, taken=taken)
            log.info("imported %s: %d entries", asked.path, taken.entries)
        except Exception as error:
            if not isinstance(error, Refusal):
                log.exception("import of %s failed", asked.path)
            refusal = error if isinstance(error, Refusal) else Broken()
            end = State(asked.path, refused_de=refusal.sentence("de"), refused_en=refusal.sentence("en"))
        await asyncio.to_thread(_write, request, end)


def ask(data: Path, path: Path) -> Path:
    """Leave a request; where it is told how far it is."""
    folder = data / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    for old in folder.glob("*.json"):
        with suppress(FileNotFoundError):
            if old.stat().st_mtime < time.time() - AGE_S_MAX:
                old.unlink()
    request = folder / f"{random_id()}.json"
    _write(request, State(str(path)))
    return request


def read_state(request: Path) -> State | None:
    """How far it is; None where that cannot be read."""
    try:
        return msgspec.json.decode(request.read_bytes(), type=State)
    except (OSError, msgspec.MsgspecError):
        return None


def _open_requests(folder: Path) -> list[Path]:
    found = sorted(folder.glob("*.json"))[:REQUESTS_MAX]
    return [one for one in found if (state := read_state(one)) is not None and not state.ended]


def _write(request: Path, state: State) -> None:
    write_whole(request, msgspec.json.encode(state))
