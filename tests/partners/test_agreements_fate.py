"""What two providers share: the same, different, and honestly unknown."""

import socket
from collections.abc import Iterator
from pathlib import Path
from ssl import PROTOCOL_TLS_SERVER, SSLContext
from threading import Thread

import pytest

from verbund.base.settings import BadSetting, Settings, check
from verbund.partners.agreements.fate import APART, SAME, UNKNOWN, Facts, compared, domain_of, network_of, observed
from verbund.web.certificate import own_certificate

NOTHING = Facts("", frozenset(), "", "")


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("verbund.werkhof.example", "werkhof.example"),
        ("werkhof.example", "werkhof.example"),
        ("VERBUND.Werkhof.Example.", "werkhof.example"),
        ("verbund.werkhof.co.at", "werkhof.co.at"),
        ("localhost", ""),
        ("192.0.2.7", ""),
        ("2001:db8::7", ""),
        ("", ""),
    ],
)
def test_domain_is_what_somebody_registered(host: str, domain: str) -> None:
    assert domain_of(host) == domain


def test_networks_are_told_apart_roughly() -> None:
    assert network_of("192.0.2.7") == network_of("192.0.99.1") != network_of("192.1.2.7")
    assert network_of("2001:db8:1::7") == network_of("2001:db8:2::1") != network_of("2001:db9::1")


def test_what_cannot_be_seen_is_unknown() -> None:
    known = Facts("werkhof.example", frozenset({"4:1"}), "Aussteller", "0.1.0")
    assert set(compared(NOTHING, NOTHING).values()) == {UNKNOWN}
    assert set(compared(known, NOTHING).values()) == {UNKNOWN}
    assert set(compared(known, known).values()) == {SAME}
    other = Facts("suednetz.example", frozenset({"4:2"}), "Anderer", "0.2.0")
    assert compared(known, other) == {"domain": UNKNOWN, "network": APART, "authority": APART, "release": APART}


def shake_hands(server: socket.socket) -> None:
    server.accept()[0].close()


@pytest.fixture
def secured(tmp_path: Path) -> Iterator[int]:
    """A port where somebody shows a certificate of its own authority."""
    certificate, key = own_certificate(Settings(data=str(tmp_path), tls_certificate="self"))
    context = SSLContext(PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with socket.create_server(("127.0.0.1", 0)) as plain, context.wrap_socket(plain, server_side=True) as server:
        Thread(target=shake_hands, args=(server,), daemon=True).start()
        yield int(server.getsockname()[1])


def test_certificate_says_who_issued_it(secured: int) -> None:
    facts = observed(f"https://127.0.0.1:{secured}", "0.1.0")
    assert facts.authority
    assert facts.networks == frozenset({network_of("127.0.0.1")})


def test_names_that_lead_nowhere_are_unknown() -> None:
    facts = observed("https://gibt-es-nicht.invalid", "0.1.0")
    assert (facts.networks, facts.authority) == (frozenset(), "")


@pytest.mark.parametrize(("name", "text"), [("place", "P" * 81), ("contact", "C" * 201), ("place", "Kassel\x1b[2J")])
def test_what_partners_are_shown_is_one_short_line(name: str, text: str) -> None:
    with pytest.raises(BadSetting):
        check(Settings(**{name: text}))
    assert check(Settings(**{name: "Kassel 🏔️"}))
