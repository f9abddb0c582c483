"""Frames through a real server, cut in every way that a network may cut them; what a slow reader is spared."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode

from tests.ports import free_port
from verbund.accounts.schemas import Caller
from verbund.base.ids import AccountId, DeviceId
from verbund.web.hub import OUTBOX_BYTES_MAX, OUTBOX_FRAMES_MAX, Connection
from verbund.web.socket import TAKEN_AS, Socket

WAIT_S = 30.0
LONG = "ä" * 50_000


class Echo:
    """Says what it hears."""

    def __init__(self, socket: Socket) -> None:
        self.socket = socket
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.drains = 0

    def heard(self, frame: str) -> None:
        self.socket.write(frame.encode())

    def drained(self) -> None:
        self.drains += 1

    def gone(self) -> None:
        if not self.over.done():
            self.over.set_result(None)


@asynccontextmanager
async def served(ends: list[Echo]) -> AsyncIterator[int]:
    """The port of a server whose sockets echo."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        end = Echo(scope["extensions"][TAKEN_AS])
        ends.append(end)
        end.socket.take(end)
        await end.over

    port = free_port()
    config = uvicorn.Config(app, port=port, ws=Socket, ws_ping_interval=None, lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110  # uvicorn tells nobody
        await asyncio.sleep(0.01)
    try:
        yield port
    finally:
        server.should_exit = True
        await serving


def masked(opcode: Opcode, data: bytes, fin: bool = True) -> bytes:
    return Frame(opcode, data, fin).serialize(mask=True)


EINS, ZWEI = masked(Opcode.TEXT, b"eins"), masked(Opcode.TEXT, b"zwei")
WAYS = {
    "whole": ([EINS, ZWEI], ["eins", "zwei"]),
    "empty": ([masked(Opcode.TEXT, b""), ZWEI], ["", "zwei"]),
    "two at once": ([EINS + ZWEI], ["eins", "zwei"]),
    "one and a half": ([EINS + ZWEI[:4], ZWEI[4:] + EINS, ZWEI], ["eins", "zwei", "eins", "zwei"]),
    "in bytes": ([bytes([one]) for one in masked(Opcode.TEXT, b"x" * 200)], ["x" * 200]),
    "in parts": (
        [
            masked(Opcode.TEXT, "grü".encode()[:-1], fin=False), masked(Opcode.PING, b"da?"),
            masked(Opcode.CONT, "grü".encode()[-1:]), ZWEI,
        ],
        ["grü", "zwei"],
    ),
    "binary": ([masked(Opcode.BINARY, b"eins"), ZWEI], ["eins", "zwei"]),
    "126": ([masked(Opcode.TEXT, b"x" * 126)], ["x" * 126]),
    "65535": ([masked(Opcode.TEXT, b"x" * 65_535)], ["x" * 65_535]),
    "65536": ([masked(Opcode.TEXT, b"x" * 65_536)], ["x" * 65_536]),
    "long": ([masked(Opcode.TEXT, LONG.encode())], [LONG]),
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
async def test_messages_come_whole_and_in_order_however_they_are_cut(way: str) -> None:
    chunks, expected = WAYS[way]
    async with served([]) as port, connect(f"ws://127.0.0.1:{port}", max_size=None, proxy=None) as client:
        for chunk in chunks:
            client.transport.write(chunk)
            await asyncio.sleep(0.005)
        async with asyncio.timeout(WAIT_S):
            assert [await client.recv() for _ in expected] == expected
            await (await client.ping())


@pytest.mark.parametrize("size", [0, 125, 126, 65_535, 65_536, 200_000])
async def test_what_is_said_before_somebody_listens_is_heard_and_answered(size: int) -> None:
    async with served([]) as port, connect(f"ws://127.0.0.1:{port}", max_size=None, proxy=None) as client:
        await client.send("x" * size)
        async with asyncio.timeout(WAIT_S):
            assert await client.recv() == "x" * size


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (masked(Opcode.TEXT, b"\xff"), 1007), (masked(Opcode.TEXT, b"\xc3", fin=False) + ZWEI, 1002),
        (masked(Opcode.CONT, b"eins"), 1002), (Frame(Opcode.TEXT, b"eins").serialize(mask=False), 1002),
        (b"\xc1" + EINS[1:], 1002), (b"\x83" + EINS[1:], 1002),
    ],
    # A mask is random; every lane collects the same names.
    ids=["not UTF-8", "a text in a text", "goes on with nothing", "without a mask", "an extension", "no such frame"],
)  # fmt: skip
async def test_what_is_no_frame_ends_the_socket(raw: bytes, code: int) -> None:
    ends: list[Echo] = []
    async with served(ends) as port, connect(f"ws://127.0.0.1:{port}", proxy=None) as client:
        client.transport.write(raw)
        async with asyncio.timeout(WAIT_S):
            with pytest.raises(ConnectionClosed) as closed:
                await client.recv()
            await ends[0].over
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == code


async def test_a_reader_that_stops_fills_its_socket_and_goes_on_later() -> None:
    ends: list[Echo] = []
    async with served(ends) as port, connect(f"ws://127.0.0.1:{port}", max_size=None, max_queue=1, proxy=None) as slow:
        await slow.send("0")
        assert await slow.recv() == "0"
        socket, count = ends[0].socket, 0
        async with asyncio.timeout(WAIT_S):
            while not socket.is_full:
                count += 1
                socket.write(f"{count:06}{LONG}".encode())
                await asyncio.sleep(0)
            assert ends[0].drains == 0
            assert [int((await slow.recv())[:6]) for _ in range(count)] == list(range(1, count + 1))
            assert (socket.is_full, ends[0].drains) == (False, 1)


class Narrow:
    """A wire that takes one frame until it is drained."""

    def __init__(self) -> None:
        self.is_full = False
        self.written: list[bytes] = []

    def write(self, text: bytes) -> None:
        self.written.append(text)
        self.is_full = True


def opened(wire: Narrow) -> Connection:
    return Connection(Caller(AccountId("anna"), DeviceId("laptop"), "session"), "de", wire)


async def test_what_there_is_no_room_for_waits_in_order() -> None:
    connection = opened(wire := Narrow())
    for frame in (b"1", b"2", b"3"):
        connection.send(frame)
    assert wire.written == [b"1"]
    wire.is_full = False
    connection.drained()
    connection.send(b"4")
    assert wire.written == [b"1", b"2"]
    for _ in range(3):
        wire.is_full = False
        connection.drained()
    assert wire.written == [b"1", b"2", b"3", b"4"]


@pytest.mark.parametrize(("frame", "count"), [(b"x", OUTBOX_FRAMES_MAX), (bytes(OUTBOX_BYTES_MAX // 4), 4)])
async def test_who_does_not_keep_up_is_dropped(frame: bytes, count: int) -> None:
    connection = opened(wire := Narrow())
    for _ in range(count + 1):  # one is on its way
        connection.send(frame)
    assert not connection.over.done()
    connection.send(frame)
    assert await connection.over == "live.too_slow"
    assert wire.written == [frame, b'{"f":"bye","code":"live.too_slow"}']
    connection.drained()
    assert len(wire.written) == 2
