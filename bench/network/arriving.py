"""Many browsers whose provider has just died, in a process of their own: `python -m bench.network.arriving < asked`.

Each does what the app's page does at a partner, over connections of its own: asks whether it may ask (CORS), signs a
challenge with its device's key, opens the socket, follows by vector, asks for `/api/me` and the first page. HTTP is
written and read by hand: two cores carry the server and everybody who comes.
"""

import asyncio
import base64
import gc
import os
import resource
import sys
import time
import zlib
from typing import Any
from urllib.parse import urlsplit

import msgspec
import uvloop

from verbund.accounts.challenges import login_message
from verbund.base.ids import b64, unb64
from verbund.base.keys import DeviceKey

PROTOCOL = "verbund.1"
PAGE = 50
#: A browser that is told to wait, or is let go, tries again: as in app/src/lib/base/live.ts.
AGAIN_S = (0.25, 0.5, 1.0, 2.0)
ANSWER_S_MAX = 5.0
OPEN_S_MAX = 30.0
LINE_BYTES_MAX = 4 * 1024 * 1024
TEXT, CLOSE = 1, 8


class Asked(msgspec.Struct):
    """Who comes (the seeds of their devices' keys), where they come from, what they have, where to."""

    address: str
    origin: str
    space: str
    vector: dict[str, int]
    within_s: float
    seeds: list[str]


class Told(msgspec.Struct):
    """How it went; `took_s`: of each, from its first request until all was there."""

    s: float
    cpu_s: float
    took_s: list[float]
    statuses: dict[int, int]


class Refused(Exception):
    """An answer after which one tries again."""


class Browser:
    """One person's page."""

    def __init__(self, asked: Asked, seed: str, statuses: dict[int, int]) -> None:
        self.asked, self.key, self.statuses = asked, DeviceKey(unb64(seed)), statuses
        place = urlsplit(asked.address)
        self.host, self.port, self.name = place.hostname or "", place.port or 80, place.netloc
        self.may: set[str] = set()
        self.http: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def come_over(self) -> asyncio.StreamWriter:
        """Until everything is there; the socket."""
        tries = 0
        while True:
            try:
                return await self._once()
            except (Refused, OSError, EOFError, asyncio.IncompleteReadError, TimeoutError) as error:
                self._count(0 if not isinstance(error, Refused) else int(str(error)))
                self.http = None
                await asyncio.sleep(AGAIN_S[min(tries, len(AGAIN_S) - 1)])
                tries += 1

    async def _once(self) -> asyncio.StreamWriter:
        challenge = await self._ask("POST", "/api/sessions/challenge", {})
        message = login_message(challenge["nonce"], challenge["audience"], self.key.device)
        shown = {
            "dev": self.key.device, "challenge": challenge["nonce"], "sig": b64(self.key.sign(message)), "bearer": True,
        }  # fmt: skip
        token = str((await self._ask("POST", "/api/sessions/device", shown))["token"])
        async with asyncio.timeout(OPEN_S_MAX):
            reader, writer = await self._socket(token)
        space = self.asked.space
        _send(writer, {"f": "follow", "s": {space: self.asked.vector}})
        caught = asyncio.ensure_future(_until_caught(reader, {space}))
        me = await self._ask("GET", "/api/me", token=token)
        rest = {one["id"]: one["vector"] for one in me["spaces"] if one["id"] != space}
        _send(writer, {"f": "follow", "s": rest})
        page = await self._ask("GET", f"/api/spaces/{space}/messages?limit={PAGE}", token=token)
        assert page["messages"]
        async with asyncio.timeout(OPEN_S_MAX):
            await caught
            await _until_caught(reader, set(rest))
        if self.http is not None:
            self.http[1].transport.abort()
        return writer

    async def _ask(self, method: str, path: str, body: Any = None, token: str = "") -> Any:
        async with asyncio.timeout(ANSWER_S_MAX):
            bare = path.partition("?")[0]
            if token and bare not in self.may:  # plain text without a token needs no leave
                asking = f"access-control-request-method: {method}\r\naccess-control-request-headers: authorization\r\n"
                status, _ = await self._request("OPTIONS", path, asking, b"")
                self._check(status)
                self.may.add(bare)
            raw = b"" if body is None else msgspec.json.encode(body)
            more = f"authorization: Bearer {token}\r\n" if token else ""
            more += f"content-type: text/plain;charset=UTF-8\r\ncontent-length: {len(raw)}\r\n" if raw else ""
            status, answer = await self._request(method, path, more, raw)
            self._check(status)
            return msgspec.json.decode(answer)

    def _check(self, status: int) -> None:
        if status >= 400:
            raise Refused(str(status))
        self._count(status)

    def _count(self, status: int) -> None:
        self.statuses[status] = self.statuses.get(status, 0) + 1

    async def _request(self, method: str, path: str, more: str, body: bytes) -> tuple[int, bytes]:
        if self.http is None:
            self.http = await asyncio.open_connection(self.host, self.port, limit=LINE_BYTES_MAX)
        reader, writer = self.http
        writer.write((
            f"{method} {path} HTTP/1.1\r\nhost: {self.name}\r\norigin: {self.asked.origin}\r\n"
            "user-agent: Mozilla/5.0 (X11; Linux x86_64; rv:142.0) Gecko/20100101 Firefox/142.0\r\n"
            f"accept: */*\r\naccept-language: de\r\naccept-encoding: gzip\r\n{more}\r\n"
        ).encode() + body)  # fmt: skip
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        status = int(head[9:12])
        found = await _body(reader, head)
        return status, zlib.decompress(found, 31) if b"content-encoding: gzip" in head else found

    async def _socket(self, token: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection(self.host, self.port, limit=LINE_BYTES_MAX)
        number = base64.b64encode(os.urandom(16)).decode()
        writer.write((
            f"GET /live HTTP/1.1\r\nhost: {self.name}\r\nupgrade: websocket\r\nconnection: Upgrade\r\n"
            f"sec-websocket-key: {number}\r\nsec-websocket-version: 13\r\norigin: {self.asked.origin}\r\n"
            f"sec-websocket-protocol: {PROTOCOL}, bearer.{token}\r\naccept-language: de\r\n\r\n"
        ).encode())  # fmt: skip
        head = await reader.readuntil(b"\r\n\r\n")
        status = int(head[9:12])
        if status != 101:
            raise Refused(str(status))
        hello = msgspec.json.decode(await _frame(reader))
        if hello["f"] != "hello":
            raise Refused("503")
        return reader, writer


async def _body(reader: asyncio.StreamReader, head: bytes) -> bytes:
    if b"transfer-encoding: chunked" in head:
        parts = []
        while size := int(await reader.readuntil(b"\r\n"), 16):
            parts.append((await reader.readexactly(size + 2))[:-2])
        await reader.readexactly(2)
        return b"".join(parts)
    _, found, after = head.partition(b"content-length: ")
    return await reader.readexactly(int(after.split(b"\r\n", 1)[0])) if found else b""


class _Frame(msgspec.Struct):
    f: str
    sp: str = ""


_frame_of = msgspec.json.Decoder(_Frame)


async def _until_caught(reader: asyncio.StreamReader, spaces: set[str]) -> None:
    while spaces:
        frame = _frame_of.decode(await _frame(reader))
        if frame.f in ("caught", "gone"):
            spaces.discard(frame.sp)
        elif frame.f == "bye":
            raise EOFError


async def _frame(reader: asyncio.StreamReader) -> bytes:
    """The next frame's text (RFC 6455); the server never splits one."""
    first, size = await reader.readexactly(2)
    if size >= 126:
        size = int.from_bytes(await reader.readexactly(2 if size == 126 else 8), "big")
    found = await reader.readexactly(size)
    if first & 15 == CLOSE:
        raise EOFError
    return found


def _send(writer: asyncio.StreamWriter, frame: dict[str, Any]) -> None:
    """Masked, as a browser's must be; with zeros, which masks nothing and takes no time."""
    raw = msgspec.json.encode(frame)
    size = bytes([0x80 | len(raw)]) if len(raw) < 126 else bytes([0xFE]) + len(raw).to_bytes(2, "big")
    writer.write(bytes([0x80 | TEXT]) + size + bytes(4) + raw)


async def arrive(asked: Asked) -> Told:
    """All of them within so long: until the last has everything."""
    statuses: dict[int, int] = {}
    browsers = [Browser(asked, seed, statuses) for seed in asked.seeds]
    gc.freeze()
    begun, before = time.monotonic(), _cpu_s()

    async def one(number: int, browser: Browser) -> tuple[asyncio.StreamWriter, float]:
        await asyncio.sleep(asked.within_s * number / len(browsers))
        came = time.monotonic()
        return await browser.come_over(), time.monotonic() - came

    found = await asyncio.gather(*(one(number, browser) for number, browser in enumerate(browsers)))
    told = Told(time.monotonic() - begun, _cpu_s() - before, [took for _, took in found], statuses)
    for socket, _ in found:
        socket.transport.abort()
    return told


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    wanted = msgspec.json.decode(sys.stdin.buffer.read(), type=Asked)
    sys.stdout.buffer.write(msgspec.json.encode(uvloop.run(arrive(wanted))))
