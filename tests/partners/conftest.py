"""Providers that agree: real stores, real signatures, real routes; their questions travel in this process."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from tests.partners import providers
from tests.stores import prepare
from verbund.base.settings import Settings
from verbund.ops.client import Person
from verbund.partners import requests
from verbund.partners.agreements import book, queries
from verbund.partners.agreements.codes import written
from verbund.partners.agreements.effects import Agreements
from verbund.partners.agreements.queries import Partnership
from verbund.web import capabilities
from verbund.web.app import Application
from verbund.web.composition import Services

START_MS = 1_800_000_000_000


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.ms = START_MS

    def now_ms(self) -> int:
        self.ms += 1
        return self.ms

    def pass_days(self, days: float) -> None:
        self.ms += int(days * 86_400_000)


class Provider:
    """One provider with its operator."""

    def __init__(self, services: Services) -> None:
        self.services, self.clock = services, services.clock
        self.agreements = Agreements(services)
        self.own = self.agreements.own
        self.app = Application(services)

    @property
    def id(self) -> str:
        return self.own.provider

    async def invites(self, days: int = 7) -> str:
        return written(await self.services.log.write(lambda tx: book.invite(tx, self.own, days)))

    async def joins(self, code: str) -> None:
        await self.services.log.write(lambda tx: book.join(tx, self.own, code))

    async def agrees(self, other: "Provider", by: str = "Bea Süd") -> None:
        await self.services.log.write(lambda tx: book.agree(tx, other.id, by))

    async def ends(self, other: "Provider") -> None:
        await self.services.log.write(lambda tx: book.end(tx, other.id))

    async def asks(self, other: "Provider", at: "Provider | None" = None) -> None:
        """One question to the other; `at`: who answers at its address."""
        transport = httpx.ASGITransport(app=(at or other).app)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport) as client:
            await self.agreements.talk(client, self.holds(other))

    def holds(self, other: "Provider") -> Partnership:
        held = self.maybe(other)
        assert held is not None
        return held

    def maybe(self, other: "Provider") -> Partnership | None:
        with self.services.store.read() as connection:
            return queries.partnership(connection, other.id)

    def dialled(self) -> list[tuple[str, str]]:
        with self.services.store.read() as connection:
            return list(queries.dialled(connection))

    async def is_told(self, told: Any, by: "Provider | None" = None) -> httpx.Response:
        """`by`: who signs the request."""
        content = told if isinstance(told, bytes) else msgspec.json.encode(told)
        asked = httpx.Request(
            "POST", f"{self.own.address}/api/partners/agreement", content=content,
            headers={"content-type": "application/json"},
        )  # fmt: skip
        if by is not None:
            by.signs(asked, content)
        return await self.hears(asked)

    def signs(self, asked: httpx.Request, body: bytes | None = None) -> None:
        own, device = self.services.parts["own_identity"], self.services.log.provider_device
        requests.sign(own, device, asked, self.clock.now_ms(), body)

    async def hears(self, asked: httpx.Request) -> httpx.Response:
        transport = httpx.ASGITransport(app=self.app)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport) as client:
            return await client.send(asked)


class Country:
    """Where providers are set up."""

    def __init__(self, folder: Path, stack: AsyncExitStack) -> None:
        self.clock = Clock()
        self._folder, self._stack = folder, stack

    async def provider(self, name: str, host: str, **settings: Any) -> Provider:
        return await self._stack.enter_async_context(self._running(name, host, settings))

    @asynccontextmanager
    async def _running(self, name: str, host: str, settings: dict[str, Any]) -> AsyncIterator[Provider]:
        wanted = Settings(
            data=str(self._folder / host), name=name, url=f"https://{host}", behind_proxy=True, **settings
        )  # fmt: skip
        services = Services(prepare(wanted), capabilities, self.clock)
        capabilities.prepare(services.store)
        services.log.start()
        await capabilities.introduce(services)
        try:
            yield Provider(services)
        finally:
            await services.log.stop()
            services.store.close()


@pytest.fixture
async def country(tmp_path: Path) -> AsyncIterator[Country]:
    async with AsyncExitStack() as stack:
        yield Country(tmp_path, stack)


@pytest.fixture
async def werkhof(country: Country) -> Provider:
    return await country.provider("Werkhof", "werkhof.example", place="Kassel", contact="technik@werkhof.example")


@pytest.fixture
async def suednetz(country: Country) -> Provider:
    return await country.provider("Südnetz", "suednetz.example", place="Freiburg", contact="hilfe@suednetz.example")


@pytest.fixture
async def victim(tmp_path: Path) -> AsyncIterator[providers.Provider]:
    provider = providers.Provider(tmp_path, "werkhof")
    async with providers.running(provider):
        yield provider


@pytest.fixture
async def anna(victim: providers.Provider) -> AsyncIterator[Person]:
    person = await victim.firm()
    yield person
    person.close()
