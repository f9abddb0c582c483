"""The pull: asks each partner what is new, and takes it in through `log.accept`."""

import asyncio
import logging
from typing import Any, Protocol

import httpx
import msgspec

from verbund.accounts.commands import admit_provider_device
from verbund.base.clock import Clock
from verbund.base.ids import SpaceId
from verbund.base.keys import DeviceKey
from verbund.base.refusal import Refusal
from verbund.base.settings import Settings
from verbund.log.entry import Entry, Vector
from verbund.log.service import LogService
from verbund.log.tx import Tx
from verbund.partners.identity import ask, check_identity
from verbund.partners.schemas import Digest, Identity, Question

INTERVAL_S = 2.0
BACKOFF_S_MAX = 15.0
TIMEOUT_S = 10.0
ANSWER_BYTES_MAX = 64 * 1024 * 1024
PAGES_MAX = 10_000
log = logging.getLogger(__name__)


class Page(msgspec.Struct):
    """One answer to a question for entries."""

    entries: list[Entry]
    more: bool


class Services(Protocol):
    """What the pull needs of a running provider."""

    log: LogService
    settings: Settings
    clock: Clock
    parts: dict[str, Any]


class PartnersService:
    """Pulls from every partner named in the settings, each on its own, with backoff."""

    def __init__(self, services: Services) -> None:
        self._log, self._clock = services.log, services.clock
        self._addresses = services.settings.partners
        self._identity: Identity = services.parts["own_identity"]
        self._device: DeviceKey = services.log.provider_device
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        self._tasks = [asyncio.create_task(self._run(address.rstrip("/"))) for address in self._addresses]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _run(self, address: str) -> None:
        wait_s = INTERVAL_S
        async with httpx.AsyncClient(base_url=address, timeout=TIMEOUT_S, trust_env=False) as client:
            while True:
                try:
                    await self._round(client, address)
                    wait_s = INTERVAL_S
                except (httpx.HTTPError, Refusal, msgspec.MsgspecError) as error:
                    log.warning("partner %s: %s", address, error)
                    wait_s = min(BACKOFF_S_MAX, wait_s * 2)
                await asyncio.sleep(wait_s)

    async def _round(self, client: httpx.AsyncClient, address: str) -> None:
        digest = msgspec.json.decode(await self._ask(client, address, "digest"), type=Digest)
        provider, key = check_identity(digest.identity)

        def admit(tx: Tx) -> None:
            admit_provider_device(tx, provider, key)

        await self._log.write(admit)
        for space, vector in [*digest.accounts.items(), *digest.spaces.items()]:
            await self._pull(client, address, space, vector)

    async def _pull(self, client: httpx.AsyncClient, address: str, space: SpaceId, theirs: Vector) -> None:
        for _ in range(PAGES_MAX):
            ours = self._log.vector(space)
            if all(ours.get(key, 0) >= seq for key, seq in theirs.items()):
                return
            page = msgspec.json.decode(await self._ask(client, address, "entries", space, ours), type=Page)
            if not page.entries:
                return
            await self._log.accept(page.entries)

    async def _ask(
        self, client: httpx.AsyncClient, address: str, what: str, space: SpaceId | None = None,
        after: Vector | None = None,
    ) -> bytes:  # fmt: skip
        question = Question(address, self._clock.now_ms(), space, after or {})
        body = msgspec.json.encode(ask(self._identity, self._device, question))
        headers = {"content-type": "application/json"}
        request = client.build_request("POST", f"/api/partners/{what}", content=body, headers=headers)
        response = await client.send(request, stream=True)
        try:
            response.raise_for_status()
            received = bytearray()
            async for piece in response.aiter_bytes():
                received += piece
                if len(received) > ANSWER_BYTES_MAX:
                    raise httpx.DecodingError("answer too large", request=request)
            return bytes(received)
        finally:
            await response.aclose()
