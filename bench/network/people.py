"""People who work at a partner: signed in with their device's key, over its socket, as a browser does it."""

import asyncio
from collections.abc import Callable
from typing import Any, NamedTuple

import httpx
import msgspec
from websockets.asyncio.client import ClientConnection, connect

from verbund.accounts.challenges import login_message
from verbund.base.ids import SpaceId, b64
from verbund.ops.client import Person

PROTOCOL = "verbund.1"
AGAIN_S = 0.25
#: Answers after which one tries again; those of the 500s are counted.
WAIT = (429, 500, 502, 503)
HTTP_TIMEOUT_S = 30.0
CONNECTIONS_MAX = 100


class _Entry(msgspec.Struct):
    id: str


class _Frame(msgspec.Struct):
    f: str
    e: list[_Entry] = []


_frame = msgspec.json.Decoder(_Frame)


class Came(NamedTuple):
    """A socket that said hello, and every status that was answered on the way there."""

    socket: ClientConnection
    statuses: list[int]


async def come_over(http: httpx.AsyncClient, person: Person, address: str) -> Came:
    """Whoever is asked to wait (429) tries again."""
    statuses: list[int] = []

    async def ask(path: str, body: dict[str, Any]) -> Any:
        while True:
            response = await http.post(f"{address}/api/sessions/{path}", json=body, headers={"origin": person.address})
            statuses.append(response.status_code)
            if response.status_code < 400:
                return response.json()
            if response.status_code not in WAIT:
                raise ConnectionError(response.text)
            await asyncio.sleep(AGAIN_S)

    asked = await ask("challenge", {})
    signature = person.key.sign(login_message(asked["nonce"], asked["audience"], person.key.device))
    shown = {"dev": person.key.device, "challenge": asked["nonce"], "sig": b64(signature), "bearer": True}
    token = (await ask("device", shown))["token"]
    socket = await connect(
        address.replace("http", "ws", 1) + "/live", origin=person.address,  # type: ignore[arg-type]
        subprotocols=[PROTOCOL, f"bearer.{token}"],  # type: ignore[list-item]
        compression=None, max_size=None, ping_interval=None, proxy=None, open_timeout=HTTP_TIMEOUT_S,
    )  # fmt: skip
    hello = _frame.decode(await socket.recv())
    assert hello.f == "hello", hello
    return Came(socket, statuses)


def client() -> httpx.AsyncClient:
    limits = httpx.Limits(max_connections=CONNECTIONS_MAX, max_keepalive_connections=CONNECTIONS_MAX)
    return httpx.AsyncClient(timeout=HTTP_TIMEOUT_S, limits=limits, trust_env=False)


async def listen(came: Came, space: SpaceId, vector: dict[str, int], delivered: Callable[[str], None]) -> None:
    """Follow a space until the socket is closed."""
    await came.socket.send(msgspec.json.encode({"f": "follow", "s": {space: vector}}).decode())
    async for raw in came.socket:
        frame = _frame.decode(raw)
        if frame.f == "entries":
            for entry in frame.e:
                delivered(entry.id)
