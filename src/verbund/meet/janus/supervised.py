"""The web process's side of the supervisor: start it when it is away, hear of each life of Janus, attach the SFU."""

import asyncio
import logging
import os
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from subprocess import DEVNULL, Popen, TimeoutExpired
from typing import Any

import msgspec

from verbund.meet.janus.link import Link
from verbund.meet.janus.sfu import JanusSfu
from verbund.meet.janus.supervisor import LINE_BYTES_MAX, SOCKET, Wanted
from verbund.meet.sfu import SfuLost, SfuRefused

CONNECT_TIMEOUT_S = 15.0
POLL_S = 0.05
RETRY_S = 0.2
QUIT_S_MAX = 5.0
#: While Janus is away and the supervisor says nothing new for so long, it is asked again.
NEWS_S = 5.0
log = logging.getLogger(__name__)


class Supervised:
    """Keeps `sfu` attached to whatever life of Janus there is. `changed(generation)` after each; None = away."""

    def __init__(
        self, folder: Path, wanted: Wanted, sfu: JanusSfu, changed: Callable[[str | None], Awaitable[None]]
    ) -> None:
        self._folder, self._wanted, self._sfu, self._changed = folder, wanted, sfu, changed
        self._writer: asyncio.StreamWriter | None = None
        self._task: asyncio.Task[None] | None = None
        self._children: list[Popen[bytes]] = []
        #: Where media arrives, and coturn's secret (empty: no TURN), as the supervisor said last.
        self.address = self.turn_secret = ""

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="meet supervisor")

    async def stop(self, quit_too: bool) -> None:
        """Let go of it; with `quit_too` Janus ends at once, without it stays for a while for the next web process."""
        if quit_too and self._writer is not None:
            with suppress(OSError):
                self._writer.write(b'{"quit":true}\n')
                await self._writer.drain()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._sfu.detach()
        if quit_too:
            for child in self._children:
                await asyncio.to_thread(_end, child)

    async def _run(self) -> None:
        while True:
            try:
                await self._converse()
            except (OSError, TimeoutError, msgspec.MsgspecError, ValueError) as error:
                log.warning("no supervisor for video calls: %s", error)
            await self._gone()
            await asyncio.sleep(RETRY_S)

    async def _converse(self) -> None:
        reader, self._writer = await self._connect()
        hello = {"settings": msgspec.to_builtins(self._wanted)}
        self._writer.write(msgspec.json.encode(hello) + b"\n")
        line = asyncio.create_task(reader.readline())
        lost: asyncio.Task[object] | None = None
        try:
            while True:
                waits: set[asyncio.Task[Any]] = {line} if lost is None else {line, lost}
                patience_s = NEWS_S if self._sfu.generation is None else None
                done, _ = await asyncio.wait(waits, timeout=patience_s, return_when=asyncio.FIRST_COMPLETED)
                if not done:
                    return
                if lost in done:
                    lost = None
                    await self._gone()
                if line in done:
                    text = line.result()
                    if not text:
                        return
                    line = asyncio.create_task(reader.readline())
                    lost = await self._heard(msgspec.json.decode(text), lost)
        finally:
            line.cancel()
            if lost is not None:
                lost.cancel()
            self._writer.close()

    async def _heard(self, state: dict[str, Any], lost: asyncio.Task[object] | None) -> asyncio.Task[object] | None:
        generation = state.get("generation")
        if generation is None:
            await self._gone()
            return lost
        if generation == self._sfu.generation:
            return lost
        self.address, self.turn_secret = state["address"], state["turn_secret"]
        await self._gone()
        try:
            link = await Link.connect(self._folder, state["api_secret"])
            await self._sfu.attach(link, generation, state["admin_key"])
        except (SfuLost, SfuRefused) as error:
            log.warning("Janus came up and is not to be reached: %s", error)
            await self._gone()
            return lost
        await self._changed(generation)
        return asyncio.create_task(link.closed.wait())

    async def _gone(self) -> None:
        if self._sfu.generation is not None:
            await self._sfu.detach()
            await self._changed(None)

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        place = os.open(self._folder, os.O_PATH | os.O_DIRECTORY)
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                spawned = False
                while True:
                    with suppress(ConnectionRefusedError, FileNotFoundError):
                        path = f"/proc/self/fd/{place}/{SOCKET}"
                        return await asyncio.open_unix_connection(path, limit=LINE_BYTES_MAX)
                    if not spawned or all(child.poll() is not None for child in self._children):
                        self._spawn()
                        spawned = True
                    await asyncio.sleep(POLL_S)
        finally:
            os.close(place)

    def _spawn(self) -> None:
        """In a session of its own, without this process's environment, so that it goes on when this process dies."""
        self._children = [child for child in self._children if child.poll() is None]
        path = self._folder / "supervisor.log"
        with path.open("wb") as output:
            child = Popen(
                [sys.executable, "-m", "verbund.meet.janus.supervisor", str(self._folder)],
                stdin=DEVNULL, stdout=output, stderr=output, start_new_session=True, cwd="/",
                env={"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LANG": "C.UTF-8"},
            )  # fmt: skip
        self._children.append(child)


def _end(child: Popen[bytes]) -> None:
    """It may be too young to have heard that it is to quit."""
    child.terminate()
    try:
        child.wait(QUIT_S_MAX)
    except TimeoutExpired:
        child.kill()
        child.wait()
