"""Frames of /live, both ways. JSON text, one object each; protocol/frames.json is made from these."""

from typing import Any

from msgspec import Struct

from verbund.base.ids import SpaceId
from verbund.log.core import Parcel
from verbund.log.entry import Vector

FOLLOWED_MAX = 500


class Follow(Struct, tag_field="f", tag="follow", forbid_unknown_fields=True):
    """Send what these vectors do not cover, then everything that comes."""

    s: dict[SpaceId, Vector]


class Unfollow(Struct, tag_field="f", tag="unfollow", forbid_unknown_fields=True):
    """Send nothing more of these spaces."""

    s: list[SpaceId]


class Submit(Struct, tag_field="f", tag="submit", forbid_unknown_fields=True, gc=False):
    """Take these parcels in; answered by `ack` with the same number."""

    n: int
    p: list[Parcel]


class Signal(Struct, tag_field="f", tag="signal", forbid_unknown_fields=True):
    """Something that passes: typing. Goes to everybody of the space who is here."""

    sp: SpaceId
    k: str
    d: Any = None


class Call(Struct, tag_field="f", tag="call", forbid_unknown_fields=True):
    """Ask a capability for something; answered by `reply` with the same number."""

    n: int
    m: str
    d: Any = None


class Ping(Struct, tag_field="f", tag="ping", forbid_unknown_fields=True):
    """Are you there."""


Incoming = Follow | Unfollow | Submit | Signal | Call | Ping
