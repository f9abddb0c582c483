"""Bearer tokens: who signed in with the key of a device goes on for a quarter of an hour without a cookie.

They prove themselves, so a flood of them costs nothing; nothing of them is written down, and a restart ends them all.
Invariant: a token counts at the provider that gave it, for its device, until it ends or the device is revoked.
"""

import hmac
import secrets
from collections import OrderedDict

import msgspec
from sqlalchemy import Connection

from verbund.accounts.queries import is_current
from verbund.accounts.schemas import Caller
from verbund.base.clock import Clock
from verbund.base.ids import AccountId, DeviceId, ProviderId, b64, random_id, unb64

LIFE_MS = 15 * 60_000
TOKEN_CHARS_MAX = 600
ENDED_MAX = 20_000
DOMAIN = b"verbund/bearer/1\0"


class _Shown(msgspec.Struct, array_like=True):
    account: AccountId
    dev: DeviceId
    session: str
    ends_at: int


_decoder = msgspec.json.Decoder(_Shown)


class Bearers:
    """Gives tokens and reads them."""

    def __init__(self, clock: Clock, provider: ProviderId) -> None:
        self._clock, self._domain = clock, DOMAIN + provider.encode() + b"\0"
        self._key = secrets.token_bytes(32)
        #: session → when its token ends; those who signed out before.
        self._ended: OrderedDict[str, int] = OrderedDict()

    def give(self, account: AccountId, dev: DeviceId) -> tuple[str, str, int]:
        """(token, session, when it ends in ms)."""
        shown = _Shown(account, dev, random_id(), self._clock.now_ms() + LIFE_MS)
        text = msgspec.json.encode(shown)
        return f"{b64(text)}.{b64(self._mac(text))}", shown.session, shown.ends_at

    def caller(self, connection: Connection, token: str) -> Caller | None:
        """Who shows this token; None for one that is not ours, has ended, or is of a revoked device."""
        shown = self._read(token)
        if shown is None or shown.ends_at <= self._clock.now_ms() or shown.session in self._ended:
            return None
        if not is_current(connection, shown.dev, shown.account):
            return None
        return Caller(shown.account, shown.dev, shown.session)

    def end(self, session: str) -> None:
        """Whoever signs out is out at once."""
        now = self._clock.now_ms()
        while self._ended and (len(self._ended) >= ENDED_MAX or next(iter(self._ended.values())) < now):
            self._ended.popitem(last=False)
        self._ended[session] = now + LIFE_MS

    def _read(self, token: str) -> _Shown | None:
        text, point, mac = token.partition(".")
        if not point or len(token) > TOKEN_CHARS_MAX:
            return None
        try:
            raw = unb64(text)
            if not hmac.compare_digest(unb64(mac), self._mac(raw)):
                return None
            return _decoder.decode(raw)
        except (ValueError, msgspec.MsgspecError):
            return None

    def _mac(self, text: bytes) -> bytes:
        return hmac.digest(self._key, self._domain + text, "sha256")
