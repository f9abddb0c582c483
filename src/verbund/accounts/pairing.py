"""A new device by a code that an old one shows: who asks to be added, until the old one has said yes.

The code stays with the two browsers; known here is a hash of it. The fact that adds the device is the old one's.
Kept in memory and bounded: a restart ends what is under way, and one begins again.
"""

from collections import OrderedDict

import msgspec

from verbund.accounts.schemas import NewDevice, Token
from verbund.base.clock import Clock
from verbund.base.ids import AccountId
from verbund.base.refusal import Refusal

LIFE_MS = 10 * 60_000
PAIRINGS_MAX = 5_000


class PairingOver(Refusal):
    """de: Dieser Code gilt nicht mehr. Lassen Sie sich auf dem anderen Gerät einen neuen zeigen.
    en: This code is no longer good. Have the other device show a new one."""

    code = "accounts.pairing_over"
    status = 410


class PairingTaken(Refusal):
    """de: Mit diesem Code hat sich schon ein anderes Gerät gemeldet. Lassen Sie sich einen neuen zeigen.
    en: Another device has used this code already. Have a new one shown."""

    code = "accounts.pairing_taken"
    status = 409


class Claim(msgspec.Struct, forbid_unknown_fields=True):
    """The device that asks, with a hash over code and key that only who has the code can make."""

    device: NewDevice
    proof: Token


class Pairing(msgspec.Struct):
    """One that is under way. `claim`: who asked; `no`: the old device said no."""

    account: AccountId
    ends_at: int
    claim: Claim | None = None
    no: bool = False


class Pairings:
    """By the hash of their code. An account has one at a time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._held: OrderedDict[str, Pairing] = OrderedDict()

    def begin(self, account: AccountId, name: str) -> Pairing:
        """Raises PairingTaken for a name that is in use."""
        now = self._clock.now_ms()
        for one in [key for key, held in self._held.items() if held.account == account or held.ends_at <= now]:
            del self._held[one]
        if name in self._held:
            raise PairingTaken()
        if len(self._held) >= PAIRINGS_MAX:
            self._held.popitem(last=False)
        self._held[name] = Pairing(account, now + LIFE_MS)
        return self._held[name]

    def find(self, name: str) -> Pairing:
        """Raises PairingOver for what has ended, or never was."""
        held = self._held.get(name)
        if held is None or held.ends_at <= self._clock.now_ms():
            raise PairingOver()
        return held

    def claim(self, name: str, claim: Claim) -> None:
        """The first device that asks is the one; the same may ask again. Raises PairingOver, PairingTaken."""
        held = self.find(name)
        if held.claim is not None and held.claim != claim:
            raise PairingTaken()
        held.claim = claim

    def refuse(self, account: AccountId, name: str) -> None:
        """The old device said no. Raises PairingOver."""
        held = self.find(name)
        if held.account != account:
            raise PairingOver()
        held.no = True
