"""Bearer tokens: who signed in with the key of a device goes on for a quarter of an hour without a cookie.

They prove themselves, so a flood of them costs nothing; nothing of them is written down, and a restart ends them all.
Invariant: a token counts at the provider that gave it, for its device, until it ends or the device is revoked.
"""

import hmac
import secrets
import threading
from collections import OrderedDict
from collections.abc import Iterable

import msgspec
from sqlalchemy import Connection

from verbund.accounts.queries import is_current
from verbund.accounts.schemas import Caller
from verbund.base.clock import Clock
from verbund.base.ids import AccountId, DeviceId, ProviderId, SpaceId, b64, random_id, unb64

LIFE_MS = 15 * 60_000
TOKEN_CHARS_MAX = 600
ENDED_MAX = 20_000
GOOD_MAX = 20_000
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
        #: Account → devices that were found good since anything was last written in its space.
        self._good: OrderedDict[AccountId, set[DeviceId]] = OrderedDict()
        self.commits = 0
        self._lock = threading.Lock()

    def written(self, spaces: Iterable[SpaceId]) -> None:
        """What is written in the space of an account may revoke a device. In the writer's thread, after each commit and
        before anybody hears of it."""
        with self._lock:
            self.commits += 1
            for space in spaces:
                self._good.pop(AccountId(space), None)

    def remember(self, account: AccountId, dev: DeviceId, commits: int) -> None:
        """The store says that this device is good, and was asked after so many commits.

        Invariant: what is kept was read after the last commit; an older view would stay for ever.
        """
        with self._lock:
            if commits != self.commits:
                return
            self._good.setdefault(account, set()).add(dev)
            self._good.move_to_end(account)
            if len(self._good) > GOOD_MAX:
                self._good.popitem(last=False)

    def known(self, token: str) -> Caller | None:
        """Who shows this token, where that needs no look at the store; None says nothing."""
        shown = self._shown(token)
        if shown is None or shown.dev not in self._good.get(shown.account, ()):
            return None
        return Caller(shown.account, shown.dev, shown.session)

    def give(self, account: AccountId, dev: DeviceId) -> tuple[str, str, int]:
        """(token, session, when it ends in ms)."""
        shown = _Shown(account, dev, random_id(), self._clock.now_ms() + LIFE_MS)
        text = msgspec.json.encode(shown)
        return f"{b64(text)}.{b64(self._mac(text))}", shown.session, shown.ends_at

    def caller(self, connection: Connection, token: str) -> Caller | None:
        """Who shows this token; None for one that is not ours, has ended, or is of a revoked device."""
        shown = self._shown(token)
        if shown is None or not is_current(connection, shown.dev, shown.account):
            return None
        return Caller(shown.account, shown.dev, shown.session)

    def end(self, session: str) -> None:
        """Whoever signs out is out at once."""
        now = self._clock.now_ms()
        while self._ended and (len(self._ended) >= ENDED_MAX or next(iter(self._ended.values())) < now):
            self._ended.popitem(last=False)
        self._ended[session] = now + LIFE_MS

    def _shown(self, token: str) -> _Shown | None:
        """What a token says that is ours and has not ended."""
        shown = self._read(token)
        is_over = shown is None or shown.ends_at <= self._clock.now_ms() or shown.session in self._ended
        return None if is_over else shown

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
