"""The check-up finds what is wrong, says what to do in both languages, and its exit code can be relied on."""

import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.contract.source import ROOT
from tests.ports import free_port
from verbund.base.settings import Settings
from verbund.log.store import Store
from verbund.ops import place, programs
from verbund.ops.doctor import examine, report
from verbund.ops.finding import State, entries, found

HOST = "verbund.lindner.example"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=str(tmp_path / "data"), port=free_port())


def certificate(
    folder: Path, host: str = HOST, days: int = 90, key: ec.EllipticCurvePrivateKey | None = None
) -> Settings:
    """Settings with a fresh certificate; `key`: sign it for another key than the one that is written."""
    own = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)]), datetime.now(UTC)
    leaf = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key((key or own).public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=100))
        .not_valid_after(now + timedelta(days=days, hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(own, hashes.SHA256())
    )
    (folder / "leaf.pem").write_bytes(leaf.public_bytes(Encoding.PEM))
    (folder / "leaf.key").write_bytes(own.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    chain, secret = str(folder / "leaf.pem"), str(folder / "leaf.key")
    return Settings(data=str(folder / "data"), url=f"https://{HOST}", tls_certificate=chain, tls_key=secret)


def test_every_sentence_is_there_in_both_languages_and_used() -> None:
    source = "".join(path.read_text("utf-8") for path in (ROOT / "src" / "verbund" / "ops").rglob("*.py"))
    for check, whats in entries().items():
        for what, entry in whats.items():
            assert set(entry) == {"state", "de", "en"}, f"{check}.{what}"
            assert entry["state"].upper() in State.__members__
            assert f'"{check}.{what}"' in source or f'f"{check}.' in source or f'"{what}"' in source, f"{check}.{what}"


def test_this_machine_passes(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    findings = list(examine(settings))
    assert {finding.code.split(".")[0] for finding in findings} >= {
        "python",
        "sqlite",
        "ffmpeg",
        "folder",
        "disk",
        "port",
    }
    codes = [finding.code for finding in findings]
    assert report(settings) == int(any(finding.state is State.FAULT for finding in findings))
    printed = capsys.readouterr().out
    assert len(printed.splitlines()) == len(codes) + 1


def test_a_check_that_breaks_is_a_finding(settings: Settings) -> None:
    def check_moon(_settings: Settings) -> object:
        raise OSError("too far")

    (finding,) = examine(settings, (check_moon,))  # type: ignore[arg-type]  # never returns
    assert (finding.code, finding.sentence("en")) == ("check.failed", "moon could not be checked: too far.")


def test_without_programs_everything_else_works(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    checks = (programs.check_ffmpeg, programs.check_janus, programs.check_coturn, programs.check_sandbox)
    findings = list(examine(settings, checks))
    assert [one.code for one in findings] == ["ffmpeg.missing", "janus.missing", "coturn.missing", "sandbox.missing"]
    assert {one.state for one in findings} == {State.HINT}
    assert all("apt install" in one.sentence("de") for one in findings)


def test_what_is_switched_off_is_not_missed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    settings = Settings(meet="off", turn="off")
    assert programs.check_janus(settings).code == "janus.off"
    assert programs.check_coturn(settings).code == "coturn.off"


def test_keys_that_others_can_read_are_a_fault(settings: Settings) -> None:
    settings.folder.mkdir(mode=0o700)
    assert place.check_folder(settings).code == "folder.good"
    secret = settings.folder / "provider.json"
    secret.touch(mode=0o644)
    secret.chmod(0o644)
    assert place.check_folder(settings) == found("folder.open", path=secret, place=settings.folder)
    secret.chmod(0o600)
    settings.folder.chmod(0o755)
    assert place.check_folder(settings).code == "folder.open"


def test_a_port_that_somebody_has(settings: Settings) -> None:
    assert place.check_port(settings).code == "port.free"
    with socket.create_server(("127.0.0.1", settings.port)):
        assert place.check_port(settings).code == "port.answers"


def test_an_address_that_is_not_ours(tmp_path: Path) -> None:
    assert place.check_port(Settings(host="192.0.2.1", port=free_port())).code == "port.refused"


def test_few_ports_for_calls() -> None:
    assert place.check_media_ports(Settings()).code == "media_ports.good"
    assert place.check_media_ports(Settings(media_port_first=42000, media_port_last=42010)).code == "media_ports.few"


def test_a_database(settings: Settings) -> None:
    assert place.check_database(settings).code == "database.new"
    settings.folder.mkdir()
    store = Store(settings.database_url)
    store.create_all()
    store.close()
    assert place.check_database(settings).code == "database.good"
    (settings.folder / "verbund.db").write_bytes(b"not a database at all" * 1000)
    assert place.check_database(settings).code == "database.silent"


@pytest.mark.parametrize(
    ("host", "days", "code"),
    [
        (HOST, 90, "certificate.good"),
        ("*.lindner.example", 90, "certificate.good"),
        (HOST, 5, "certificate.soon"),
        (HOST, -3, "certificate.expired"),
        ("other.example", 90, "certificate.foreign"),
    ],
)
def test_certificates(tmp_path: Path, host: str, days: int, code: str) -> None:
    assert place.check_certificate(certificate(tmp_path, host, days)).code == code


def test_certificate_and_key_must_fit(tmp_path: Path) -> None:
    settings = certificate(tmp_path, key=ec.generate_private_key(ec.SECP256R1()))
    assert place.check_certificate(settings).code == "certificate.torn"
    Path(settings.tls_key).write_text("nothing", "utf-8")
    assert place.check_certificate(settings).code == "certificate.unreadable"
