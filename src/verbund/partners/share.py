"""A share of the line: bytes beyond it wait, so that what is said gets through beside files and films. Sans-IO."""

BURST_S = 0.5


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
