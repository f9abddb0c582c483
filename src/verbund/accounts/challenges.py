"""Challenges: what a key signs to show that it is here now. They prove themselves, so a flood of them costs nothing."""

import hmac
import secrets
from collections import OrderedDict

from verbund.base import canonical
from verbund.base.clock import Clock
from verbund.base.ids import b64, unb64
from verbund.base.refusal import Overloaded, Refusal

LIFE_MS = 60_000
CEREMONY_MS = 300_000
REDEEMED_MAX = 100_000
LOGIN_DOMAIN = b"verbund/login/1\0"
_RANDOM_BYTES, _TIME_BYTES, _MAC_BYTES = 16, 8, 16


class StaleChallenge(Refusal):
    """de: Das hat zu lange gedauert. Bitte versuchen Sie es noch einmal.
    en: That took too long. Please try again."""

    code = "accounts.stale_challenge"
    status = 401


class Challenges:
    """Makes challenges for a purpose and takes each in once."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._redeemed: OrderedDict[str, int] = OrderedDict()

    def issue(self, purpose: str, life_ms: int = LIFE_MS) -> tuple[str, int]:
        """(challenge, when it ends in ms)."""
        ends_at = self._clock.now_ms() + life_ms
        begin = secrets.token_bytes(_RANDOM_BYTES) + ends_at.to_bytes(_TIME_BYTES, "big")
        return b64(begin + self._mac(purpose, begin)), ends_at

    def redeem(self, purpose: str, challenge: str) -> bytes:
        """The challenge's bytes. Raises StaleChallenge for what is too old, used, or not ours."""
        try:
            raw = unb64(challenge)
        except ValueError as error:
            raise StaleChallenge() from error
        begin, mac = raw[:-_MAC_BYTES], raw[-_MAC_BYTES:]
        now = self._clock.now_ms()
        if len(begin) != _RANDOM_BYTES + _TIME_BYTES or not hmac.compare_digest(mac, self._mac(purpose, begin)):
            raise StaleChallenge()
        ends_at = int.from_bytes(begin[_RANDOM_BYTES:], "big")
        while self._redeemed and next(iter(self._redeemed.values())) + CEREMONY_MS < now:
            self._redeemed.popitem(last=False)
        if ends_at <= now or challenge in self._redeemed:
            raise StaleChallenge()
        if len(self._redeemed) >= REDEEMED_MAX:
            raise Overloaded()
        self._redeemed[challenge] = ends_at
        return raw

    def _mac(self, purpose: str, begin: bytes) -> bytes:
        return hmac.digest(self._key, purpose.encode() + b"\0" + begin, "sha256")[:_MAC_BYTES]


def login_message(nonce: str, audience: str, dev: str) -> bytes:
    """What a device signs to sign in: only at this provider, only now."""
    return LOGIN_DOMAIN + canonical.encode({"aud": audience, "dev": dev, "nonce": nonce})
