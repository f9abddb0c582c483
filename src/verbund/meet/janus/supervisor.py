"""The process that keeps Janus alive and outlives the web process, so that media goes on while that one restarts.

`python -m verbund.meet.janus.supervisor FOLDER`. It speaks JSON lines on `supervisor.sock` in the folder: the web
process says `{"settings": …}` and perhaps `{"quit": true}`; it is told `{"generation", "api_secret", …}`
whenever Janus came up, and `{"generation": null}` whenever it went. Nobody connected for LINGER_S: it ends Janus and
itself.
"""

import asyncio
import fcntl
import os
import secrets
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from verbund.base.ids import random_id
from verbund.meet.addresses import primary_address, usable
from verbund.meet.coturn import Relay, Relaying
from verbund.meet.janus import config, process
from verbund.meet.janus.link import Link
from verbund.meet.janus.seat import PLUGIN
from verbund.meet.sfu import SfuLost, SfuRefused

LINGER_S = 90.0
READY_TIMEOUT_S = 10.0
READY_POLL_S = 0.02
WATCH_S = 3.0
WATCH_TIMEOUT_S = 5.0
WATCH_MISSES_MAX = 2
BACKOFF_MIN_S = 0.05
BACKOFF_MAX_S = 10.0
HEALTHY_S = 30.0
CLIENTS_MAX = 4
LINE_BYTES_MAX = 64 * 1024
SOCKET = "supervisor.sock"
LOCK = "supervisor.lock"


class Wanted(msgspec.Struct, frozen=True):
    """How Janus is to be started."""

    janus: str
    modules: str
    address: str
    public_address: str
    ports: str
    #: coturn's program; empty: no TURN.
    turn: str = ""
    turn_port: int = 0


class Supervisor:
    """One Janus at a time, over and over, until nobody wants it any more."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._wanted: Wanted | None = None
        self._changed = asyncio.Event()
        self._clients: set[asyncio.StreamWriter] = set()
        self._state: dict[str, Any] = {"generation": None}
        self._over = asyncio.Event()
        self._alone: asyncio.TimerHandle | None = None
        self._relay = Relay(folder)

    async def run(self) -> None:
        """Serve until it is over."""
        place = os.open(self._folder, os.O_PATH | os.O_DIRECTORY)
        path = f"/proc/self/fd/{place}/{SOCKET}"
        (self._folder / SOCKET).unlink(missing_ok=True)
        server = await asyncio.start_unix_server(self._serve, path, limit=LINE_BYTES_MAX)
        self._left_alone()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._over.set)
        keeper = asyncio.create_task(self._keep())
        over = asyncio.create_task(self._over.wait())
        await asyncio.wait({keeper, over}, return_when=asyncio.FIRST_COMPLETED)
        keeper.cancel()
        await asyncio.gather(keeper, return_exceptions=True)
        await self._relay.stop()
        server.close()
        for client in list(self._clients):
            client.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._clients) >= CLIENTS_MAX:
            writer.close()
            return
        self._clients.add(writer)
        if self._alone is not None:
            self._alone.cancel()
        try:
            self._tell(writer)
            while line := await reader.readline():
                self._told(msgspec.json.decode(line))
        except (OSError, ValueError, msgspec.MsgspecError):
            pass
        finally:
            self._clients.discard(writer)
            writer.close()
            if not self._clients:
                self._left_alone()

    def _told(self, line: dict[str, Any]) -> None:
        if line.get("quit"):
            self._over.set()
        if "settings" in line:
            wanted = msgspec.convert(line["settings"], Wanted)
            if wanted != self._wanted:
                self._wanted = wanted
                self._changed.set()

    def _left_alone(self) -> None:
        self._alone = asyncio.get_running_loop().call_later(LINGER_S, self._over.set)

    def _announce(self, **state: Any) -> None:
        self._state = state
        for client in list(self._clients):
            self._tell(client)

    def _tell(self, client: asyncio.StreamWriter) -> None:
        client.write(msgspec.json.encode(self._state) + b"\n")

    async def _keep(self) -> None:
        backoff_s = BACKOFF_MIN_S
        loop = asyncio.get_running_loop()
        while True:
            await self._changed.wait() if self._wanted is None else None
            self._changed.clear()
            began = loop.time()
            if self._wanted is not None:
                await self._life(self._wanted)
            healthy = loop.time() - began > HEALTHY_S
            backoff_s = BACKOFF_MIN_S if healthy else min(BACKOFF_MAX_S, backoff_s * 2)
            with suppress(TimeoutError):
                async with asyncio.timeout(backoff_s):
                    await self._changed.wait()

    async def _life(self, wanted: Wanted) -> None:
        """From start to death of one Janus."""
        address = wanted.address or primary_address()
        installed = await asyncio.to_thread(config.modules, wanted.modules)
        if address is None or not usable(address) or installed is None:
            self._announce(generation=None)
            return
        keys = config.Secrets(secrets.token_urlsafe(24), secrets.token_urlsafe(24), secrets.token_urlsafe(24))
        await asyncio.to_thread(
            config.write, self._folder, installed, address, wanted.public_address, wanted.ports, keys
        )
        relaying = Relaying(wanted.turn, address, wanted.public_address, wanted.turn_port)
        await self._relay.want(relaying if wanted.turn else None)
        janus = await process.start(wanted.janus, self._folder)
        chores = [asyncio.create_task(process.keep_log(janus, self._folder / "janus.log"))]
        try:
            link = await self._ready(janus, keys.api_secret)
            if link is None:
                self._announce(generation=None)
                return
            self._announce(
                generation=random_id(), api_secret=keys.api_secret, admin_key=keys.admin_key, address=address,
                turn_secret=self._relay.secret,
            )  # fmt: skip
            chores.append(asyncio.create_task(self._watch(link, wanted, address)))
            ended = asyncio.create_task(janus.wait())
            changed = asyncio.create_task(self._changed.wait())
            await asyncio.wait({ended, changed, chores[1]}, return_when=asyncio.FIRST_COMPLETED)
            changed.cancel()
        finally:
            self._announce(generation=None)
            await process.stop(janus, at_once=not self._over.is_set())
            for chore in chores:
                chore.cancel()
            await asyncio.gather(*chores, return_exceptions=True)

    async def _ready(self, janus: asyncio.subprocess.Process, secret: str) -> Link | None:
        """A connection to the Janus that just started; None when it does not come up."""
        with suppress(TimeoutError):
            async with asyncio.timeout(READY_TIMEOUT_S):
                while janus.returncode is None:
                    with suppress(SfuLost):
                        return await Link.connect(self._folder, secret)
                    await asyncio.sleep(READY_POLL_S)
        return None

    async def _watch(self, link: Link, wanted: Wanted, address: str) -> None:
        """Return once Janus does not answer (a request to the plugin: the core still answers when that is stuck), or
        once this machine has another address."""
        misses = 0
        try:
            session = int((await link.ask({"janus": "create"}))["data"]["id"])
            attached = await link.ask({"janus": "attach", "session_id": session, "plugin": PLUGIN})
            handle = int(attached["data"]["id"])
            while misses < WATCH_MISSES_MAX:
                await asyncio.sleep(WATCH_S)
                if not wanted.address and primary_address() not in (address, None):
                    return
                try:
                    async with asyncio.timeout(WATCH_TIMEOUT_S):
                        await link.message(session, handle, {"request": "exists", "room": "watch"}, event=False)
                        await link.ask({"janus": "keepalive", "session_id": session})
                    misses = 0
                except TimeoutError:
                    misses += 1
        except (SfuLost, SfuRefused):
            return
        finally:
            await link.close()


def main() -> int:
    """Nothing to do when another supervisor has the folder."""
    folder = Path(sys.argv[1])
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return 0
        asyncio.run(Supervisor(folder).run())
    return 0


if __name__ == "__main__":
    sys.exit(main())
