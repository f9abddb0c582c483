"""A browser's end of /live in the same process: real frames through the real server side, without a network."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from tests.accounts.people import Browser
from verbund.accounts.schemas import Caller
from verbund.log.core import Parcel
from verbund.web.socket import End

WAIT_S = 30.0
Frame = dict[str, Any]


class Socket:
    """Says frames, hears frames."""

    is_full = False

    def __init__(self) -> None:
        self._heard: asyncio.Queue[Frame] = asyncio.Queue()
        self._end: asyncio.Future[End] = asyncio.get_running_loop().create_future()

    def take(self, end: End) -> None:
        self._end.set_result(end)

    def write(self, text: bytes) -> None:
        self._heard.put_nowait(msgspec.json.decode(text))

    def say(self, frame: Frame) -> None:
        text = msgspec.json.encode(frame).decode()
        self._end.add_done_callback(lambda end: end.result().heard(text))

    def leave(self) -> None:
        self._end.add_done_callback(lambda end: end.result().gone())

    def submit(self, number: int, *parcels: Parcel) -> None:
        self.say({"f": "submit", "n": number, "p": list(parcels)})

    async def until(self, wanted: Callable[[Frame], bool]) -> Frame:
        """The next frame of this sort."""
        while not wanted(frame := await self.next()):
            pass
        return frame

    async def next(self) -> Frame:
        async with asyncio.timeout(WAIT_S):
            return await self._heard.get()

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
    serving = asyncio.create_task(sockets.serve(caller, "de", socket))
    try:
        yield socket
    finally:
        socket.leave()
        await serving
