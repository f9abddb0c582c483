"""Time: a clock that is passed in, and the hybrid logical clock (Kulkarni et al. 2014).

A stamp is 16 hex digits, 48 bits of milliseconds and 16 bits of counter, so that text order is time order.
"""

import re
import time
from typing import Protocol

from verbund.base.refusal import Refusal

FUTURE_MAX_MS = 60_000
COUNTER_MAX = 0xFFFF
#: The latest time that a stamp can say.
MS_MAX = 2**48 - 1
_STAMP = re.compile(r"[0-9a-f]{16}")


class Clock(Protocol):
    """What tells the time in milliseconds since 1970, UTC."""

    def now_ms(self) -> int: ...


class SystemClock:
    """The machine's clock."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000


class SteadyClock:
    """The machine's time at its making, and what has passed since: for how long something takes or is waited for. It
    does not jump where somebody sets the machine's clock.
    """

    def __init__(self) -> None:
        self._offset_ns = time.time_ns() - time.monotonic_ns()

    def now_ms(self) -> int:
        return (self._offset_ns + time.monotonic_ns()) // 1_000_000


class FromTheFuture(Refusal):
    """de: Die Uhr dieses Geräts geht vor. Stellen Sie sie richtig, dann wird die Nachricht gesendet.
    en: The clock of this device is fast. Set it right, then the message will be sent."""

    code = "log.future_stamp"
    status = 422


def is_stamp(text: object) -> bool:
    return isinstance(text, str) and _STAMP.fullmatch(text) is not None


def stamp_of(ms: int, counter: int = 0) -> str:
    return f"{ms:012x}{counter:04x}"


def ms_of(stamp: str) -> int:
    """Milliseconds since 1970 of a stamp."""
    return int(stamp[:12], 16)


class Hlc:
    """A hybrid logical clock: later than everything seen, close to the wall clock.

    Invariant: it never merges further ahead than the wall clock plus FUTURE_MAX_MS.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ms = 0
        self._counter = 0

    def tick(self) -> str:
        """The stamp of something that happens now."""
        now = self._clock.now_ms()
        if now > self._ms:
            self._ms, self._counter = now, 0
        elif self._counter < COUNTER_MAX:
            self._counter += 1
        else:
            self._ms, self._counter = self._ms + 1, 0
        return stamp_of(self._ms, self._counter)

    def observe(self, stamp: str) -> None:
        """Take note of another's stamp, so that what follows is later."""
        ms, counter = ms_of(stamp), int(stamp[12:], 16)
        if ms > self._clock.now_ms() + FUTURE_MAX_MS:
            return
        if (ms, counter) > (self._ms, self._counter):
            self._ms, self._counter = ms, counter
