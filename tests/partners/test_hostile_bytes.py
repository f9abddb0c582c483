"""Partners that lie over HTTP: real sockets both ways; what they give for a file, and what they ask for."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from hashlib import sha256
from pathlib import Path

import httpx
import pytest

from tests.flows.server import free_port
from tests.partners.providers import Provider, eventually
from tests.partners.rogue import Rogue, admit
from verbund.base.ids import SpaceId, b64
from verbund.base.refusal import Unknown
from verbund.ops.client import Person
from verbund.partners.requests import sign

TRUE = b"der wahre Inhalt"
NAMED = b64(sha256(TRUE).digest())


class House:
    """Something that listens: a rogue's web server, or a machine that nobody outside is to reach."""

    def __init__(self, answer: Callable[[str], bytes]) -> None:
        self.address = f"http://localhost:{free_port()}"
        self.asked: list[str] = []
        self._answer = answer

    @asynccontextmanager
    async def open(self) -> AsyncIterator["House"]:
        server = await asyncio.start_server(self._serve, "localhost", int(self.address.rpartition(":")[2]))
        async with server:
            yield self

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            self.asked.append(head.split(" ")[1])
            writer.write(self._answer(head))
            await writer.drain()
        writer.close()


def ok(body: bytes, length: int | None = None) -> bytes:
    return f"HTTP/1.1 200 OK\r\ncontent-length: {len(body) if length is None else length}\r\n\r\n".encode() + body


def addresses(victim: Provider, space: SpaceId) -> list[str]:
    """Where it may fetch files of this space from."""
    partners = victim.partners
    return [address for one in partners._linked(space) if (address := partners.peers[one.met.provider].address)]


@asynccontextmanager
async def lying(victim: Provider, anna: Person, house: House) -> AsyncIterator[SpaceId]:
    """A rogue partner of Anna's firm whose files come from this house."""
    rogue = Rogue()
    await admit(victim, anna, rogue)
    space = SpaceId(anna.organisation)
    async with house.open(), rogue.link(victim, home=house.address):
        await eventually(lambda: addresses(victim, space) == [house.address])
        yield space


async def fetched(victim: Provider, space: SpaceId) -> bytes | None:
    try:
        return await victim.partners.fetch(space, f"blob/{NAMED}", 1_000)
    except Unknown:
        return None


async def test_other_bytes_than_a_hash_names_are_thrown_away(
    victim: Provider, anna: Person, caplog: pytest.LogCaptureFixture
) -> None:
    house = House(lambda _: ok(b"etwas anderes"))
    async with lying(victim, anna, house) as space:
        missing = victim.partners._missing
        assert not await missing._bring(space, NAMED)  # type: ignore[arg-type]
        assert list((victim.services.data / "arriving").iterdir()) == []
        assert "other bytes" in caplog.text
    assert house.asked


@pytest.mark.parametrize(
    "answer",
    [
        ok(b"x" * 1_001),
        ok(TRUE, length=10**9),
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + b"400\r\n" + b"x" * 1024 + b"\r\n" + b"400\r\n",
        b"HTTP/1.1 206 Partial Content\r\ncontent-length: 1\r\n\r\nx",
        b"HTTP/1.1 500 \r\ncontent-length: 1\r\n\r\nx",
        b"SSH-2.0-none\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"x: " + b"y" * 200_000 + b"\r\n\r\n",
        b"",
    ],
    ids=["too long", "cut off", "no such chunk", "chunks", "part", "error", "no http", "headers", "nothing"],
)
async def test_answer_that_is_none_is_no_file(victim: Provider, anna: Person, answer: bytes) -> None:
    async with lying(victim, anna, House(lambda _: answer)) as space:
        assert await fetched(victim, space) is None
    assert (await asyncio.to_thread(anna.call, "GET", "/api/me"))["account"]["id"] == anna.account


async def test_compressed_answer_does_not_swell(victim: Provider, anna: Person) -> None:
    import gzip

    bomb = gzip.compress(bytes(50_000_000))
    head = f"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {len(bomb)}\r\n\r\n".encode()
    async with lying(victim, anna, House(lambda _: head + bomb)) as space:
        assert await fetched(victim, space) is None


async def test_redirect_leads_nowhere(victim: Provider, anna: Person) -> None:
    inside = House(lambda _: ok(TRUE))
    async with inside.open():
        there = f"HTTP/1.1 302 Found\r\nlocation: {inside.address}/geheim\r\ncontent-length: 0\r\n\r\n".encode()
        house = House(lambda _: there)
        async with lying(victim, anna, house) as space:
            assert await fetched(victim, space) is None
        assert house.asked
    assert inside.asked == []


@pytest.mark.parametrize(
    "home",
    ["http://169.254.169.254", "http://10.0.0.1:8080", "file:///etc", "https://a@localhost", "gopher://x", "//x"],
)
async def test_home_that_is_no_address_of_a_provider_is_asked_for_nothing(
    victim: Provider, anna: Person, home: str
) -> None:
    rogue = Rogue()
    await admit(victim, anna, rogue)
    async with rogue.link(victim, home=home):
        await eventually(lambda: rogue.id in victim.partners.links)
        assert addresses(victim, SpaceId(anna.organisation)) == []


async def test_only_files_of_shared_spaces_are_given(victim: Provider, anna: Person, tmp_path: Path) -> None:
    rogue, stranger = Rogue(), Rogue()
    await admit(victim, anna, rogue)
    team = await asyncio.to_thread(anna.create, "Werkstatt")
    file = await asyncio.to_thread(anna.upload, team, b"der Plan" * 500, "plan.bin")
    await asyncio.to_thread(anna.say, team, "der Plan", files=[file], blobs=[file["hash"]])
    await eventually(lambda: victim.partners.here.is_shared(rogue.id, team))

    async def status(name: str, by: Rogue, space: str = team) -> int:
        asked = httpx.Request("GET", f"{victim.address}/partners/bytes/{space}/{name}")
        sign(by.shown, by.device, asked, victim.services.clock.now_ms())
        async with httpx.AsyncClient(trust_env=False) as client:
            return (await client.send(asked)).status_code

    good = f"blob/{file['hash']}"
    assert await status(good, rogue) == 200
    assert await status(good, stranger) == 404
    assert await status(good, rogue, NAMED) == 404
    for name in (
        "blob/../../verbund.db",
        "blob/%2e%2e/%2e%2e/verbund.db",
        "blob//etc/passwd",
        "blob/",
        "x/y",
        good[:-1],
    ):
        assert await status(name, rogue) in (401, 404), name
