"""A provider that signs two histories of one sub-log: proven, kept, shown; who signs one is not accused."""

import asyncio
import subprocess
import sys
from pathlib import Path

import msgspec

from tests.partners.providers import Provider, eventually, running
from verbund.base.ids import SpaceId, b64
from verbund.base.keys import DeviceKey
from verbund.ops.client import Person
from verbund.partners.heads import DAY_MS, KEY_DAYS, End, certify, check_head, sign
from verbund.partners.schemas import Certificate, Head, Heads
from verbund.partners.signing import Signing

ROOT, KEY = DeviceKey.generate(), DeviceKey.generate()


async def rogue_in(home: Provider, anna: Person) -> SpaceId:
    """A provider that Anna's firm names, and that is nowhere to be seen."""
    firm, shown = SpaceId(anna.organisation), ROOT.public
    body = {
        "provider": shown.provider,
        "alg": shown.alg,
        "key": b64(shown.raw),
        "name": "Nordhof",
        "url": "http://[::1]:9",
    }
    await asyncio.to_thread(anna.post, firm, "authority.provider_added.1", body)  # type: ignore[arg-type]
    await eventually(lambda: shown.provider in home.partners.here.holders.get(firm, ()))
    return firm


def said(space: SpaceId, seq: int, chain: bytes, now_ms: int) -> tuple[Certificate, Head]:
    shown = certify(ROOT, KEY.public, now_ms - DAY_MS, now_ms - DAY_MS + KEY_DAYS * DAY_MS)
    (head,) = sign(KEY, shown, [End(space, 1, seq, chain * 32)], now_ms - 1_000)
    return shown, head


def signing_of(provider: Provider) -> Signing:
    return provider.partners.signing


async def owners_and_operator_see_it(werkhof: Provider, anna: Person, firm: SpaceId) -> None:
    """Also of a provider that nobody here has ever spoken with."""
    shown = await asyncio.to_thread(anna.call, "GET", "/api/partners", params={"space": firm})
    assert {one["name"]: one["proofs"] for one in shown["places"]} == {"werkhof": 0, "Nordhof": 1}
    command = [sys.executable, "-m", "verbund.web.main", "partner", "list", "--data", str(werkhof.settings.folder)]
    said = (await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=True)).stdout
    assert ROOT.public.provider[:8] in said
    assert "1 bewiesen" in said
    assert "Noch kein Partner" not in said


async def test_two_signed_histories_are_a_proof_that_stays(tmp_path: Path) -> None:
    werkhof = Provider(tmp_path, "werkhof")
    async with running(werkhof):
        anna = await werkhof.firm()
        firm = await rogue_in(werkhof, anna)
        now, rogue = werkhof.services.clock.now_ms(), ROOT.public.provider
        certificate, first = said(firm, 1, b"a", now)
        _, second = said(firm, 1, b"b", now)
        assert await signing_of(werkhof).keep(Heads(firm, [certificate], [first])) == []
        assert await signing_of(werkhof).keep(Heads(firm, [certificate], [first])) == [], "said twice is said once"
        assert signing_of(werkhof).proofs[rogue] == 0
        for _ in range(2):
            (found,) = await signing_of(werkhof).keep(Heads(firm, [certificate], [second]))
        assert signing_of(werkhof).proofs[rogue] == 1
        await owners_and_operator_see_it(werkhof, anna, firm)
        for one in (found.head, msgspec.json.decode(found.first, type=Head)):
            check_head(firm, one, certificate)  # whoever has both needs nobody's word
        await werkhof.stop()
        await werkhof.start()
        assert signing_of(werkhof).proofs[rogue] == 1
        anna.close()


async def test_proof_is_passed_on_to_who_shares_the_space(tmp_path: Path) -> None:
    """At once to who is linked, later to who was away; each verifies it for itself and keeps it once."""
    werkhof = Provider(tmp_path, "werkhof")
    suednetz, mitte = (Provider(tmp_path, name, werkhof.address) for name in ("suednetz", "mitte"))
    async with running(werkhof, suednetz, mitte):
        anna = await werkhof.firm()
        for one in (suednetz, mitte):
            await one.named_by(anna, SpaceId(anna.organisation))
        firm, rogue = await rogue_in(werkhof, anna), ROOT.public.provider
        for one in (suednetz, mitte):
            await eventually(lambda one=one: rogue in one.partners.here.holders.get(firm, ()))  # type: ignore[misc]
        await mitte.stop()
        now = werkhof.services.clock.now_ms()
        certificate, first = said(firm, 1, b"a", now)
        _, second = said(firm, 1, b"b", now)
        for one in (first, second, first, second):
            await signing_of(werkhof).keep(Heads(firm, [certificate], [one]))
        await eventually(lambda: signing_of(suednetz).proofs[rogue] == 1)
        await mitte.start()
        await eventually(lambda: signing_of(mitte).proofs[rogue] == 1)
        (forged,) = sign(DeviceKey.generate(), certificate, [End(firm, 2, 1, b"b" * 32)], now - 1_000)
        (true,) = sign(KEY, certificate, [End(firm, 2, 1, b"a" * 32)], now - 1_000)
        assert await signing_of(mitte).keep(Heads(firm, [certificate], [true, forged])) == []
        assert [signing_of(one).proofs[rogue] for one in (werkhof, suednetz, mitte)] == [1, 1, 1]
        anna.close()


async def test_head_by_another_key_accuses_nobody(tmp_path: Path) -> None:
    werkhof = Provider(tmp_path, "werkhof")
    async with running(werkhof):
        anna = await werkhof.firm()
        firm = await rogue_in(werkhof, anna)
        now, rogue = werkhof.services.clock.now_ms(), ROOT.public.provider
        certificate, first = said(firm, 1, b"a", now)
        await signing_of(werkhof).keep(Heads(firm, [certificate], [first]))
        (forged,) = sign(DeviceKey.generate(), certificate, [End(firm, 1, 1, b"b" * 32)], now - 1_000)
        assert await signing_of(werkhof).keep(Heads(firm, [certificate], [forged])) == []
        assert signing_of(werkhof).proofs[rogue] == 0
        anna.close()
