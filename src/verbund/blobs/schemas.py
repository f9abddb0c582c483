"""Shapes of requests and answers."""

import msgspec

from verbund.base.ids import BlobHash, SpaceId
from verbund.blobs.uploads import Plan


class HaveRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A plan, and optionally the space that it is taken over from (`source`): then nothing needs to be sent."""

    hash: BlobHash
    size: int
    chunks: tuple[str, ...]
    type: str
    source: SpaceId | None = None

    @property
    def plan(self) -> Plan:
        return Plan(self.hash, self.size, self.chunks, self.type)


class HaveAnswer(msgspec.Struct, frozen=True):
    """Which chunks are still to be sent, by index; whether the space holds the blob already."""

    missing: list[int]
    complete: bool


class CommitAnswer(msgspec.Struct, frozen=True):
    """The space holds this blob."""

    hash: BlobHash
    size: int
