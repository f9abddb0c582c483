"""A share of the line: bytes beyond it wait, so that what is said gets through beside files and films; and the pace
that others have to keep. Sans-IO.
"""

BURST_S = 0.5
#: Who gives bytes has to keep this pace over such a while of waiting for them; else somebody else is asked.
PACE_BYTES_S_MIN = 1_024
PACE_S = 30.0


class Share:
    """A bucket that fills with `bytes_s` a second, half a second's worth at most; 0: no limit."""

    def __init__(self, bytes_s: float, now_s: float) -> None:
        self._bytes_s, self._left, self._at_s = bytes_s, bytes_s * BURST_S, now_s

    def wait_s(self, count: int, now_s: float) -> float:
        """These bytes came: how long nobody should ask for more. They may be owed, so everybody gets on in turn."""
        if self._bytes_s == 0:
            return 0.0
        full = self._bytes_s * BURST_S
        self._left = min(full, self._left + (now_s - self._at_s) * self._bytes_s) - count
        self._at_s = now_s
        return max(0.0, -self._left / self._bytes_s)


class Pace:
    """Whether somebody's bytes come fast enough to go on waiting for them."""

    def __init__(self, now_s: float) -> None:
        self._since_s, self._waited_s, self._came = now_s, 0.0, 0

    def waits_from(self, now_s: float) -> None:
        """What was before this was not their doing."""
        self._since_s = now_s

    def keeps(self, count: int, now_s: float) -> bool:
        """These bytes came now."""
        self._waited_s += now_s - self._since_s
        self._since_s, self._came = now_s, self._came + count
        if self._waited_s < PACE_S:
            return True
        is_kept = self._came >= PACE_BYTES_S_MIN * self._waited_s
        self._waited_s, self._came = 0.0, 0
        return is_kept
