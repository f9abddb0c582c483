"""One socket between two providers: the handshake, then frames both ways until it ends. All decisions are `state`'s."""

import asyncio
import logging
import secrets
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple, Protocol

import msgspec
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from verbund.base.ids import ProviderId, b64
from verbund.base.keys import DeviceKey, PublicKey
from verbund.base.refusal import Refusal
from verbund.partners import refusals
from verbund.partners.actions import (
    Check,
    Close,
    Contradiction,
    Give,
    GiveNewest,
    Learn,
    Send,
    Take,
    TakeNewest,
    Unpack,
)
from verbund.partners.hearing import Tell
from verbund.partners.identity import check_identity, check_proof, prove
from verbund.partners.push import Load
from verbund.partners.schemas import PACKED, PROTOCOLS, Bulk, Bye, Deliver, Frame, Hello, Identity, Opening, Proof
from verbund.partners.state import Exchange

FRAME_BYTES_MAX = 256 * 1024
OPENING_BYTES_MAX = 8 * 1024
OPENING_S_MAX = 5.0
OUT_BYTES_MAX = 8 * 1024 * 1024
OUT_BYTES_BUSY = 1024 * 1024
SEND_S_MAX = 20.0
NONCE_BYTES = 32
_opening = msgspec.json.Decoder(Opening)
_frame = msgspec.json.Decoder(Frame | Deliver)
_bulk = msgspec.msgpack.Decoder(Bulk)
_encoder = msgspec.json.Encoder()
log = logging.getLogger(__name__)


class Gone(Exception):
    """The socket is closed."""


class Wire(Protocol):
    """A socket, whoever dialled."""

    async def send(self, frame: bytes) -> None:
        """Raises Gone."""
        ...

    async def receive(self) -> bytes:
        """Raises Gone."""
        ...

    async def close(self, code: str) -> None: ...


class Accepted:
    """The side that was dialled: an ASGI socket that is accepted already."""

    def __init__(self, receive: Callable[[], Any], send: Callable[[dict[str, Any]], Any]) -> None:
        self._receive, self._send = receive, send

    async def send(self, frame: bytes) -> None:
        try:
            await self._send({"type": "websocket.send", "bytes": frame})
        except (OSError, RuntimeError) as error:
            raise Gone from error

    async def receive(self) -> bytes:
        message = await self._receive()
        if message["type"] != "websocket.receive":
            raise Gone
        return message.get("bytes") or (message.get("text") or "").encode()

    async def close(self, code: str) -> None:
        with suppress(OSError, RuntimeError):
            await self._send({"type": "websocket.close", "code": 1000, "reason": code})


class Dialled:
    """The side that dialled."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket

    async def send(self, frame: bytes) -> None:
        try:
            await self._socket.send(frame)
        except (ConnectionClosed, OSError) as error:
            raise Gone from error

    async def receive(self) -> bytes:
        try:
            return await self._socket.recv(decode=False)
        except (ConnectionClosed, OSError) as error:
            raise Gone from error

    async def close(self, code: str) -> None:
        with suppress(OSError):
            await self._socket.close(reason=code)


class Own(NamedTuple):
    """Who we are on a link."""

    identity: Identity
    device: DeviceKey
    origin: str


class Met(NamedTuple):
    """Who the other side proved to be. `home`: where it can be called, as it says; `protocol`: what both speak."""

    provider: ProviderId
    key: PublicKey
    home: str
    identity: Identity
    protocol: int


async def meet(wire: Wire, own: Own, dialled: str, admits: Callable[[ProviderId], bool]) -> Met:
    """The handshake; `dialled` is empty on the side that was dialled.

    Raises a Refusal, after which the link has to be closed with its code; Gone, TimeoutError.
    """
    async with asyncio.timeout(OPENING_S_MAX):
        nonce = b64(secrets.token_bytes(NONCE_BYTES))
        await wire.send(_encoder.encode(Hello(own.identity, nonce, list(PROTOCOLS), dialled, own.origin)))
        hello = await _expect(wire, Hello)
        provider, key = check_identity(hello.identity)
        if provider == own.identity.provider or not admits(provider):
            raise refusals.NotKnown()
        common = set(PROTOCOLS).intersection(hello.protocol)
        if not common:
            raise refusals.NoCommonVersion()
        if not dialled and hello.url != own.origin:
            raise refusals.WrongAddress()
        address = dialled or hello.url
        await wire.send(_encoder.encode(Proof(prove(own.device, provider, hello.nonce, address))))
        proof = await _expect(wire, Proof)
        check_proof(key, proof.sig, own.identity.provider, nonce, address)
        return Met(provider, key, hello.home, hello.identity, max(common))


async def _expect(wire: Wire, kind: type[Any]) -> Any:
    raw = await wire.receive()
    if len(raw) > OPENING_BYTES_MAX:
        raise refusals.Protocol()
    try:
        frame = _opening.decode(raw)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise refusals.Protocol() from error
    if isinstance(frame, Bye):
        raise Ended(frame.code)
    if not isinstance(frame, kind):
        raise refusals.Protocol()
    return frame


class Ended(Gone):
    """The other side said goodbye."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Work(Protocol):
    """What a link has done for it: reading, writing, keeping proofs."""

    def now_ms(self) -> int: ...

    async def load(self, link: "Link", asked: Load) -> None: ...

    async def take(self, link: "Link", take: Take) -> None: ...

    async def unpack(self, link: "Link", found: Unpack) -> None: ...

    async def give_newest(self, link: "Link", asked: GiveNewest) -> None: ...

    async def take_newest(self, link: "Link", found: TakeNewest) -> None: ...

    async def learn(self, found: Learn) -> None: ...

    async def check(self, link: "Link", found: Check) -> None: ...

    async def give(self, link: "Link", asked: Give) -> None: ...

    async def heard(self, link: "Link", tell: Tell) -> None: ...

    async def deliver(self, link: "Link", asked: Deliver) -> None: ...

    def contradicted(self, link: "Link", found: Contradiction) -> None: ...


class Link:
    """A link after its handshake. Lives in the loop's thread."""

    def __init__(self, wire: Wire, met: Met, dialled_by: ProviderId, exchange: Exchange, work: Work) -> None:
        self.wire, self.met, self.dialled_by, self.exchange = wire, met, dialled_by, exchange
        self._work = work
        self._out: deque[bytes] = deque()
        self._out_bytes = 0
        self._wake = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        #: Whose turn it is to have its entries written.
        self.turn = asyncio.Lock()
        #: How much of what it brought is being written the long way: what comes after that must not overtake it.
        self.long = 0
        self.code: str | None = None
        self._troubles: set[str] = set()

    async def run(self) -> str:
        """Until it ends, whoever ends it: the code why."""
        reading, writing = asyncio.create_task(self._read()), asyncio.create_task(self._write())
        try:
            await asyncio.wait((reading, writing), return_when=asyncio.FIRST_COMPLETED)
            return self.code or "partners.gone"
        finally:
            self.code = self.code or "partners.gone"
            tasks = (reading, writing, *self._tasks)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            with suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await self.wire.close(self.code)

    def pump(self) -> None:
        """Do what the exchange asks for."""
        for action in self.exchange.actions():
            match action:
                case Send():
                    self._queue(action.frame)
                case Load():
                    self._start(self._work.load(self, action))
                case Take():
                    self._start(self._work.take(self, action))
                case Unpack():
                    self._start(self._work.unpack(self, action))
                case GiveNewest():
                    self._start(self._work.give_newest(self, action))
                case TakeNewest():
                    self._start(self._work.take_newest(self, action))
                case Learn():
                    self._start(self._work.learn(action))
                case Check():
                    self._start(self._work.check(self, action))
                case Give():
                    self._start(self._work.give(self, action))
                case Tell():
                    self._start(self._work.heard(self, action))
                case Contradiction():
                    self._work.contradicted(self, action)
                case Close():
                    self.close(action.code)

    def wrote(self) -> None:
        """Something that was written the long way is done."""
        self.long -= 1

    @property
    def is_busy(self) -> bool:
        """Whether the partner reads more slowly than it asks."""
        return self._out_bytes > OUT_BYTES_BUSY

    def say(self, frame: bytes | None) -> None:
        """Something beside what the exchange says."""
        if frame is not None:
            self._queue(frame)

    def close(self, code: str) -> None:
        """Say why and end."""
        if self.code is None:
            self.code = code
            self._out.clear()
            self._out.append(_encoder.encode(Bye(code)))
            self._wake.set()

    def failed(self, what: str, error: Exception) -> None:
        """Something here, for no fault of the partner's. It is told once, until it is `well` again."""
        if what not in self._troubles:
            self._troubles.add(what)
            told = error.code if isinstance(error, Refusal) else f"{type(error).__name__}: {error}"
            log.error("partner %s: %s (%s); it is tried again later", self.met.provider, what, told)

    def well(self, what: str) -> None:
        """It did not fail this time."""
        if what in self._troubles:
            self._troubles.discard(what)
            log.warning("partner %s: this is over: %s", self.met.provider, what)

    def _queue(self, frame: bytes) -> None:
        if self.code is not None:
            return
        self._out.append(frame)
        self._out_bytes += len(frame)
        if self._out_bytes > OUT_BYTES_MAX:
            self.close(refusals.TooMuch.code)
        self._wake.set()

    def _start(self, work: Any) -> None:
        """Beside each other, but begun in order; the exchange asks for few at a time."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a link to partner %s goes on without something", self.met.provider, exc_info=error)

    async def _read(self) -> None:
        try:
            while self.code is None:
                raw = await self.wire.receive()
                if len(raw) > FRAME_BYTES_MAX:
                    self.close(refusals.TooMuch.code)
                    break
                try:
                    frame = self._decoded(raw)
                except (msgspec.MsgspecError, ValueError, RecursionError):
                    self.close(refusals.Protocol.code)
                    break
                if isinstance(frame, Deliver):
                    self._start(self._work.deliver(self, frame))
                else:
                    self.exchange.received(frame, self._work.now_ms())
                    self.pump()
        except Gone:
            return
        await asyncio.sleep(SEND_S_MAX)  # the writer says goodbye

    def _decoded(self, raw: bytes) -> Frame | Bulk | Deliver:
        is_packed = self.met.protocol >= PACKED and not raw.startswith(b"{")
        return _bulk.decode(raw) if is_packed else _frame.decode(raw)

    async def _write(self) -> None:
        with suppress(Gone, TimeoutError):
            while True:
                while self._out:
                    frame = self._out.popleft()
                    self._out_bytes -= len(frame)
                    async with asyncio.timeout(SEND_S_MAX):
                        await self.wire.send(frame)
                if self.code is not None:
                    return
                self._wake.clear()
                await self._wake.wait()


async def turn_away(wire: Wire, refusal: Refusal) -> None:
    """End a link that did not get through the handshake."""
    with suppress(Gone, TimeoutError):
        async with asyncio.timeout(1):
            await wire.send(_encoder.encode(Bye(refusal.code)))
            await wire.close(refusal.code)
