"""What the documents in an export look like. Field names are part of the format (handbook/operating/umziehen.md)."""

import msgspec

from verbund.base.ids import ProviderId, SpaceId
from verbund.partners.schemas import Identity


class End(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a sub-log ends in the file: its last number, the chain there."""

    seq: int
    chain: str


class Exported(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A space in the file. `ends`: sub-log → how far it goes, from its first entry on."""

    id: SpaceId
    sort: str
    title: str
    ends: dict[str, End]


class Head(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the file is. Spaces in the order in which they are taken in: accounts first, then the organisation."""

    format: str
    version: str
    made_at: int
    provider: ProviderId
    name: str
    top: SpaceId
    spaces: list[Exported]

    @property
    def entries(self) -> int:
        return sum(end.seq for space in self.spaces for end in space.ends.values())


class Member(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A member of the ZIP: bytes unpacked, SHA-256 in hex."""

    size: int
    sha256: str


class Contents(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Every other member. `damaged`: files whose bytes were wrong already where they came from."""

    members: dict[str, Member]
    damaged: list[str] = []


class Signed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who made the file: the provider's certified device signed the SHA-256 of the table of contents."""

    identity: Identity
    signature: str


NONE, RUNNING, DONE, BROKEN = "none", "running", "done", "broken"


class ExportShape(msgspec.Struct, frozen=True):
    """How far a download is: `done` of about `whole` bytes. `state`: none, running, done, broken."""

    state: str
    done: int
    whole: int


class ExportBegun(msgspec.Struct, frozen=True):
    """Where the file that was begun can be had, once."""

    path: str
