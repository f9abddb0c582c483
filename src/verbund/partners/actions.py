"""What a link asks its driver to do. Sans-IO."""

from typing import NamedTuple

from verbund.base.ids import SpaceId
from verbund.log.bulk import Packed, unpack
from verbund.log.entry import Entry
from verbund.partners.hearing import Tell
from verbund.partners.push import Load
from verbund.partners.schemas import Heads, Identity


class Send(NamedTuple):
    """Put this frame on the socket."""

    frame: bytes


class Take(NamedTuple):
    """Take these entries in, all or none; then `taken` or `refused` has to be told.

    `apart`: sub-logs of which another history is here (see detours.py): their entries get places of our own.
    """

    space: SpaceId
    n: int
    entries: list[Entry]
    packed: Packed | None = None
    apart: frozenset[str] = frozenset()

    @property
    def entries_count(self) -> int:
        return len(self.entries) if self.packed is None else sum(run.count for run in self.packed.runs)

    def unpacked(self) -> list[Entry]:
        """The entries; this takes a while. Raises NotCanonical, BrokenChain: then it has to be told as refused."""
        return self.entries if self.packed is None else unpack(self.space, self.packed)


class Unpack(NamedTuple):
    """Entries of which some need their provider's word: tell `unpacked` what they are, in the order of their frames."""

    space: SpaceId
    n: int
    packed: Packed | None
    entries: list[Entry]

    def unpacked(self) -> list[Entry]:
        """As in `Take`."""
        return self.entries if self.packed is None else unpack(self.space, self.packed)


class Contradiction(NamedTuple):
    """Two histories of one sub-log: the chains here and there at the same seq."""

    space: SpaceId
    sub: str
    seq: int
    here: str
    there: str


class Close(NamedTuple):
    """End the link."""

    code: str


class Learn(NamedTuple):
    """The partner says who other providers are; each has to be checked by itself."""

    identities: list[Identity]


class Check(NamedTuple):
    """Look at these heads: their signatures, and what is on disk here; then `checked` has to be told."""

    frame: Heads


class Give(NamedTuple):
    """Read the heads beyond these numbers; then `given` has to be told what there is."""

    space: SpaceId
    after: dict[str, int]


class GiveNewest(NamedTuple):
    """Read what is to go ahead (see log/newest.py); then `newest_given` has to be told what there is."""

    space: SpaceId
    after: dict[str, int]
    since: int


class TakeNewest(NamedTuple):
    """Take these in ahead of their places, all or none; then `newest_taken` has to be told."""

    space: SpaceId
    entries: list[Entry]
    reached: int


Action = Send | Load | Take | Unpack | Check | Give | GiveNewest | TakeNewest | Contradiction | Learn | Tell | Close
