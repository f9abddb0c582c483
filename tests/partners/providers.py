"""Whole providers in this process: real stores on disk, real sockets; people use them over HTTP and /live."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import uvicorn
from websockets.asyncio.client import ClientConnection, connect

from tests.flows.server import PASSWORD
from tests.ports import free_port
from tests.stores import prepare
from verbund.accounts.commands import make_setup_link
from verbund.base.ids import ProviderId, SpaceId, b64
from verbund.base.settings import Settings
from verbund.ops.client import Person
from verbund.partners.effects import PartnersService
from verbund.partners.tls import trusting
from verbund.web import capabilities
from verbund.web.app import Application
from verbund.web.composition import Services
from verbund.web.main import tls
from verbund.web.socket import Socket

WAIT_S = 30.0
GRACE_S = 1


class Provider:
    """One provider; started and stopped as often as the test likes."""

    def __init__(self, folder: Path, name: str, *partners: str, **settings: Any) -> None:
        self.port = free_port()
        self.settings = Settings(
            data=str(folder / name), port=self.port, name=name, partners=partners, meet="off", ffmpeg_threads=1,
            **settings,
        )  # fmt: skip
        self.address = self.settings.origin
        self.services: Services
        self._server: uvicorn.Server | None = None
        self._serving: asyncio.Task[None] | None = None

    @property
    def id(self) -> ProviderId:
        return self.services.log.provider

    @property
    def partners(self) -> PartnersService:
        found: PartnersService = self.services.parts["partners"]
        return found

    async def start(self) -> "Provider":
        self.services = Services(prepare(self.settings), capabilities)
        config = uvicorn.Config(
            Application(self.services), port=self.port, host="127.0.0.1", log_config=None, ws=Socket,
            ws_max_size=256 * 1024, ws_ping_interval=None, timeout_graceful_shutdown=GRACE_S, lifespan="on",
            **tls(self.settings),
        )  # fmt: skip
        self._server = uvicorn.Server(config)
        self._serving = asyncio.create_task(self._server.serve())
        await eventually(lambda: self._server is not None and self._server.started)
        return self

    async def stop(self) -> None:
        if self._server is not None and self._serving is not None:
            self._server.should_exit = True
            await self._serving
            self._server = None

    def vector(self, space: SpaceId) -> dict[str, int]:
        return self.services.log.vector(space)

    async def firm(self) -> Person:
        """Anna, who has founded the Tischlerei Lindner here."""
        anna = Person(self.address, "Anna Lindner", secure=trusting(self.settings))
        token = await self.services.log.write(make_setup_link)
        await asyncio.to_thread(anna.found, token, "Tischlerei Lindner", "anna", PASSWORD)
        return anna

    async def named_by(self, person: Person, space: SpaceId) -> None:
        """From now on the space lives here too."""
        identity = self.services.installation
        body = {
            "provider": self.id, "alg": "ed25519", "key": b64(identity.key.raw), "name": self.settings.name,
            "url": self.address,
        }  # fmt: skip
        await asyncio.to_thread(person.post, space, "authority.provider_added.1", body)


@asynccontextmanager
async def running(*providers: Provider) -> AsyncIterator[None]:
    try:
        for one in providers:
            await one.start()
        yield
    finally:
        for one in providers:
            await one.stop()


@asynccontextmanager
async def browser(person: Person) -> AsyncIterator[ClientConnection]:
    """The person's socket at /live."""
    cookies = "; ".join(f"{one.name}={one.value}" for one in person.http.cookies.jar)
    url = person.address.replace("http", "ws", 1) + "/live"
    headers = {"origin": person.address, "cookie": cookies}
    async with connect(url, additional_headers=headers, proxy=None) as socket:
        yield socket


async def frame(socket: ClientConnection, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The next frame that is wanted."""
    async with asyncio.timeout(WAIT_S):
        while True:
            found: dict[str, Any] = msgspec.json.decode(await socket.recv())
            if wanted(found):
                return found


async def eventually(check: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not check():  # noqa: ASYNC110  # what is waited for lies in several providers
            await asyncio.sleep(0.02)


async def say(person: Person, space: SpaceId, text: str) -> None:
    await asyncio.to_thread(person.say, space, text)


def holders_of(me: dict[str, Any]) -> dict[str, int]:
    return {space["id"]: space["holders"] for space in me["spaces"]}
