"""A provider behind a router: it calls, nobody can call it; what only it has reaches its partner nevertheless."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from tests.flows.server import free_port
from tests.partners.providers import Provider, eventually, running
from tests.partners.test_links import shared_firm
from verbund.base.ids import SpaceId
from verbund.base.keys import DeviceKey
from verbund.base.refusal import Unknown
from verbund.partners import deliveries
from verbund.partners.identity import identity
from verbund.partners.requests import sign
from verbund.partners.schemas import Deliver

DATA = bytes(range(256)) * 5_000


def behind_router(folder: Path, *partners: str) -> Provider:
    """It believes in an address at which nothing answers from outside."""
    office = Provider(folder, "buero", *partners)
    office.settings = msgspec.structs.replace(office.settings, url=f"http://localhost:{free_port()}")
    return office


async def office_and_provider(folder: Path) -> tuple[Provider, Provider]:
    werkhof = Provider(folder, "werkhof")
    return werkhof, behind_router(folder, werkhof.address)


async def brought(werkhof: Provider, space: SpaceId, name: str, first: int = 0, bytes_max: int = 1 << 24) -> bytes:
    (link,) = werkhof.partners.links.values()
    found = bytearray()
    await werkhof.partners._bytes.deliveries.read(link, space, name, first, bytes_max, found.extend)
    return bytes(found)


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliveries, "PIECE_BYTES", 100_000)


async def test_file_of_somebody_in_the_office_is_brought_to_the_provider(tmp_path: Path, small_pieces: None) -> None:
    werkhof, office = await office_and_provider(tmp_path)
    async with running(werkhof, office):
        anna, team = await shared_firm(werkhof, office)
        file = await asyncio.to_thread(anna.upload, team, DATA, "Plan.bin")
        await asyncio.to_thread(anna.say, team, "der Plan", files=[file], blobs=[file["hash"]])
        await eventually(lambda: werkhof.partners._safe.of(team) == werkhof.vector(team))
        kept = werkhof.services.blobs.path_of(team, file["hash"])
        await asyncio.to_thread(kept.unlink)
        # The office has it, this one has lost it, and the office answers no call.
        found = await werkhof.partners.fetch(team, f"blob/{file['hash']}", len(DATA))
        assert found == DATA
        assert office.id in werkhof.partners._bytes._unreached
        assert await brought(werkhof, team, f"blob/{file['hash']}", first=1_250_000) == DATA[1_250_000:]
        assert await brought(werkhof, team, f"blob/{file['hash']}", first=len(DATA)) == b""
        for wrong in (f"blob/{'A' * 43}", "blob/../../verbund.db", "film/x/y/z", "nonsense", ""):
            with pytest.raises(Unknown):
                await brought(werkhof, team, wrong)
        with pytest.raises(Unknown):
            await brought(werkhof, team, f"blob/{file['hash']}", bytes_max=len(DATA) - 1)
        with pytest.raises(Unknown):
            await brought(werkhof, SpaceId("A" * 43), f"blob/{file['hash']}")
        anna.close()


async def test_only_who_was_asked_brings_and_only_what_comes_next(tmp_path: Path) -> None:
    werkhof, office = await office_and_provider(tmp_path)
    async with running(werkhof, office):
        anna, team = await shared_firm(werkhof, office)
        asked: list[Deliver] = []
        (there,) = office.partners.links.values()
        there._work = _Deaf(there._work, asked)  # type: ignore[assignment]
        reading = asyncio.create_task(brought(werkhof, team, "blob/x"))
        await eventually(lambda: bool(asked))
        async with httpx.AsyncClient() as client:
            post = _poster(client, werkhof, asked[0].ticket)
            own = office.partners._own
            stranger = DeviceKey.generate()
            assert await post(own.identity, own.device, 0, b"abc", says=b"abd") == 401
            assert await post(own.identity, own.device, 0, b"abc", says=None) == 401
            assert await post(identity(stranger, stranger, 1), stranger, 0, b"abc") == 404
            assert await post(own.identity, own.device, 2, b"c") == 404
            assert await post(own.identity, own.device, 0, b"") == 404
            assert await post(own.identity, own.device, 0, b"ab") == 204
            assert await post(own.identity, own.device, 0, b"ab") == 404
            assert await post(own.identity, own.device, 2, b"c") == 204
            assert await reading == b"abc"
            assert await post(own.identity, own.device, 3, b"") == 404
        anna.close()


class _Deaf:
    """The work of a link that notes what it is asked to bring, and brings nothing by itself."""

    def __init__(self, work: Any, asked: list[Deliver]) -> None:
        self._work, self._asked = work, asked

    def __getattr__(self, name: str) -> Any:
        return getattr(self._work, name)

    async def deliver(self, link: Any, asked: Deliver) -> None:
        self._asked.append(asked)


def _poster(client: httpx.AsyncClient, to: Provider, ticket: str) -> Callable[..., Awaitable[int]]:
    async def post(who: Any, device: DeviceKey, first: int, data: bytes, says: Any = "data") -> int:
        url = f"{to.address}{deliveries.PATH}/{ticket}?first={first}&size=3"
        request = client.build_request("POST", url, content=data)
        sign(who, device, request, to.services.clock.now_ms(), data if says == "data" else says)
        return (await client.send(request)).status_code

    return post
