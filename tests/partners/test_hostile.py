"""Partners that lie, over real sockets: each attack is refused with a code, and the provider goes on."""

import asyncio
from contextlib import AsyncExitStack

import msgspec
import pytest
import zstandard
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.flows.server import PASSWORD
from tests.partners.providers import Provider, eventually
from tests.partners.rogue import Rogue, Talk, admit
from tests.partners.sides import named
from verbund.accounts.commands import make_setup_link
from verbund.base.clock import FUTURE_MAX_MS, MS_MAX, ms_of, stamp_of
from verbund.base.ids import SpaceId, b64, personal_space, unb64
from verbund.base.keys import DeviceKey
from verbund.log.bulk import Packed, pack, unpack
from verbund.log.entry import CHAIN_START, sublog
from verbund.ops.client import Person
from verbund.partners.effects import OPENINGS_MAX
from verbund.partners.heads import DAY_MS, End, certify, sign
from verbund.partners.identity import prove
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
    Proof,
    Want,
)


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


async def test_silent_callers_do_not_keep_honest_ones_out(
    victim: Provider, anna: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("verbund.partners.link.OPENING_S_MAX", 1.0)
    honest = Rogue()
    await admit(victim, anna, honest)
    async with AsyncExitStack() as stack:
        for _ in range(OPENINGS_MAX):
            silent = Talk(await stack.enter_async_context(Rogue().socket(victim)))
            await silent.opening()
        async with honest.socket(victim) as one_more:
            assert await Talk(one_more).opening() == Bye("partners.too_much")
        await eventually(lambda: victim.partners._openings == 0)
        async with honest.link(victim) as talk:
            assert isinstance(talk.ended, Proof)


async def test_clock_of_a_partner_moves_no_clock_here(victim: Provider, anna: Person) -> None:
    rogue = Rogue()
    await admit(victim, anna, rogue)
    space, late = anna.organisation, stamp_of(MS_MAX)
    entry, _ = rogue.entry(space, 1, t=late)
    async with rogue.link(victim) as talk:
        await talk.says(Entries(space, 1, [entry]))
        while (await talk.hears(Have)).n != 1:
            pass
    assert victim.vector(space)[sublog(rogue.id, 1)] == 1
    assert ms_of(victim.services.log.core.hlc.tick()) < victim.services.clock.now_ms() + FUTURE_MAX_MS
    await asyncio.to_thread(anna.call, "GET", "/api/me")


async def test_partner_can_act_for_no_person(victim: Provider, anna: Person) -> None:
    """Its own device signs well, but that device is nobody: a member, a role, a removal or a message it cannot make."""
    rogue = Rogue()
    await admit(victim, anna, rogue)
    space, seq, after = anna.organisation, 0, CHAIN_START
    deeds: list[tuple[str, dict[str, object]]] = [
        ("authority.member_added.1", {"account": rogue.id, "role": "owner"}),
        ("authority.role_changed.1", {"account": anna.account, "role": "guest"}),
        ("authority.member_removed.1", {"account": anna.account, "cuts": {}}),
        ("spaces.space_described.1", {"title": "Übernommen", "description": "", "address_form": "du"}),
    ]
    before = await asyncio.to_thread(anna.call, "GET", f"/api/spaces/{space}")
    last: str | None = None
    async with rogue.link(victim) as talk:
        for seq, (kind, data) in enumerate(deeds, 1):
            entry, after = rogue.entry(space, seq, after, data=data, k=kind, ds=seq, dp=last, ah=[space])
            last = entry.id
            await talk.says(Entries(space, seq, [entry]))
            while (answer := await talk.hears((Have, No))).n < seq:
                pass
            assert isinstance(answer, Have), "kept, and counts nowhere"
    assert await asyncio.to_thread(anna.call, "GET", f"/api/spaces/{space}") == before
