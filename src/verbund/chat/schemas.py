"""Shapes of conversation that leave the server."""

from msgspec import Struct

from verbund.base.ids import AccountId, CoreId, SpaceId


class FileShape(Struct, frozen=True, omit_defaults=True):
    """A file of a message, readable at /blobs/{space}/{hash}."""

    hash: str
    name: str
    type: str
    size: int
    width: int | None = None
    height: int | None = None


class ReactionShape(Struct, frozen=True):
    """One emoji and who set it."""

    emoji: str
    accounts: list[AccountId]


class MessageShape(Struct, frozen=True):
    """A message as it stands now. (t, id) orders; `stamp` is that of the text (merge: the greater one wins)."""

    id: CoreId
    channel: CoreId | None
    author: AccountId
    t: str
    at: int
    text: str
    stamp: str
    edited: bool
    withdrawn: bool
    mentions: list[AccountId]
    files: list[FileShape]
    reply_to: CoreId | None
    reactions: list[ReactionShape]


class BeyondShape(Struct, frozen=True):
    """A fact that only a newer release can show, and where it stands: `t` + id order it among the messages."""

    id: CoreId
    t: str


class MessagePage(Struct, frozen=True):
    """Messages in order, the vector they were computed at, and whether there are older and newer ones. `beyond`: facts
    of this conversation that only a newer release can show, the latest at most.
    """

    messages: list[MessageShape]
    vector: dict[str, int]
    more_before: bool
    more_after: bool
    beyond: list[BeyondShape]


class ChannelShape(Struct, frozen=True):
    """A channel with what is unread for the viewer; id null is the main one."""

    id: CoreId | None
    title: str
    unread: int
    mentions: int
    last_at: int | None
    read: str


class HitShape(Struct, frozen=True):
    """Something found."""

    id: str
    space: SpaceId
    kind: str
    at: int
    channel: CoreId | None
    author: AccountId
    text: str


class Hits(Struct, frozen=True):
    """What was found, newest first."""

    hits: list[HitShape]
