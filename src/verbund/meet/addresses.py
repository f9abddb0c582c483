"""Which address of this machine media arrives at."""

import socket
from ipaddress import AddressValueError, IPv4Address

_ELSEWHERE = ("192.0.2.1", 9)  # TEST-NET-1 (RFC 5737): only the route to it is asked for, nothing is sent


def primary_address() -> str | None:
    """The IPv4 address that this machine would speak to the world with; None when there is only the loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(_ELSEWHERE)
            address = str(probe.getsockname()[0])
        except OSError:
            return None
    return address if usable(address) else None


def usable(address: str) -> bool:
    """Whether the SFU can listen there: a unicast IPv4 address that is not the loopback."""
    try:
        parsed = IPv4Address(address)
    except AddressValueError:
        return False
    return not (parsed.is_loopback or parsed.is_unspecified or parsed.is_multicast)


def is_public(address: str) -> bool:
    """Whether the whole internet may reach this address."""
    try:
        return IPv4Address(address).is_global
    except AddressValueError:
        return False
