"""The town's own names (DNS, RFC 1035): A records over UDP, for every asker the same, or wrong on purpose."""

import asyncio
import struct
import threading
from ipaddress import IPv4Address
from typing import Literal, cast

PORT, TTL_S, SLOW_S = 53, 1, 4.0
_HEADER = struct.Struct("!HHHHHH")
_A, _ANSWER, _RECURSIVE = 1, 0x8180, 0xC00C
_OK, _SERVFAIL, _NXDOMAIN = 0, 2, 3
#: `stale`: an address where nobody is any more.
Lie = Literal["nxdomain", "servfail", "empty", "stale", "slow", "silent"]
NOBODY = IPv4Address("10.77.0.250")


class Names(asyncio.DatagramProtocol):
    """Answers in a thread of its own until stopped."""

    def __init__(self, address: str) -> None:
        self.known: dict[str, IPv4Address] = {}
        self.lies: dict[str, Lie] = {}
        self._address = address
        self._transport: asyncio.DatagramTransport | None = None
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="names", daemon=True)

    def start(self) -> None:
        self._thread.start()
        self._ready.wait()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        asked = question(data)
        if asked is None or self._transport is None:
            return
        name, kind, end = asked
        lie = self.lies.get(name)
        if lie == "silent":
            return
        answer = self._answer(data, end, name, kind, lie)
        self._loop.call_later(SLOW_S if lie == "slow" else 0, self._transport.sendto, answer, addr)

    def _answer(self, data: bytes, end: int, name: str, kind: int, lie: Lie | None) -> bytes:
        found = NOBODY if lie == "stale" else self.known.get(name)
        code = _SERVFAIL if lie == "servfail" else _NXDOMAIN if found is None or lie == "nxdomain" else _OK
        given = found is not None and kind == _A and code == _OK and lie != "empty"
        header = _HEADER.pack(int.from_bytes(data[:2]), _ANSWER | code, 1, int(given), 0, 0)
        record = struct.pack("!HHHIH", _RECURSIVE, _A, 1, TTL_S, 4) + found.packed if given and found else b""
        return header + data[_HEADER.size : end] + record

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(
            self._loop.create_datagram_endpoint(lambda: self, local_addr=(self._address, PORT))
        )
        self._ready.set()
        self._loop.run_forever()
        if self._transport is not None:
            self._transport.close()
        self._loop.close()


def question(data: bytes) -> tuple[str, int, int] | None:
    """(name, type, where the question ends); None for what is no question."""
    if len(data) < _HEADER.size + 5:
        return None
    at, labels = _HEADER.size, []
    while at < len(data) and (length := data[at]):
        labels.append(data[at + 1 : at + 1 + length].decode("ascii", "replace"))
        at += 1 + length
    if at + 5 > len(data):
        return None
    return ".".join(labels).lower(), int.from_bytes(data[at + 1 : at + 3]), at + 5
