"""Facts of conversation."""

from typing import Annotated, ClassVar, Literal

from msgspec import Meta, Struct

from verbund.base.ids import AccountId, BlobHash, CoreId, SpaceId
from verbund.log.registry import Event

TEXT_CHARS_MAX = 20_000
TITLE_CHARS_MAX = 80
MENTIONS_MAX = 50
FILES_MAX = 20
EMOJI_CHARS_MAX = 32

TALK = frozenset({"organisation", "team", "private", "direct", "meeting", "public"})
PERSONAL = frozenset({"personal"})

Hash = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{43}$")]
Text = Annotated[str, Meta(max_length=TEXT_CHARS_MAX)]
Title = Annotated[str, Meta(min_length=1, max_length=TITLE_CHARS_MAX)]


class File(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A file that a message carries; pictures say their size in pixels so that nothing jumps."""

    hash: BlobHash
    name: Annotated[str, Meta(min_length=1, max_length=255)]
    type: Annotated[str, Meta(max_length=100)]
    size: Annotated[int, Meta(ge=0)]
    width: int | None = None
    height: int | None = None


class ChannelOpened(Event, frozen=True):
    """A new line of conversation was opened. Its id is the fact's; copies do not meet."""

    kind: ClassVar[str] = "chat.channel_opened.1"
    sorts: ClassVar[frozenset[str]] = TALK
    title: Title


class ChannelRenamed(Event, frozen=True):
    """A line of conversation was given another title. The latest wins."""

    kind: ClassVar[str] = "chat.channel_renamed.1"
    sorts: ClassVar[frozenset[str]] = TALK
    channel: Hash
    title: Title


class MessagePosted(Event, frozen=True):
    """Somebody said something, perhaps with files or in answer to a message. Every copy is a message of its own."""

    kind: ClassVar[str] = "chat.message_posted.1"
    sorts: ClassVar[frozenset[str]] = TALK
    personal: ClassVar[bool] = True
    text: Text
    channel: Hash | None = None
    mentions: Annotated[tuple[AccountId, ...], Meta(max_length=MENTIONS_MAX)] = ()
    files: Annotated[tuple[File, ...], Meta(max_length=FILES_MAX)] = ()
    blobs: tuple[BlobHash, ...] = ()
    reply_to: CoreId | None = None


class MessageEdited(Event, frozen=True):
    """The author changed the text. The latest edit wins; a withdrawal wins over every edit."""

    kind: ClassVar[str] = "chat.message_edited.1"
    sorts: ClassVar[frozenset[str]] = TALK
    message: Hash
    text: Text
    mentions: Annotated[tuple[AccountId, ...], Meta(max_length=MENTIONS_MAX)] = ()

    def part_of(self) -> CoreId:
        return CoreId(self.message)


class MessageWithdrawn(Event, frozen=True):
    """The author, or a moderator, took a message back. It wins over everything; the bodies are erased."""

    kind: ClassVar[str] = "chat.message_withdrawn.1"
    sorts: ClassVar[frozenset[str]] = TALK
    erases: ClassVar[bool] = True
    message: Hash
    channel: Hash | None = None
    by: Literal["author", "moderator"] = "author"


class ReactionSet(Event, frozen=True):
    """Somebody set or took back a reaction. Per person and emoji the latest wins."""

    kind: ClassVar[str] = "chat.reaction_set.1"
    sorts: ClassVar[frozenset[str]] = TALK
    personal: ClassVar[bool] = True
    message: Hash
    emoji: Annotated[str, Meta(min_length=1, max_length=EMOJI_CHARS_MAX)]
    on: bool


class ChannelRead(Event, frozen=True):
    """The person has read a channel up to (t, id). The mark never goes back; older ones are superseded."""

    kind: ClassVar[str] = "chat.channel_read.1"
    sorts: ClassVar[frozenset[str]] = PERSONAL
    space: SpaceId
    id: CoreId
    read: Annotated[str, Meta(pattern=r"^[0-9a-f]{16}$")]
    channel: Hash | None = None


EVENTS: tuple[type[Event], ...] = (
    ChannelOpened, ChannelRenamed, MessagePosted, MessageEdited, MessageWithdrawn, ReactionSet, ChannelRead,
)  # fmt: skip
