"""A browser's end of /live in the same process: real frames through the real server side, without a network."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from tests.accounts.people import Browser
from verbund.accounts.schemas import Caller
from verbund.log.core import Parcel

WAIT_S = 30.0
Frame = dict[str, Any]


class Socket:
    """Says frames, hears frames."""

    def __init__(self) -> None:
        self.said: asyncio.Queue[Frame] = asyncio.Queue()
        self._heard: asyncio.Queue[Frame] = asyncio.Queue()

    async def hear(self, message: Frame) -> None:
        if message["type"] == "websocket.send":
            self._heard.put_nowait(msgspec.json.decode(message["text"]))

    def say(self, frame: Frame) -> None:
        self.said.put_nowait({"type": "websocket.receive", "text": msgspec.json.encode(frame).decode()})

    def submit(self, number: int, *parcels: Parcel) -> None:
        self.say({"f": "submit", "n": number, "p": list(parcels)})

    async def until(self, wanted: Callable[[Frame], bool]) -> Frame:
        """The next frame of this sort."""
        async with asyncio.timeout(WAIT_S):
            while not wanted(frame := await self._heard.get()):
                pass
        return frame

    async def answer(self, number: int) -> Frame:
        return await self.until(lambda frame: frame.get("n") == number)

    async def lives(self) -> None:
        """It answers a ping."""
        self.say({"f": "ping"})
        await self.until(lambda frame: frame["f"] == "pong")


@asynccontextmanager
async def connected(browser: Browser) -> AsyncIterator[Socket]:
    """A browser that is signed in, on /live."""
    socket = Socket()
    caller = Caller(browser.account, browser.pen.dev, f"session of {browser.account}")
    sockets = browser.place.services.sockets
    serving = asyncio.create_task(sockets.serve(caller, "de", socket.said.get, socket.hear))
    try:
        yield socket
    finally:
        socket.said.put_nowait({"type": "websocket.disconnect"})
        await serving
