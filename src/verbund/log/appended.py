"""What a commit appended, as followers are told of it. Most of them want none of it: little is made before one does."""

from functools import cached_property

import msgspec

from verbund.base.ids import SpaceId
from verbund.log.core import Parsed
from verbund.log.entry import Entry, Place, sublog
from verbund.log.registry import Fact
from verbund.log.stored import as_entry

_encode = msgspec.json.Encoder().encode


class Written:
    """An entry that was appended. As it goes out it is made and encoded once, where anybody wants it."""

    __slots__ = ("_parsed", "_position", "_raw", "_state", "place")

    def __init__(self, parsed: Parsed, place: Place, position: int, state: int) -> None:
        self.place = place
        self._parsed, self._position, self._state = parsed, position, state
        self._raw: bytes | None = None

    @property
    def sub(self) -> str:
        """The key of its sub-log in a vector."""
        return sublog(self.place.provider, self.place.incarnation)

    @property
    def seq(self) -> int:
        """Its number there."""
        return self.place.seq

    @property
    def entry(self) -> Entry:
        return as_entry(self._parsed, self.place, self._position, self._state)

    @property
    def raw(self) -> bytes:
        if self._raw is None:
            self._raw = _encode(self.entry)
        return self._raw


class Appended(list[tuple[SpaceId, Written, Fact | None]]):
    """(space, entry, fact or None), in order; what comes late among them, at its old place."""

    @cached_property
    def kinds(self) -> frozenset[str]:
        """Of the facts among them. Looked at once for all followers, when the list is whole."""
        return frozenset([fact.core.k for _, _, fact in self if fact is not None])
