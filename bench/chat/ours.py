"""Verbund under load: real accounts in one space, signed messages, rights, folds and search on."""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing

import msgspec
from websockets.asyncio.client import ClientConnection, connect

from tests.flows.server import PASSWORD, Server
from verbund.base.ids import SpaceId
from verbund.ops.client import Person

JOINERS_MAX = 60


class Entry(msgspec.Struct):
    """What the client reads of an entry."""

    id: str
    c: str
    b: str | None


class Frame(msgspec.Struct):
    f: str
    e: list[Entry] = []
    n: int = 0
    r: list[dict[str, object]] = []


_frame = msgspec.json.Decoder(Frame)
_body = msgspec.json.Decoder()


class Verbund:
    """A space with `members` who all follow it. Messages are signed beforehand; the server verifies them."""

    name = "verbund"

    def __init__(self, server: Server, members: int) -> None:
        self.server, self.members = server, members
        self.people = [Person(server.address, f"Mitglied {number}") for number in range(members)]
        self.space = SpaceId("")
        self.delivered: Callable[[str], None] = lambda _: None
        self.frames: dict[tuple[int, int], tuple[str, str]] = {}
        self._sockets: list[ClientConnection] = []
        self._readers: list[asyncio.Task[None]] = []
        self._acks: dict[int, asyncio.Future[dict[str, object]]] = {}
        self._number = 0

    def set_up(self) -> None:
        """The firm, its people, one space."""
        first, *others = self.people
        self.space = first.found(self.server.setup, "Messfirma", "m0", PASSWORD)
        link = first.invite(self.space)
        for number, person in enumerate(others, start=1):
            person.join(link, f"m{number}", PASSWORD)
        for person in self.people:
            person.refresh()

    def sign(self, senders: int, each: int, text: Callable[[int, int], str]) -> None:
        """`each` messages per sender, in chains that go on where the last ones ended."""
        for member in range(senders):
            person = self.people[member]
            person.refresh()
            for number in range(each):
                body = {"text": text(member, number)}
                core, parcel = person.parcel(self.space, "chat.message_posted.1", body)
                frame = {"f": "submit", "n": 0, "p": [msgspec.to_builtins(parcel)]}
                self.frames[(member, number)] = (core, msgspec.json.encode(frame).decode())

    async def open(self, follow: bool = True) -> None:
        for person in self.people:
            self._sockets.append(await open_socket(person))
        self._readers = [asyncio.create_task(self._read(socket)) for socket in self._sockets]
        if follow:
            vector = self.people[0].call("GET", f"/api/spaces/{self.space}/head")["vector"]
            for socket in self._sockets:
                await socket.send(msgspec.json.encode({"f": "follow", "s": {self.space: vector}}).decode())
            await asyncio.sleep(1)

    async def close(self) -> None:
        for socket in self._sockets:
            await socket.close()
        await asyncio.gather(*self._readers, return_exceptions=True)
        self._sockets.clear()

    async def send(self, member: int, number: int) -> str:
        core, frame = self.frames.pop((member, number))
        self._number += 1
        n = self._number
        self._acks[n] = future = asyncio.get_running_loop().create_future()
        await self._sockets[member].send(frame.replace('"n":0', f'"n":{n}', 1))
        outcome = await future
        assert outcome["st"] == "accepted", outcome
        return core

    def identifier(self, member: int, number: int) -> str:
        return self.frames[(member, number)][0]

    def stored(self) -> int:
        """Messages in the store: counted against the acknowledgements."""
        with closing(sqlite3.connect(f"file:{self.server.data / 'verbund.db'}?mode=ro", uri=True)) as connection:
            return int(connection.execute("SELECT count(*) FROM chat_message").fetchone()[0])

    async def _read(self, socket: ClientConnection) -> None:
        async for raw in socket:
            frame = _frame.decode(raw)
            if frame.f == "entries":
                for entry in frame.e:
                    if entry.b is not None:
                        _body.decode(entry.b)
                    self.delivered(entry.id)
            elif frame.f == "ack":
                self._acks.pop(frame.n).set_result(frame.r[0])


async def open_socket(person: Person) -> ClientConnection:
    cookie = "; ".join(f"{name}={value}" for name, value in person.http.cookies.items())
    return await connect(
        person.address.replace("http", "ws") + "/live", origin=person.address,  # type: ignore[arg-type]
        additional_headers={"Cookie": cookie}, compression=None, max_size=None, ping_interval=None, proxy=None,
    )  # fmt: skip
