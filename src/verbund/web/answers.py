"""Frames of /live from the provider. They are written by hand where it is fast; a contract test reads them with these.

protocol/frames.json is made from these.
"""

from typing import Any

from msgspec import UNSET, Struct, UnsetType

from verbund.base.ids import AccountId, CoreId, DeviceId, ProviderId, SpaceId
from verbund.log.entry import Entry, Vector


class Sentence(Struct, forbid_unknown_fields=True):
    """A refusal: its code, and the sentence in the reader's language; how long to wait after `base.too_fast`."""

    code: str
    detail: str
    retry_after_s: int | UnsetType = UNSET


class Told(Struct, forbid_unknown_fields=True):
    """What became of one parcel. `ds` and `dp` say where the device must go on; `missing` what has to come first."""

    id: CoreId | None
    st: str
    code: str | UnsetType = UNSET
    detail: str | UnsetType = UNSET
    ds: int | UnsetType | None = UNSET
    dp: CoreId | UnsetType | None = UNSET
    missing: list[str] | UnsetType = UNSET


class Hello(Struct, tag_field="f", tag="hello", forbid_unknown_fields=True):
    """The first frame: who is speaking, to whom, and what time it is here (ms)."""

    provider: ProviderId
    incarnation: int
    now: int
    account: AccountId
    device: DeviceId


class Entries(Struct, tag_field="f", tag="entries", forbid_unknown_fields=True):
    """Entries of a followed space, in this provider's order."""

    sp: SpaceId
    e: list[Entry]


class Caught(Struct, tag_field="f", tag="caught", forbid_unknown_fields=True):
    """The backlog of a followed space is through; what comes now is new."""

    sp: SpaceId
    v: Vector


class Ack(Struct, tag_field="f", tag="ack", forbid_unknown_fields=True):
    """What became of the parcels of the `submit` with this number. It is on disk."""

    n: int
    r: list[Told]


class Durable(Struct, tag_field="f", tag="durable", forbid_unknown_fields=True):
    """What this vector covers is at as many providers as the space demands."""

    sp: SpaceId
    v: Vector


class Passing(Struct, tag_field="f", tag="signal", forbid_unknown_fields=True):
    """Something that passes: typing, presence, the state of a call."""

    sp: SpaceId
    k: str
    d: Any = None
    by: AccountId | None = None


class Reply(Struct, tag_field="f", tag="reply", forbid_unknown_fields=True):
    """The answer to the `call` with this number: `d`, or a refusal `e`."""

    n: int
    d: Any = None
    e: Sentence | UnsetType = UNSET


class Trouble(Struct, tag_field="f", tag="error", forbid_unknown_fields=True):
    """A frame was refused; `n` is its number where it had one."""

    e: Sentence
    n: int | UnsetType = UNSET


class Spaces(Struct, tag_field="f", tag="spaces", forbid_unknown_fields=True):
    """Your list of spaces changed: fetch it again."""


class Gone(Struct, tag_field="f", tag="gone", forbid_unknown_fields=True):
    """You do not follow this space, or no longer: it is not yours to see."""

    sp: SpaceId


class Bye(Struct, tag_field="f", tag="bye", forbid_unknown_fields=True):
    """The provider closes this socket, and why; come back with your vectors."""

    code: str


class Pong(Struct, tag_field="f", tag="pong", forbid_unknown_fields=True):
    """Still here."""


Outgoing = (
    Hello | Entries | Caught | Ack | Durable | Passing | Reply | Trouble | Spaces | Gone | Bye | Pong
)  # fmt: skip
