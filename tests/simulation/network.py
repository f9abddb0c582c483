"""What is on its way between nodes, and what can happen to it."""

import random
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from tests.simulation.provider import Vectors
from verbund.log.entry import Entry


class Faults(NamedTuple):
    """What goes wrong in this schedule, and how often; swarm testing: each seed has other faults on."""

    loss: float
    duplication: float
    garbling: float
    crashes: float
    restores: float
    partitions: float
    failovers: float


class Message(NamedTuple):
    """Something on its way between two nodes."""

    source: str
    target: str
    what: str
    deliver: Callable[[], None]


def garbled(page: list[Entry], chance: random.Random) -> list[Entry]:
    """A page that was damaged on its way: a time, a place or a signature is another one."""
    number = chance.randrange(len(page))
    entry = page[number]
    what: dict[str, Any] = chance.choice([{"at": entry.at + 1}, {"x": 0 if entry.x == 3 else 3}, {"at": 0}])
    changed = msgspec.structs.replace(entry, **what)
    return [*page[:number], changed, *page[number + 1 :]]


def covers(vectors: Vectors, wanted: Vectors) -> bool:
    """Whether these vectors reach at least as far."""
    return all(
        vectors.get(space, {}).get(sublog, 0) >= seq
        for space, vector in wanted.items()
        for sublog, seq in vector.items()
    )
