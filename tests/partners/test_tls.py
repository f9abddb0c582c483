"""A partner with an authority of its own: linked to and asked for files by whoever trusts it, by nobody else."""

import asyncio
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509 import verification

from tests.partners.providers import Provider, eventually, running
from tests.partners.test_links import equal
from verbund.base.ids import BlobHash, SpaceId
from verbund.base.settings import BadSetting, Settings
from verbund.blobs.holdings import held
from verbund.partners.tls import trusting
from verbund.web.certificate import own_certificate


def with_own_authority(folder: Path) -> tuple[Provider, str]:
    """(a provider whose certificate comes from an authority of its own, the file of that authority)."""
    authority = str(folder / "werkhof" / "tls" / "authority.pem")
    own_certificate(Settings(data=str(folder / "werkhof"), tls_certificate="self"))
    return Provider(folder, "werkhof", tls_certificate="self", partner_authorities=(authority,)), authority


def holds(provider: Provider, space: SpaceId, blob: str) -> bool:
    with provider.services.store.read() as connection:
        return held(connection, space, BlobHash(blob)) is not None


async def test_a_trusted_partner_gives_entries_and_files(tmp_path: Path) -> None:
    werkhof, authority = with_own_authority(tmp_path)
    suednetz = Provider(tmp_path, "suednetz", werkhof.address, partner_authorities=(authority,))
    async with running(werkhof, suednetz):
        anna = await werkhof.firm()
        await suednetz.named_by(anna, anna.organisation)
        team = await asyncio.to_thread(anna.create, "Werkstatt")
        await asyncio.to_thread(anna.refresh)
        await eventually(lambda: equal(werkhof, suednetz, team))
        plan = await asyncio.to_thread(anna.upload, team, b"der Plan" * 1000, "plan.bin")
        await asyncio.to_thread(anna.say, team, "der Plan", files=[plan], blobs=[plan["hash"]])
        await eventually(lambda: holds(suednetz, team, plan["hash"]))
        anna.close()


def test_of_several_authorities_the_right_one_is_found(tmp_path: Path) -> None:
    made = []
    for host in ("werkhof.test", "suednetz.test"):
        settings = Settings(data=str(tmp_path / host), url=f"https://{host}", tls_certificate="self")
        own_certificate(settings)
        made.append(settings.folder / "tls")
    files = [folder / "authority.pem" for folder in made]
    for folder, host in zip(made, ("werkhof.test", "suednetz.test"), strict=True):
        [leaf, _] = x509.load_pem_x509_certificates((folder / f"{host}.pem").read_bytes())
        store = verification.Store([x509.load_pem_x509_certificate(file.read_bytes()) for file in files])
        named = verification.PolicyBuilder().store(store).build_server_verifier(x509.DNSName(host))
        assert named.verify(leaf, [])
    subjects = {x509.load_pem_x509_certificate(file.read_bytes()).subject for file in files}
    assert len(subjects) == len(files)


async def test_a_stranger_is_not_linked_to(tmp_path: Path) -> None:
    werkhof, _ = with_own_authority(tmp_path)
    suednetz = Provider(tmp_path, "suednetz", werkhof.address)
    async with running(werkhof, suednetz):
        met, why = await suednetz.partners._dialling._once(werkhof.address)
        assert not met
        assert "CERTIFICATE_VERIFY_FAILED" in why
        assert suednetz.partners.links == {}


def test_a_file_that_is_no_certificate_is_refused(tmp_path: Path) -> None:
    for content in (None, b"kein Zertifikat", b"\xff\xfe"):
        file = tmp_path / "falsch.pem"
        if content is not None:
            file.write_bytes(content)
        with pytest.raises(BadSetting):
            trusting(Settings(partner_authorities=(str(file),)))
