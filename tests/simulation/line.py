"""The lines between providers: streams of frames, in order, until they are cut."""

import random
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.simulation.partner import Link

#: So much may wait on its way before the sender gives up, as partners/link.py has it.
OUT_BYTES_MAX = 8 * 1024 * 1024
#: The end of a stream.
END = b""


class Line:
    """One connection. `ways`: to whom → frames on their way, each with the time before which it does not arrive."""

    def __init__(self, one: str, two: str) -> None:
        self.ways: dict[str, deque[tuple[int, bytes]]] = {one: deque(), two: deque()}
        self.links: dict[str, Link] = {}

    def other(self, name: str) -> str:
        one, two = self.ways
        return two if name == one else one

    def put(self, source: str, frame: bytes, due_ms: int) -> None:
        way = self.ways[self.other(source)]
        if not way or way[-1][1] != END:
            way.append((due_ms, frame))

    def cut(self, chance: random.Random, now_ms: int) -> None:
        """The connection breaks: of what is on its way some still arrives, at each side as much as it does."""
        for way in self.ways.values():
            for _ in range(chance.randint(0, len(way))):
                way.pop()
            way.append((now_ms, END))

    @property
    def is_over(self) -> bool:
        return not self.links


class Lines:
    """All connections, and which ways are blocked or slow: (from, to)."""

    def __init__(self) -> None:
        self.all: list[Line] = []
        self.blocked: set[tuple[str, str]] = set()
        #: (from, to) → how long something is on its way (ms).
        self.slow: dict[tuple[str, str], int] = {}

    def is_open(self, one: str, two: str) -> bool:
        """Whether a connection can be made: it needs both ways."""
        return (one, two) not in self.blocked and (two, one) not in self.blocked

    def delay(self, source: str, target: str) -> int:
        return self.slow.get((source, target), 0)

    def ready(self, now_ms: int) -> list[tuple[Line, str]]:
        """(connection, to whom) of everything that can arrive now."""
        self.all = [line for line in self.all if not line.is_over]
        return [
            (line, target)
            for line in self.all
            for target, way in line.ways.items()
            if way and way[0][0] <= now_ms and (line.other(target), target) not in self.blocked
        ]

    def between(self, one: str, two: str) -> list[Line]:
        return [line for line in self.all if one in line.ways and two in line.ways]
