"""How often somebody may try. Delays, never lock-outs: who waits as told gets through, known browsers do not wait.

Buckets live in memory and are bounded; a restart empties them.
"""

import ipaddress
import math
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager

from verbund.base.clock import Clock
from verbund.base.refusal import Refusal, TooFast

KEYS_MAX = 20_000


class Buckets:
    """Token buckets by key: `burst` tries at once, then one every `every_s` seconds."""

    def __init__(self, clock: Clock, burst: int, every_s: float) -> None:
        self._clock, self._burst, self._every_s = clock, burst, every_s
        self._held: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._held)

    def wait_s(self, key: str, tries: int = 1) -> int:
        """Seconds until so many more tries; 0 when they may be now."""
        return max(0, math.ceil((tries - self._left(key, self._clock.now_ms())) * self._every_s))

    def take(self, key: str, tries: int = 1) -> int:
        """Use so many tries up where they may be now: 0. Otherwise the seconds until they may."""
        now = self._clock.now_ms()
        left = self._left(key, now)
        if left < tries:
            return math.ceil((tries - left) * self._every_s)
        self._hold(key, left - tries, now)
        return 0

    def spend(self, key: str, tries: int = 1) -> None:
        """Use them up."""
        now = self._clock.now_ms()
        self._hold(key, max(0.0, self._left(key, now) - tries), now)

    def refund(self, key: str) -> None:
        """The try was honest: give it back."""
        if key in self._held:
            now = self._clock.now_ms()
            self._held[key] = (min(self._burst, self._left(key, now) + 1), now)

    def _left(self, key: str, now: int) -> float:
        held = self._held.get(key)
        if held is None:
            return float(self._burst)
        left, at = held
        return min(self._burst, left + max(0, now - at) / 1000 / self._every_s)

    def _hold(self, key: str, left: float, now: int) -> None:
        self._held[key] = (left, now)
        self._held.move_to_end(key)
        if len(self._held) > KEYS_MAX:
            self._held.popitem(last=False)


class Limiter:
    """The limits of signing in. A success gives its tries back, so an office behind one address does not wait."""

    def __init__(self, clock: Clock) -> None:
        self.handle = Buckets(clock, 30, 20)
        self.handle_network = Buckets(clock, 8, 15)
        self.network = Buckets(clock, 60, 2)
        self.known = Buckets(clock, 20, 5)
        self.account = Buckets(clock, 8, 15)
        self.opening = Buckets(clock, 20, 10)

    def sign_in(self, handle: str, network: str, known: str | None) -> list[tuple[Buckets, str]]:
        """Spend a try; `known` names a browser that signed in to this account before. Raises TooFast."""
        if known is not None:
            return self._spend((self.known, known))
        return self._spend(
            (self.handle_network, f"{handle}\0{network}"), (self.handle, handle), (self.network, network)
        )

    def second_step(self, account: str) -> list[tuple[Buckets, str]]:
        """A try of a code, or of the old password of somebody who is signed in. Raises TooFast."""
        return self._spend((self.account, account))

    def by_network(self, network: str) -> list[tuple[Buckets, str]]:
        """A try of something that names nobody: a link, an invitation, a device's signature. Raises TooFast."""
        return self._spend((self.opening, network))

    @contextmanager
    def failures(self, network: str) -> Iterator[None]:
        """As `by_network`, where only what is refused counts: when a provider dies, everybody comes at once, perhaps
        out of one office; and nobody guesses the signature of a device. Raises TooFast."""
        wait = self.opening.wait_s(network)
        if wait > 0:
            raise TooFast(retry_after_s=wait)
        try:
            yield
        except Refusal:
            self.opening.spend(network)
            raise

    @staticmethod
    def give_back(spent: list[tuple[Buckets, str]]) -> None:
        for buckets, key in spent:
            buckets.refund(key)

    @staticmethod
    def _spend(*wanted: tuple[Buckets, str]) -> list[tuple[Buckets, str]]:
        wait = max(buckets.wait_s(key) for buckets, key in wanted)
        if wait > 0:
            raise TooFast(retry_after_s=wait)
        for buckets, key in wanted:
            buckets.spend(key)
        return list(wanted)


def network_of(host: str | None) -> str:
    """The network of an address: /24 for IPv4, /64 for IPv6. Kept in memory only."""
    try:
        address = ipaddress.ip_address(host or "")
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    prefix = 24 if address.version == 4 else 64
    return str(ipaddress.ip_network((address, prefix), strict=False))
