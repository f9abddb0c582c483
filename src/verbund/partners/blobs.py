"""Bytes of partners: asked for over HTTP by a signed request, resumed where they broke off, checked by hash."""

import asyncio
import logging
import secrets
import shutil
import ssl
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing, suppress
from pathlib import Path

import httpx

from verbund.base.clock import Clock
from verbund.base.ids import BlobHash, ProviderId, SpaceId
from verbund.base.refusal import Unknown
from verbund.blobs.missing import lacking, missing
from verbund.blobs.service import Blobs
from verbund.blobs.shelf import hash_of
from verbund.log.store import Store
from verbund.partners.deliveries import Deliveries
from verbund.partners.holding import Holding
from verbund.partners.link import Link, Own
from verbund.partners.requests import sign
from verbund.partners.schemas import DELIVERS
from verbund.partners.share import Pace, Share

TIMEOUT_S = 10.0
BLOB_BYTES_MAX = 20 * 1024**3
FREE_BYTES_MIN = 512 * 1024**2
AGAIN_S = 15.0
SPACES_MAX = 10_000
TRIES_MAX = 5
#: Where somebody sits behind a router its address answers nobody: so long it is not tried again.
CONNECT_S_MAX = 3.0
UNREACHED_S = 300.0
Elsewhere = Callable[[SpaceId], list[Link]]
log = logging.getLogger(__name__)


class Bytes:
    """Asks the partners that `elsewhere(space)` gives, one after the other; all together get `bytes_s`."""

    def __init__(
        self, own: Own, clock: Clock, elsewhere: Elsewhere, holding: Holding, secure: ssl.SSLContext, bytes_s: float
    ) -> None:
        self._own, self._clock, self._elsewhere = own, clock, elsewhere
        self._share = Share(bytes_s, time.monotonic())
        timeout = httpx.Timeout(TIMEOUT_S, connect=CONNECT_S_MAX)
        self._client = httpx.AsyncClient(verify=secure, timeout=timeout, trust_env=False)
        self.deliveries = Deliveries(own, clock, self._client, holding, self._wait_s)
        #: Who could not be called, and until when that is taken for granted (s).
        self._unreached: dict[ProviderId, float] = {}

    async def close(self) -> None:
        await self._client.aclose()

    async def fetch(self, space: SpaceId, name: str, bytes_max: int) -> bytes:
        """The bytes of a file. Raises Unknown when nobody who can be reached has it, or not so small."""
        for link in self._elsewhere(space):
            found = bytearray()
            with suppress(httpx.HTTPError, Unknown):
                await self._read(link, space, name, 0, bytes_max, found.extend)
                return bytes(found)
        raise Unknown()

    async def fetch_into(self, space: SpaceId, name: str, path: Path, bytes_max: int = BLOB_BYTES_MAX) -> None:
        """Write the bytes of a file; what is in `path` already is not fetched again. Raises Unknown."""
        for link in [one for one in self._elsewhere(space) for _ in range(TRIES_MAX)]:
            with suppress(httpx.HTTPError, Unknown), await asyncio.to_thread(path.open, "ab", 0) as file:
                have = file.tell()
                await self._read(link, space, name, have, bytes_max - have, file.write)
                return
        raise Unknown()

    async def _read(
        self, link: Link, space: SpaceId, name: str, first: int, bytes_max: int, take: Callable[[bytes], object]
    ) -> None:
        """Call the partner, or have it brought by one that answers no call. Raises HTTPError, Unknown."""
        provider = link.met.provider
        if link.met.home and self._unreached.get(provider, 0.0) <= time.monotonic():
            try:
                return await self._call(link.met.home, space, name, first, bytes_max, take)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                self._unreached[provider] = time.monotonic() + UNREACHED_S
        if link.met.protocol < DELIVERS:
            raise Unknown()
        return await self.deliveries.read(link, space, name, first, bytes_max, take)

    async def _call(
        self, address: str, space: SpaceId, name: str, first: int, bytes_max: int, take: Callable[[bytes], object]
    ) -> None:
        headers = {"accept-encoding": "identity"} | ({"range": f"bytes={first}-"} if first else {})
        request = self._client.build_request("GET", f"{address}/partners/bytes/{space}/{name}", headers=headers)
        sign(self._own.identity, self._own.device, request, self._clock.now_ms())
        async with aclosing(await self._client.send(request, stream=True)) as response:
            if response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE and first:
                return  # everything is here already
            if response.status_code != (httpx.codes.PARTIAL_CONTENT if first else httpx.codes.OK):
                raise Unknown()
            left, pace = bytes_max, Pace(time.monotonic())
            async for piece in response.aiter_bytes():
                left -= len(piece)
                if left < 0 or not pace.keeps(len(piece), time.monotonic()):
                    raise Unknown()
                await asyncio.to_thread(take, piece)
                await asyncio.sleep(self._wait_s(len(piece)))
                pace.waits_from(time.monotonic())

    def _wait_s(self, count: int) -> float:
        return self._share.wait_s(count, time.monotonic())


class Missing:
    """Brings the blobs that facts from partners name, space by space, and says when a space has more than before."""

    def __init__(
        self, store: Store, blobs: Blobs, source: Bytes, folder: Path,
        found: Callable[[SpaceId, dict[str, int]], Awaitable[None]],
    ) -> None:  # fmt: skip
        self._store, self._blobs, self._source, self._folder, self._found = store, blobs, source, folder, found
        self._spaces: dict[SpaceId, None] = {}
        self._wake = asyncio.Event()

    def look(self, space: SpaceId) -> None:
        """Something in this space may name a blob that is not here."""
        if len(self._spaces) < SPACES_MAX:
            self._spaces[space] = None
            self._wake.set()

    async def run(self) -> None:
        """For ever."""
        self._folder.mkdir(parents=True, exist_ok=True)
        while True:
            self._wake.clear()
            left = []
            while self._spaces:
                space = next(iter(self._spaces))
                del self._spaces[space]
                if not await self._bring_all(space):
                    left.append(space)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), AGAIN_S if left else None)
            for space in left:
                self.look(space)

    async def _bring_all(self, space: SpaceId) -> bool:
        """Whether nothing is missing now."""
        failed: list[BlobHash] = []
        try:
            while wanted := await asyncio.to_thread(self._missing, space, failed):
                for one in wanted:
                    if not await self._bring(space, one):
                        failed.append(one)
            await self._found(space, await asyncio.to_thread(self._lacking, space))
        except Exception:
            log.exception("bringing blobs failed, will be tried again")
            return False
        return not failed

    async def _bring(self, space: SpaceId, one: BlobHash) -> bool:
        path = self._folder / one
        room = await asyncio.to_thread(self._room)
        try:
            await self._source.fetch_into(space, f"blob/{one}", path, min(room, BLOB_BYTES_MAX))
        except Unknown:
            return False
        if await asyncio.to_thread(hash_of, path) != one:
            log.warning("a partner gave other bytes than those of blob %s", one)
            path.unlink()
            return False
        fresh = path.with_name(f"{one}.{secrets.token_hex(4)}")
        path.rename(fresh)
        await self._blobs.take_file(space, fresh, "")
        return True

    def _room(self) -> int:
        """Bytes that may come in before the disk is taken for full: a partner names no size beforehand."""
        return max(0, shutil.disk_usage(self._folder).free - FREE_BYTES_MIN)

    def _missing(self, space: SpaceId, failed: list[BlobHash]) -> list[BlobHash]:
        with self._store.read() as connection:
            return missing(connection, space, failed)

    def _lacking(self, space: SpaceId) -> dict[str, int]:
        with self._store.read() as connection:
            return lacking(connection, [space]).get(space, {})
