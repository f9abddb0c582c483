"""What is on its way between devices and providers: requests and answers, each by itself."""

from collections.abc import Callable
from typing import NamedTuple

from tests.simulation.provider import Vectors


class Message(NamedTuple):
    """Something on its way between a device and a provider; `due_ms`: it does not arrive before."""

    source: str
    target: str
    what: str
    due_ms: int
    deliver: Callable[[], None]


def covers(vectors: Vectors, wanted: Vectors) -> bool:
    """Whether these vectors reach at least as far."""
    return all(
        vectors.get(space, {}).get(sublog, 0) >= seq
        for space, vector in wanted.items()
        for sublog, seq in vector.items()
    )
