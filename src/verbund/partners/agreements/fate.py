"""What two providers share, so that one event could take both. Says `unknown` where it cannot know."""

import socket
import ssl
from ipaddress import IPv4Address, ip_address
from typing import NamedTuple
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.x509.oid import NameOID

from verbund.base.settings import LOCAL_HOSTS

SAME, APART, UNKNOWN = "same", "apart", "unknown"
TIMEOUT_S = 5.0
#: Second-level labels under which names are handed out: example.co.uk belongs to another owner than other.co.uk.
_HANDED_OUT = frozenset({"ac", "co", "com", "gov", "gv", "ne", "net", "or", "org"})
_COUNTRY_CHARS = 2


class Facts(NamedTuple):
    """What can be seen of a provider from here; empty where it cannot."""

    domain: str
    networks: frozenset[str]
    authority: str
    version: str


def observed(address: str, version: str) -> Facts:
    """Looks names up and shakes hands; slow, for a thread of its own."""
    parts = urlsplit(address)
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    authority = _authority(host, port) if parts.scheme == "https" else ""
    return Facts(domain_of(host), _networks(host, port), authority, version)


def compared(own: Facts, other: Facts) -> dict[str, str]:
    """What → same, apart or unknown. Who runs the name servers cannot be seen: only one and the same domain can."""
    return {
        "domain": SAME if own.domain and own.domain == other.domain else UNKNOWN,
        "network": _verdict(bool(own.networks & other.networks), bool(own.networks and other.networks)),
        "authority": _verdict(own.authority == other.authority, bool(own.authority and other.authority)),
        "release": _verdict(own.version == other.version, bool(own.version and other.version)),
    }


def domain_of(host: str) -> str:
    """The name that somebody registered, as far as its form tells; empty for addresses and this machine."""
    labels = host.lower().rstrip(".").split(".")
    if host in LOCAL_HOSTS or len(labels) < 2 or ":" in host or labels[-1].isdigit():
        return ""
    deep = len(labels) > 2 and len(labels[-1]) == _COUNTRY_CHARS and labels[-2] in _HANDED_OUT
    return ".".join(labels[-3:] if deep else labels[-2:])


def network_of(address: str) -> str:
    """The /16 (IPv4) or /32 (IPv6) of an address: roughly whose network it is."""
    one = ip_address(address)
    bits = 16 if isinstance(one, IPv4Address) else 32
    return f"{one.version}:{int(one) >> (one.max_prefixlen - bits)}"


def _verdict(same: bool, known: bool) -> str:
    return UNKNOWN if not known else SAME if same else APART


def _networks(host: str, port: int) -> frozenset[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return frozenset()
    return frozenset(network_of(str(one[4][0]).split("%")[0]) for one in found)


def _authority(host: str, port: int) -> str:
    """Who issued the certificate; looked at only, so it need not be one that we trust."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with (
            socket.create_connection((host, port), TIMEOUT_S) as raw,
            context.wrap_socket(raw, server_hostname=host) as secured,
        ):
            shown = secured.getpeercert(binary_form=True)
        issuer = x509.load_der_x509_certificate(shown or b"").issuer
    except (OSError, ValueError):
        return ""
    names = issuer.get_attributes_for_oid(NameOID.ORGANIZATION_NAME) or issuer.get_attributes_for_oid(
        NameOID.COMMON_NAME
    )
    return str(names[0].value) if names else ""
