"""What can be done with a partner's entries before it is their turn to be written: form, hashes, signatures.

None of it depends on what is on disk, so it runs beside the writer. A signature is only ever noted as right: what is
wrong, or by a device whose key is not here yet, the writer finds out for itself.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NamedTuple

from verbund.base.ids import DeviceId
from verbund.base.keys import ED25519, PublicKey
from verbund.log.checking import Checking
from verbund.log.core import Parsed, WrongSignature, note_proven, parse, prove, signed
from verbund.log.entry import Entry

KEYS_MAX = 10_000
KeysOf = Callable[[Sequence[DeviceId]], dict[DeviceId, PublicKey]]


class Examined(NamedTuple):
    """An entry with the parts of its parcel; None: they are still to be looked at."""

    entry: Entry
    parsed: Parsed | None


class Ahead:
    """Remembers keys of devices: a device is called after its key, so there is only ever one. For any thread."""

    def __init__(self, keys_of: KeysOf, checking: Checking | None = None) -> None:
        self._keys_of = keys_of
        self._checking = checking or Checking()
        self._keys: OrderedDict[DeviceId, PublicKey] = OrderedDict()

    def examine(self, entries: Sequence[Entry]) -> list[Examined]:
        """Raises the Refusal of what is malformed: then nothing of it is to be taken."""
        parsed = [parse(one.parcel) for one in entries]
        self._learn({one.core.dev for one in parsed})
        self._prove(parsed)
        return [Examined(one, parts) for one, parts in zip(entries, parsed, strict=True)]

    def stop(self) -> None:
        self._checking.stop()

    def _prove(self, parsed: Sequence[Parsed]) -> None:
        """Many in a process of their own, where there is a long backlog; what that does not say is checked here."""
        known = [(one, key) for one in parsed if (key := self._keys.get(one.core.dev)) is not None]
        many = [(one, key) for one, key in known if key.alg == ED25519]
        right = self._checking.right([(key.raw, one.signature, signed(one)) for one, key in many])
        if right is not None:
            for (one, key), is_right in zip(many, right, strict=True):
                if is_right:
                    note_proven(one, key)
        for one, key in known:
            if right is None or key.alg != ED25519:
                with suppress(WrongSignature):
                    prove(one, key)

    def _learn(self, devices: set[DeviceId]) -> None:
        unknown = [one for one in devices if one not in self._keys]
        if unknown:
            self._keys.update(self._keys_of(unknown))
            while len(self._keys) > KEYS_MAX:
                self._keys.popitem(last=False)
