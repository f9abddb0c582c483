"""What own devices send, as work for the writer: form and signatures of a whole batch first, then each in its turn.

A processor that does one thing many times over keeps what it needs at hand: code, and the tables of the curve. Reads;
never writes before its turn.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress

from verbund.base.refusal import Refusal
from verbund.log.core import Parcel, Parsed, WrongSignature, parse, prove
from verbund.log.log import Log
from verbund.log.outcome import Outcome
from verbund.log.tx import Tx


class Submission:
    """Parcels of one author. What is malformed, wrongly signed or by a stranger is found out in its turn."""

    __slots__ = ("_log", "examined", "parcels")

    def __init__(self, log: Log, parcels: Sequence[Parcel]) -> None:
        self._log, self.parcels = log, parcels
        self.examined: Sequence[Parsed | None] = [None] * len(parcels)

    def __call__(self, tx: Tx) -> list[Outcome]:
        """What becomes of each."""
        submit = self._log.submit
        return [submit(tx, parcel, parsed) for parcel, parsed in zip(self.parcels, self.examined, strict=True)]


def examine(tx: Tx, submissions: Iterable[Submission]) -> None:
    """Do for all of them what depends on nobody's turn."""
    waiting = list(submissions)
    for one in waiting:
        one.examined = [_parsed(parcel) for parcel in one.parcels]
    for one in waiting:
        for parsed in one.examined:
            if parsed is not None:
                _prove(tx, parsed)


def _parsed(parcel: Parcel) -> Parsed | None:
    try:
        return parse(parcel)
    except Refusal:
        return None


def _prove(tx: Tx, parsed: Parsed) -> None:
    """A device is called after its key, so whoever has it by then has the same."""
    device = tx.device(parsed.core.dev)
    if device is not None:
        with suppress(WrongSignature):
            prove(parsed, device.key)
