"""A line to a house that can be slow or break in every way that lines do. Passes bytes on, understands none of them."""

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Coroutine
from typing import Any, NamedTuple

PIECE_BYTES = 16 * 1024
HEAD_BYTES_MAX = 64 * 1024
ONE_AT_A_TIME = 256
_RESET = struct.pack("ii", 1, 0)


class Way(NamedTuple):
    """What the line does: to what passes, and to what is there when it begins."""

    latency_s: float = 0.0
    #: 0: as fast as it goes.
    bytes_per_s: int = 0
    #: Nothing passes, nothing ends: a black hole.
    silent: bool = False
    #: Nobody answers: connections are refused.
    shut: bool = False
    #: Every connection is reset, those that are there at once.
    reset: bool = False
    #: Our side says that it is done, and still listens.
    half_closed: bool = False
    #: After so many bytes towards the asker of a connection nothing more comes.
    stops_after_bytes: int = 0
    #: What is answered to any request, instead of passing it on.
    answer: bytes = b""


CLEAR = Way()
SLOW = Way(latency_s=0.3, bytes_per_s=40_000)
BLACK_HOLE, REFUSED, RESET, HALF_CLOSED = Way(silent=True), Way(shut=True), Way(reset=True), Way(half_closed=True)
MID_SEGMENT = Way(stops_after_bytes=40_000)


def answering(status: str) -> Way:
    """As a web server in front does when nothing is behind it."""
    return Way(answer=f"HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".encode())


class Line:
    """Listens in a thread of its own until stopped."""

    def __init__(self, here: tuple[str, int], there: tuple[str, int], source: str = "") -> None:
        self.way, self._here, self._there = CLEAR, here, there
        self._source = (source, 0) if source else None
        self._loop = asyncio.new_event_loop()
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._run, name=f"line {here[1]}", daemon=True)

    def start(self) -> "Line":
        self._thread.start()
        self._do(self._listen())
        return self

    def stop(self) -> None:
        self._do(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def become(self, way: Way) -> None:
        """From now on, for new connections and those that are there."""
        self._do(self._become(way))

    async def _become(self, way: Way) -> None:
        before, self.way = self.way, way
        if way.reset or way.shut or way.answer or before.silent or before.stops_after_bytes:
            for writer in list(self._writers):
                _end(writer, hard=way.reset)
        if way.half_closed:
            for writer in list(self._writers):
                with contextlib.suppress(OSError, RuntimeError):
                    writer.write_eof()
        if way.shut:
            await self._close()
        elif self._server is None:
            await self._listen()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._came, *self._here, backlog=ONE_AT_A_TIME)

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for task in list(self._tasks):
            task.cancel()

    async def _came(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._serve(reader, writer)
        except (OSError, EOFError, asyncio.LimitOverrunError, asyncio.CancelledError, ExceptionGroup):
            pass  # both ends are closed below
        finally:
            self._tasks.discard(task)
            _end(writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            if self.way.reset:
                return _end(writer, hard=True)
            if self.way.answer:
                await reader.readuntil(b"\r\n\r\n")
                writer.write(self.way.answer)
                return await writer.drain()
            await self._until(lambda: not self.way.silent)
            there_reader, there = await asyncio.open_connection(*self._there, local_addr=self._source)
            self._writers.add(there)
            if self.way.half_closed:
                writer.write_eof()
            try:
                async with asyncio.TaskGroup() as both:
                    both.create_task(self._pass(reader, there, counted=False))
                    both.create_task(self._pass(there_reader, writer, counted=True))
            finally:
                self._writers.discard(there)
                _end(there)
        finally:
            self._writers.discard(writer)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, counted: bool) -> None:
        passed = 0
        while piece := await reader.read(PIECE_BYTES):
            if self.way.latency_s:
                await asyncio.sleep(self.way.latency_s)
            if self.way.bytes_per_s:
                await asyncio.sleep(len(piece) / self.way.bytes_per_s)
            passed = passed + len(piece) if self.way.stops_after_bytes else 0
            stops = self.way.stops_after_bytes
            await self._until(lambda: not self.way.silent)
            if counted and stops and passed > stops:
                await self._until(lambda: not self.way.stops_after_bytes)
            writer.write(piece)
            await writer.drain()
        with contextlib.suppress(OSError, RuntimeError):
            writer.write_eof()

    async def _until(self, check: Any) -> None:
        while not check():  # noqa: ASYNC110  # the way is changed from another thread
            await asyncio.sleep(0.02)

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()


def _end(writer: asyncio.StreamWriter, *, hard: bool = False) -> None:
    with contextlib.suppress(OSError, RuntimeError):
        if hard:
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            writer.transport.abort()
        else:
            writer.close()
