"""Bytes from a partner that cannot be called, as it sits behind a router: asked for over the link, it brings them.

It brings them in pieces, by requests of its own, each signed with what is in it. Only the piece that comes next counts,
so one that comes twice does nothing.
"""

import asyncio
import re
import secrets
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

import httpx
import msgspec

from verbund.base.clock import Clock
from verbund.base.ids import ProviderId, SpaceId
from verbund.base.refusal import Unknown
from verbund.blobs.ranges import Span
from verbund.partners.holding import Holding, pieces
from verbund.partners.link import Link, Own
from verbund.partners.requests import sign
from verbund.partners.schemas import Deliver

PATH = "/partners/deliveries"
#: Smaller than a piece of an upload: what lets those through lets these through.
PIECE_BYTES = 1024 * 1024
#: For one piece: a line that carries less is no line.
WAIT_S = 30.0
TICKET_BYTES = 18
#: At once, with all partners together; and what one partner may have brought to it at once.
AWAITED_MAX = 32
BRINGING_MAX = 4
MISSING = -1
CONTENT_TYPE = "application/octet-stream"
Waits = Callable[[int], float]
_TICKET = re.compile(r"[A-Za-z0-9_-]{1,64}")
_encoder = msgspec.json.Encoder()


class Piece(NamedTuple):
    """`size`: bytes of the whole file; MISSING when it is not there."""

    first: int
    size: int
    data: bytes


class _Awaited:
    """What one partner was asked to bring, and how far it is."""

    def __init__(self, provider: ProviderId, first: int) -> None:
        self.provider, self.next = provider, first
        self.pieces: asyncio.Queue[Piece] = asyncio.Queue(1)


class Deliveries:
    """Both sides: what we are waiting for, and what we bring."""

    def __init__(self, own: Own, clock: Clock, client: httpx.AsyncClient, holding: Holding, wait_s: Waits) -> None:
        self._own, self._clock, self._client, self._holding, self._wait_s = own, clock, client, holding, wait_s
        self._awaited: dict[str, _Awaited] = {}
        self._bringing: Counter[ProviderId] = Counter()

    async def read(
        self, link: Link, space: SpaceId, name: str, first: int, bytes_max: int, take: Callable[[bytes], object]
    ) -> None:  # fmt: skip
        """Everything from `first` on. Raises Unknown when it does not come, or is longer than `bytes_max`."""
        if len(self._awaited) >= AWAITED_MAX:
            raise Unknown()
        ticket = secrets.token_urlsafe(TICKET_BYTES)
        awaited = self._awaited[ticket] = _Awaited(link.met.provider, first)
        link.say(_encoder.encode(Deliver(space, name, first, ticket)))
        try:
            while True:
                piece = await asyncio.wait_for(awaited.pieces.get(), WAIT_S)
                if piece.size < piece.first or piece.size - first > bytes_max:
                    raise Unknown()
                await asyncio.to_thread(take, piece.data)
                if piece.first + len(piece.data) >= piece.size:
                    return
        except TimeoutError:
            raise Unknown() from None
        finally:
            del self._awaited[ticket]

    async def came(self, provider: ProviderId, ticket: str, piece: Piece) -> None:
        """A piece of what is awaited. Raises Unknown: nobody waits for it, or not from this provider, or not for it."""
        awaited = self._awaited.get(ticket)
        if awaited is None or awaited.provider != provider or awaited.next != piece.first:
            raise Unknown()
        is_end = piece.first + len(piece.data) >= piece.size
        if not piece.data and not is_end:
            raise Unknown()
        awaited.next += len(piece.data) or 1
        try:
            await asyncio.wait_for(awaited.pieces.put(piece), WAIT_S)
        except TimeoutError:
            raise Unknown() from None

    async def bring(self, link: Link, asked: Deliver) -> None:
        """Bring what was asked for, as long as it is awaited; or say that it is not here."""
        provider = link.met.provider
        if not link.met.home or _TICKET.fullmatch(asked.ticket) is None or self._bringing[provider] >= BRINGING_MAX:
            return
        self._bringing[provider] += 1
        try:
            with suppress(httpx.HTTPError, OSError):
                await self._bring(link, asked)
        finally:
            self._bringing[provider] -= 1

    async def _bring(self, link: Link, asked: Deliver) -> None:
        first = asked.first
        try:
            path = await self._holding.find(link.met.provider, asked.sp, asked.name)
            size = (await asyncio.to_thread(path.stat)).st_size
        except Unknown:
            size = MISSING
        if not 0 <= first < size:  # nothing of it is here, or nothing is left
            await self._post(link, asked.ticket, Piece(first, size, b""))
            return
        async for data in pieces(path, Span(first, size - 1), PIECE_BYTES):
            if not await self._post(link, asked.ticket, Piece(first, size, data)):
                return
            first += len(data)
            await asyncio.sleep(self._wait_s(len(data)))

    async def _post(self, link: Link, ticket: str, piece: Piece) -> bool:
        """Whether more of it is wanted."""
        url = f"{link.met.home}{PATH}/{ticket}?first={piece.first}&size={piece.size}"
        request = self._client.build_request("POST", url, content=piece.data, headers={"content-type": CONTENT_TYPE})
        sign(self._own.identity, self._own.device, request, self._clock.now_ms(), piece.data)
        return (await self._client.send(request)).is_success
