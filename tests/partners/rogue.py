"""A partner that lies, by hand: it speaks the protocol over real sockets, and says what it likes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from websockets.asyncio.client import ClientConnection, connect

from tests.partners.providers import Provider, eventually
from tests.partners.sides import decoded
from verbund.base.ids import CoreId, ProviderId, SpaceId, b64, digest
from verbund.base.keys import DeviceKey
from verbund.log.core import DOMAIN, make_parcel
from verbund.log.entry import CHAIN_START, Entry, chain
from verbund.ops.client import Person
from verbund.partners.identity import identity, prove
from verbund.partners.schemas import Bulk, Bye, Hello, No, Opening, Proof

ANSWER_S_MAX = 20.0


class Rogue:
    """Somebody who speaks the protocol, and more than that."""

    def __init__(self) -> None:
        self.root, self.device = DeviceKey.generate(), DeviceKey.generate()
        self.shown = identity(self.root, self.device, 1)
        self.id = ProviderId(self.shown.provider)

    @asynccontextmanager
    async def socket(self, victim: Provider) -> AsyncIterator[ClientConnection]:
        url = victim.address.replace("http", "ws", 1) + "/partners/link"
        async with connect(url, proxy=None, max_size=None) as socket:
            yield socket

    @asynccontextmanager
    async def link(
        self, victim: Provider, url: str | None = None, protocol: int = 1, home: str = "http://localhost:1"
    ) -> AsyncIterator["Talk"]:
        async with self.socket(victim) as socket:
            talk = Talk(socket)
            address = victim.address if url is None else url
            await talk.says(Hello(self.shown, b64(bytes(32)), [protocol, 99], address, home))
            hello = await talk.opening()
            if isinstance(hello, Hello):
                proof = prove(self.device, hello.identity.provider, hello.nonce, address)
                await talk.says(Proof(proof))
                talk.ended = await talk.opening()
            else:
                talk.ended = hello
            yield talk

    def entry(
        self,
        space: SpaceId,
        n: int,
        before: bytes = CHAIN_START,
        author: str | None = None,
        data: dict[str, Any] | None = None,
        **said: Any,
    ) -> tuple[Entry, bytes]:
        """(an entry of its own sub-log, signed by its device, in the name of `author`; the chain after it).

        `data`, `said`: what its body and its core say otherwise.
        """
        core = {
            "ah": [], "bk": None, "dp": None, "ds": 1, "k": "meet.call_ended.1", "mu": False, "re": [], "sp": space,
            "t": "0" * 16, **said,
        }  # fmt: skip
        identifier, parcel = make_parcel(
            self.device, core, data or {"call": space, "people": 1, "seconds": 1}, bytes(16)
        )
        if author is not None:
            text = parcel.c.replace(self.device.device, author)
            parcel = msgspec.structs.replace(parcel, c=text, s=b64(self.device.sign(DOMAIN + text.encode())))
            identifier = CoreId(digest(DOMAIN, text.encode()))
        after = chain(before, self.id, 1, n, identifier, 1, False)
        one = Entry(identifier, self.id, 1, n, b64(after), 1, 0, parcel.c, parcel.s, parcel.sa, parcel.b)
        return one, after


class Talk:
    """One end of a link by hand."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.ended: Any = None

    async def says(self, frame: Any) -> None:
        is_packed = isinstance(frame, Bulk)
        await self.socket.send(msgspec.msgpack.encode(frame) if is_packed else msgspec.json.encode(frame))

    async def opening(self) -> Any:
        async with asyncio.timeout(ANSWER_S_MAX):
            return msgspec.json.decode(await self.socket.recv(), type=Opening)

    async def hears(self, kind: Any) -> Any:
        """The next frame of this sort, or the goodbye."""
        async with asyncio.timeout(ANSWER_S_MAX):
            while True:
                frame = decoded(await self.socket.recv(decode=False))
                if isinstance(frame, (kind, Bye)):
                    return frame

    async def refused(self, frame: Any) -> str:
        """The code with which this is refused, or ends the link."""
        await self.says(frame)
        answer = await self.hears(No)
        return str(answer.code)


async def admit(victim: Provider, anna: Person, rogue: Rogue) -> None:
    """The firm trusts the wrong provider."""
    body = {
        "provider": rogue.id, "alg": "ed25519", "key": b64(rogue.root.public.raw), "name": "Böse",
        "url": "http://localhost:1",
    }  # fmt: skip
    await asyncio.to_thread(anna.post, anna.organisation, "authority.provider_added.1", body)
    await eventually(lambda: victim.partners.here.is_shared(rogue.id, anna.organisation))
