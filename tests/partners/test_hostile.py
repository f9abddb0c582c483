"""Partners that lie, over real sockets: each attack is refused with a code, and the provider goes on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
import zstandard
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.flows.server import PASSWORD
from tests.partners.providers import Provider, eventually, running
from tests.partners.sides import decoded, named
from verbund.accounts.commands import make_setup_link
from verbund.base.ids import CoreId, ProviderId, SpaceId, b64, digest, personal_space, unb64
from verbund.base.keys import DeviceKey
from verbund.log.bulk import Packed, pack, unpack
from verbund.log.core import DOMAIN, make_parcel
from verbund.log.entry import CHAIN_START, Entry, chain, sublog
from verbund.ops.client import Person
from verbund.partners.heads import DAY_MS, End, certify, sign
from verbund.partners.identity import identity, prove
from verbund.partners.link import FRAME_BYTES_MAX, OPENING_BYTES_MAX
from verbund.partners.push import CREDITS
from verbund.partners.schemas import (
    PACKED,
    Bulk,
    Bye,
    Digest,
    Entries,
    Have,
    Heads,
    Hello,
    Known,
    No,
    Opening,
    Proof,
    Want,
)

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
    async def link(self, victim: Provider, url: str | None = None, protocol: int = 1) -> AsyncIterator["Talk"]:
        async with self.socket(victim) as socket:
            talk = Talk(socket)
            address = victim.address if url is None else url
            await talk.says(Hello(self.shown, b64(bytes(32)), [protocol, 99], address, "http://localhost:1"))
            hello = await talk.opening()
            if isinstance(hello, Hello):
                proof = prove(self.device, hello.identity.provider, hello.nonce, address)
                await talk.says(Proof(proof))
                talk.ended = await talk.opening()
            else:
                talk.ended = hello
            yield talk

    def entry(
        self, space: SpaceId, n: int, before: bytes = CHAIN_START, author: str | None = None
    ) -> tuple[Entry, bytes]:
        """(an entry of its own sub-log, signed by its device, in the name of `author`; the chain after it)."""
        core = {
            "ah": [], "bk": None, "dp": None, "ds": 1, "k": "meet.call_ended.1", "mu": False, "re": [], "sp": space,
            "t": "0" * 16,
        }  # fmt: skip
        identifier, parcel = make_parcel(self.device, core, {"call": space, "people": 1, "seconds": 1}, bytes(16))
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


@pytest.fixture
async def victim(tmp_path: Path) -> AsyncIterator[Provider]:
    provider = Provider(tmp_path, "werkhof")
    async with running(provider):
        yield provider


@pytest.fixture
async def anna(victim: Provider) -> AsyncIterator[Person]:
    person = await victim.firm()
    yield person
    person.close()


async def admit(victim: Provider, anna: Person, rogue: Rogue) -> None:
    """The firm trusts the wrong provider."""
    body = {
        "provider": rogue.id, "alg": "ed25519", "key": b64(rogue.root.public.raw), "name": "Böse",
        "url": "http://localhost:1",
    }  # fmt: skip
    await asyncio.to_thread(anna.post, anna.organisation, "authority.provider_added.1", body)
    await eventually(lambda: victim.partners.here.is_shared(rogue.id, anna.organisation))


async def test_unknown_provider_gets_no_further(victim: Provider, anna: Person) -> None:
    async with Rogue().link(victim) as talk:
        assert talk.ended == Bye("partners.unknown")
    assert victim.partners.links == {}


async def test_identity_of_another_is_worth_nothing_without_its_key(victim: Provider, anna: Person) -> None:
    honest, rogue = Rogue(), Rogue()
    await admit(victim, anna, honest)
    rogue.shown = honest.shown
    async with rogue.link(victim) as talk:
        assert talk.ended == Proof(talk.ended.sig), "the victim proves itself; that harms nobody"
        assert (await talk.opening()) == Bye("partners.unproven")
    rogue.shown = msgspec.structs.replace(honest.shown, device_key=b64(rogue.device.public.raw))
    async with rogue.link(victim) as talk:
        assert talk.ended == Bye("partners.unproven")


async def test_proof_for_another_address_is_refused(victim: Provider, anna: Person) -> None:
    rogue = Rogue()
    await admit(victim, anna, rogue)
    async with rogue.link(victim, "https://boese.example") as talk:
        assert talk.ended == Bye("partners.wrong_address")


@pytest.mark.parametrize("opening", [b"", b"{", b"[" * 5000, b'{"f":"entries"}', b"x" * (OPENING_BYTES_MAX + 1)])
async def test_opening_that_is_none_is_refused(victim: Provider, opening: bytes) -> None:
    async with Rogue().socket(victim) as socket:
        talk = Talk(socket)
        await talk.opening()
        await socket.send(opening)
        assert await talk.opening() == Bye("partners.malformed")


async def test_replayed_proof_is_refused(victim: Provider, anna: Person) -> None:
    rogue = Rogue()
    await admit(victim, anna, rogue)
    async with rogue.socket(victim) as socket:
        talk = Talk(socket)
        hello = await talk.opening()
        old = Proof(prove(rogue.device, hello.identity.provider, b64(b"1" * 32), victim.address))
        await talk.says(Hello(rogue.shown, b64(bytes(32)), [1], victim.address, ""))
        await talk.opening()
        await talk.says(old)
        assert await talk.opening() == Bye("partners.unproven")


async def test_page_of_a_browser_opens_no_link(victim: Provider) -> None:
    url = victim.address.replace("http", "ws", 1) + "/partners/link"
    with pytest.raises(Exception, match="403"):
        await connect(url, proxy=None, additional_headers={"origin": "https://boese.example"})


async def test_forged_and_broken_entries_are_not_taken(victim: Provider, anna: Person) -> None:
    rogue = Rogue()
    await admit(victim, anna, rogue)
    space = anna.organisation
    good, after = rogue.entry(space, 1)
    unsigned = msgspec.structs.replace(good, s=b64(bytes(64)))
    otherwise = msgspec.structs.replace(good, h=b64(bytes(32)))
    renamed = msgspec.structs.replace(good, id=named("andere"))
    forged, _ = rogue.entry(space, 1, author=anna.key.device)
    async with rogue.link(victim) as talk:
        found = [
            await talk.refused(Entries(space, n, [one]))
            for n, one in enumerate((unsigned, otherwise, renamed, forged), 1)
        ]
        assert found == ["log.unsigned", "log.broken_chain", "log.broken_chain", "log.unsigned"]
        later, _ = rogue.entry(space, 2, after)
        assert await talk.refused(Entries(space, 5, [later])) == "partners.gap"
        assert sublog(rogue.id, 1) not in victim.vector(space)
        await talk.says(Entries(space, 6, [good]))
        while (have := await talk.hears(Have)).n != 6:
            pass
        assert have.v[sublog(rogue.id, 1)].seq == 1, "what is right is taken all the same"


async def test_forged_and_broken_entries_are_not_taken_packed_either(victim: Provider, anna: Person) -> None:
    rogue = Rogue()
    await admit(victim, anna, rogue)
    space = anna.organisation
    good, _ = rogue.entry(space, 1)
    forged, _ = rogue.entry(space, 1, author=anna.key.device)
    honest, unsigned, lied = (
        pack(space, [one]) for one in (good, msgspec.structs.replace(good, s=b64(bytes(64))), forged)
    )
    assert honest is not None
    assert unsigned is not None
    assert lied is not None
    run = honest.runs[0]
    bomb = zstandard.ZstdCompressor().compress(bytes(50_000_000))
    attacks = [
        (unsigned.runs, unsigned.data, "log.unsigned"),
        (lied.runs, lied.data, "log.unsigned"),
        ([msgspec.structs.replace(run, count=2)], honest.data, "log.malformed_core"),
        ([run, run], honest.data, "log.malformed_core"),
        (honest.runs, honest.data[:-1], "log.malformed_core"),
        (honest.runs, bomb, "log.malformed_core"),
        (honest.runs, b"", "log.malformed_core"),
        ([msgspec.structs.replace(run, first=2)], honest.data, "partners.gap"),
        ([msgspec.structs.replace(run, count=1001)], honest.data, "partners.malformed"),
        ([msgspec.structs.replace(run, count=0)], honest.data, "partners.malformed"),
        ([msgspec.structs.replace(run, first=0)], honest.data, "partners.malformed"),
        ([msgspec.structs.replace(run, provider=victim.id, first=500)], honest.data, "partners.not_held"),
        ([], honest.data, "partners.malformed"),
    ]
    async with rogue.link(victim, protocol=PACKED) as talk:
        for n, (runs, data, code) in enumerate(attacks, 1):
            assert await talk.refused(Bulk(space, n, runs, data)) == code, n
        assert sublog(rogue.id, 1) not in victim.vector(space)
        await talk.says(Bulk(space, len(attacks) + 1, honest.runs, honest.data))
        while (have := await talk.hears(Have)).n != len(attacks) + 1:
            pass
        assert have.v[sublog(rogue.id, 1)].seq == 1, "what is right is taken all the same"


@pytest.mark.parametrize("raw", [b"\x94", b"\x94\xa1x\x01\x90\xc4\x00", b"\xdd\xff\xff\xff\xff", b"\x81" * 5000, b""])
async def test_packed_frame_that_is_none_ends_the_link(victim: Provider, anna: Person, raw: bytes) -> None:
    rogue = Rogue()
    await admit(victim, anna, rogue)
    async with rogue.link(victim, protocol=PACKED) as talk:
        await talk.socket.send(raw)
        assert (await talk.hears((Bye, No))).code in ("partners.malformed", "partners.not_held")
    await eventually(lambda: victim.partners.links == {})


async def test_partner_of_the_release_before_gets_and_gives_entries_as_ever(victim: Provider, anna: Person) -> None:
    """Protocol 1 knows no packed frames: neither does the link to who speaks only that."""
    older = Rogue()
    await admit(victim, anna, older)
    space = anna.organisation
    async with older.link(victim, protocol=1) as talk:
        await talk.says(Want(space, {}))
        frame = await talk.hears((Entries, Bulk))
        assert isinstance(frame, Entries)
        assert frame.e[0].n == 1
        await talk.says(Have(space, frame.n, {}))
        await talk.says(Entries(space, 1, [older.entry(space, 1)[0]]))
        while (have := await talk.hears(Have)).n != 1:
            pass
        assert have.v[sublog(older.id, 1)].seq == 1
    async with older.link(victim, protocol=PACKED) as talk:
        await talk.says(Want(space, {}))
        packed = await talk.hears((Entries, Bulk))
        assert isinstance(packed, Bulk)
        assert unpack(space, Packed(packed.runs, packed.data))[0].c == frame.e[0].c


async def test_other_spaces_are_neither_given_nor_taken(victim: Provider, anna: Person) -> None:
    rogue = Rogue()
    await admit(victim, anna, rogue)
    clara = Person(victim.address, "Clara Sommer")
    token = await victim.services.log.write(make_setup_link)
    await asyncio.to_thread(clara.found, token, "Bäckerei Sommer", "clara", PASSWORD)
    clara.close()
    before = victim.vector(clara.organisation)
    async with rogue.link(victim) as talk:
        told = await talk.hears(Digest)
        personal = personal_space(anna.account)
        assert set(told.sp) == {anna.organisation, anna.account, personal}, "the firm, and whom it has to verify there"
        for n, space in enumerate((clara.organisation, SpaceId(clara.account)), 1):
            assert await talk.refused(Want(space, {})) == "partners.not_held"
            assert await talk.refused(Entries(space, n, [rogue.entry(space, 1)[0]])) == "partners.not_held"
    assert victim.vector(clara.organisation) == before


@pytest.mark.parametrize("raw", [b"{", b"[" * 100_000, b'{"f":"want","sp":1}', b'{"f":"digest","sp":{"":[]}}', b"\xff"])
async def test_frame_that_is_none_ends_the_link(victim: Provider, anna: Person, raw: bytes) -> None:
    rogue = Rogue()
    await admit(victim, anna, rogue)
    async with rogue.link(victim) as talk:
        await talk.socket.send(raw)
        assert await talk.hears(Bye) == Bye("partners.malformed")
    await eventually(lambda: victim.partners.links == {})


async def test_frame_that_is_too_large_ends_the_link(victim: Provider, anna: Person) -> None:
    rogue = Rogue()
    await admit(victim, anna, rogue)
    async with rogue.link(victim) as talk:
        await talk.socket.send(b"x" * (FRAME_BYTES_MAX + 1))
        with pytest.raises(ConnectionClosed):
            await talk.hears(Bye)
    await eventually(lambda: victim.partners.links == {})


async def test_flood_beyond_the_credits_ends_the_link(victim: Provider, anna: Person) -> None:
    rogue = Rogue()
    await admit(victim, anna, rogue)
    entries = [rogue.entry(anna.organisation, 1)[0]] * 200
    async with rogue.link(victim) as talk:
        for n in range(1, 50 * CREDITS):
            await talk.socket.send(msgspec.json.encode(Entries(anna.organisation, n, entries)))
        assert await talk.hears(Bye) == Bye("partners.too_much")
    await asyncio.to_thread(anna.call, "GET", "/api/me")


async def test_keys_that_others_pass_on_must_prove_themselves(victim: Provider, anna: Person) -> None:
    rogue, honest = Rogue(), Rogue()
    await admit(victim, anna, rogue)
    forged = msgspec.structs.replace(honest.shown, device_key=b64(rogue.device.public.raw))
    async with rogue.link(victim) as talk:
        await talk.says(Known([forged, honest.shown]))
        await eventually(lambda: honest.shown in victim.partners._acquainted.identities)
        assert forged not in victim.partners._acquainted.identities
        await talk.says(Known([honest.shown] * 101))
        assert await talk.hears(Bye) == Bye("partners.malformed")


async def test_places_in_the_sub_log_of_a_third_need_its_signature(victim: Provider, anna: Person) -> None:
    rogue, third = Rogue(), Rogue()
    await admit(victim, anna, rogue)
    await admit(victim, anna, third)
    space, sub = anna.organisation, sublog(third.id, 1)
    invented, _ = third.entry(space, 1)
    now = victim.services.clock.now_ms()
    key = DeviceKey.generate()
    theirs = certify(rogue.root, key.public, now, now + DAY_MS)
    forged = msgspec.structs.replace(theirs, p=third.id)
    ends = [End(space, 1, 1, unb64(invented.h))]
    async with rogue.link(victim) as talk:
        await talk.says(Entries(space, 1, [invented]))
        assert (await talk.hears(Have)).v.get(sub) is None
        for certificate in (forged, theirs):
            heads = [msgspec.structs.replace(one, p=third.id) for one in sign(key, certificate, ends, now)]
            await talk.says(Heads(space, [certificate], heads))
        await talk.says(Heads(space, [theirs], sign(key, theirs, ends, now)))
        await eventually(lambda: victim.partners.here.vouched.seq(space, sublog(rogue.id, 1)) == 1)
        assert victim.partners.here.vouched.seq(space, sub) == 0
        assert sub not in victim.vector(space)
        true = certify(third.root, key.public, now, now + DAY_MS)
        await talk.says(Heads(space, [true], sign(key, true, ends, now)))
        await eventually(lambda: victim.vector(space).get(sub) == 1)
