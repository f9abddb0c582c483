"""A passkey that is made on this provider's own page, for somebody whose own page is another provider's.

The other page begins it, signed in here by its device's key, and opens this one with a ticket. What the browser makes
here waits for the other page, which writes it into the account's log. In memory, a few minutes, once.
"""

from collections import OrderedDict

import msgspec

from verbund.accounts.schemas import MadePasskey
from verbund.accounts.tokens import hashed, new_token
from verbund.base.clock import Clock
from verbund.base.ids import AccountId
from verbund.base.refusal import Refusal

LIFE_MS = 10 * 60 * 1000
VISITS_MAX = 1000


class VisitOver(Refusal):
    """de: Dieser Link gilt nicht mehr. Beginnen Sie in Ihrem Konto noch einmal.
    en: This link is no longer good. Begin again in your account."""

    code = "accounts.visit_over"
    status = 410


class Visit(msgspec.Struct):
    """One that is under way. `made`: the passkey, once there is one."""

    account: AccountId
    ends_at: int
    made: MadePasskey | None = None


class Visits:
    """By the hash of their ticket. An account has one at a time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._held: OrderedDict[str, Visit] = OrderedDict()

    def begin(self, account: AccountId) -> tuple[str, int]:
        """(ticket, when it ends in ms). An earlier one of the account ends."""
        now, ticket = self._clock.now_ms(), new_token()
        for one in [key for key, held in self._held.items() if held.account == account or held.ends_at <= now]:
            del self._held[one]
        if len(self._held) >= VISITS_MAX:
            self._held.popitem(last=False)
        self._held[hashed(ticket)] = Visit(account, now + LIFE_MS)
        return ticket, now + LIFE_MS

    def find(self, ticket: str) -> Visit:
        """Raises VisitOver for what has ended, or never was."""
        held = self._held.get(hashed(ticket))
        if held is None or held.ends_at <= self._clock.now_ms():
            raise VisitOver()
        return held
