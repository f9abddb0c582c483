"""The whole town: houses that agreed as the handbook says, and a firm that lives at all of them."""

import base64
import hashlib
import itertools
import ssl
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bench.town import ground
from bench.town.house import House
from bench.town.names import Names
from tests.flows.pair import Pair
from tests.flows.server import Firm
from tests.flows.test_partners import at_partner, eventually, name_partner
from verbund.base.settings import Settings
from verbund.web.certificate import own_certificate

FIRST_WORDS = "vor dem Ausfall"


class Town(NamedTuple):
    """Houses in the order in which the firm chose them: the first is its home."""

    houses: tuple[House, ...]
    names: Names
    firm: Firm

    @property
    def home(self) -> House:
        return self.houses[0]

    @property
    def others(self) -> tuple[House, ...]:
        return self.houses[1:]

    @property
    def pair(self) -> Pair:
        """The first two, for what needs no third."""
        return Pair(self.houses[0], self.houses[1], self.firm)

    def equal(self) -> bool:
        """Whether all hold the same of the firm's workshop."""
        return equal(self.houses, self.firm.workshop)

    def flags(self) -> tuple[str, ...]:
        """What Chromium needs to know here: the houses' authorities, and nobody else's certificates."""
        return (f"--ignore-certificate-errors-spki-list={','.join(map(spki, self.houses))}",)


@contextmanager
def town(folder: Path, houses: int = 2, *, firm: bool = True, **settings: str) -> Iterator[Town]:
    """Stands until the end of the block; call `ground.enter` before."""
    names = Names(ground.PEOPLE)
    names.start()
    built = tuple(House(folder, number, **settings) for number in range(houses))
    names.known |= {one.plot.domain: IPv4Address(one.ip) for one in built}
    people: Firm | None = None
    try:
        trust_each_other(built)
        at_once(agree, *zip(*itertools.combinations(built, 2), strict=True))
        people = found(built) if firm else None
        yield Town(built, names, people)  # type: ignore[arg-type]
    finally:
        if people is not None:
            people.close()
        for one in built:
            one.stop()
            one.no_disk()
        names.stop()


def trust_each_other(houses: tuple[House, ...]) -> None:
    """Each operator gives the others the certificate of the own authority (handbook/operating/partners.md)."""
    for one in houses:
        own_certificate(Settings(data=str(one.data), url=one.address, tls_certificate="self"))
    for one in houses:
        others = [str(other.authority) for other in houses if other is not one]
        one.settings["partner_authorities"] = " ".join(others)
        one.secure = trusting(houses)
    at_once(House.start, houses)


def at_once(what: Callable[..., object], *given: Iterable[Any]) -> None:
    """For all of them at the same time, as several operators would. Raises what the first of them raised."""
    with ThreadPoolExecutor() as pool:
        list(pool.map(what, *given))


def agree(one: House, other: House) -> None:
    """Two operators agree, as the handbook says."""
    code = one.command("partner", "invite").splitlines()[0]
    other.command("partner", "join", code)
    other.command("partner", "agree", one.plot.shown, "--by", other.plot.operator, "--yes")
    one.command("partner", "agree", other.plot.shown, "--by", one.plot.operator, "--yes")


def found(houses: tuple[House, ...]) -> Firm:
    """A firm at the first house, which chose all the others; everything has arrived there."""
    home, *others = houses
    firm = Firm(home)
    for other in others:
        name_partner(firm.anna, firm.anna.organisation, other, other.plot.shown)
    firm.anna.refresh()
    firm.anna.say(firm.workshop, FIRST_WORDS)
    eventually(lambda: equal(houses, firm.workshop))
    return firm


def equal(houses: tuple[House, ...], space: str) -> bool:
    """Whether all hold the same of a space, and anything at all."""
    first = at_partner(houses[0], space)
    return first != {} and all(at_partner(one, space) == first for one in houses[1:])


def trusting(houses: tuple[House, ...]) -> ssl.SSLContext:
    context = ssl.create_default_context()
    for one in houses:
        context.load_verify_locations(cadata=one.authority.read_text("ascii"))
    return context


def spki(house: House) -> str:
    """The hash of its authority's key, as Chromium wants it."""
    key = x509.load_pem_x509_certificate(house.authority.read_bytes()).public_key()
    raw = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(raw).digest()).decode()
