"""What the writer remembers of what it read: bounded, and forgotten as a whole when a transaction fails."""

from collections.abc import Sequence
from itertools import islice
from typing import Any, NamedTuple

from verbund.base.ids import CoreId

CACHED_MAX = 20_000


class Remembered(dict[Any, Any]):
    """At most CACHED_MAX things. The oldest quarter goes at once: an order kept for each put would cost more."""

    def put(self, key: Any, value: Any) -> Any:
        self[key] = value
        if len(self) > CACHED_MAX:
            for oldest in list(islice(self, CACHED_MAX // 4)):
                del self[oldest]
        return value


class Cache(Remembered):
    """A bounded memory of what the writer read; emptied whenever a transaction fails."""

    def __init__(self) -> None:
        super().__init__()
        #: What became of cores (see entry.py), and the numbers that stand for words: asked for with every fact.
        self.states = Remembered()
        self.numbers = Remembered()

    def clear(self) -> None:
        super().clear()
        self.states.clear()
        self.numbers.clear()


class Own(NamedTuple):
    """The authority facts of a device in a space: their numbers, growing, and their ids."""

    numbers: tuple[int, ...]
    ids: tuple[CoreId, ...]

    @classmethod
    def of(cls, rows: Sequence[Any]) -> "Own":
        return cls(tuple(row.ds for row in rows), tuple(row.id for row in rows))
