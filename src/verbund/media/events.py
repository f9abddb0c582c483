"""Facts of the media library."""

from typing import Annotated, ClassVar, Literal

from msgspec import Meta, Struct

from verbund.base.ids import BlobHash, CoreId, SpaceId
from verbund.log.registry import Event

TITLE_CHARS_MAX = 120
DESCRIPTION_CHARS_MAX = 4_000
NAME_CHARS_MAX = 255
LANGUAGES_MAX = 16
CHAPTERS_MAX = 200
LENGTH_MS_MAX = 24 * 3600 * 1000

SHARED = frozenset({"organisation", "team", "private", "direct", "meeting", "public"})
PERSONAL = frozenset({"personal"})

Hash = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{43}$")]
Title = Annotated[str, Meta(min_length=1, max_length=TITLE_CHARS_MAX)]
Description = Annotated[str, Meta(max_length=DESCRIPTION_CHARS_MAX)]
Length = Annotated[int, Meta(ge=0, le=LENGTH_MS_MAX)]
Language = Annotated[str, Meta(max_length=20)]


class SourceFile(Struct, frozen=True, forbid_unknown_fields=True):
    """The upload that a film is made from. `type` is what the browser called it and decides nothing."""

    hash: Annotated[BlobHash, Meta(pattern=r"^[A-Za-z0-9_-]{43}$")]
    name: Annotated[str, Meta(min_length=1, max_length=NAME_CHARS_MAX)]
    type: Annotated[str, Meta(max_length=100)]
    size: Annotated[int, Meta(ge=0)]


class ChapterMark(Struct, frozen=True, forbid_unknown_fields=True):
    """Where a part of the film begins."""

    start_ms: Length
    title: Annotated[str, Meta(max_length=80)]


class FilmAdded(Event, frozen=True):
    """Somebody put a film into the library of a space. Its id is the fact's; copies do not meet."""

    kind: ClassVar[str] = "media.film_added.1"
    sorts: ClassVar[frozenset[str]] = SHARED
    personal: ClassVar[bool] = True

    title: Title
    source: SourceFile
    description: Description = ""
    blobs: Annotated[tuple[BlobHash, ...], Meta(max_length=1)] = ()


class FilmChanged(Event, frozen=True):
    """Title and description were written anew. The latest wins; a withdrawal wins over every change."""

    kind: ClassVar[str] = "media.film_changed.1"
    sorts: ClassVar[frozenset[str]] = SHARED

    film: Hash
    title: Title
    description: Description = ""
    by: Literal["author", "moderator"] = "author"

    def part_of(self) -> CoreId:
        return CoreId(self.film)


class FilmWithdrawn(Event, frozen=True):
    """A film was taken out of the library. It wins over everything; the bodies are erased."""

    kind: ClassVar[str] = "media.film_withdrawn.1"
    sorts: ClassVar[frozenset[str]] = SHARED
    erases: ClassVar[bool] = True

    film: Hash
    by: Literal["author", "moderator"] = "author"


class FilmPrepared(Event, frozen=True):
    """A provider has made the film playable, or says why it cannot. Of two copies `ready` wins, of equals the later.

    `plan` names the folder of renditions, `manifest` is the SHA-256 of its list of files; `tone` is the poster's mean
    colour; `reason` is the code of the refusal when `outcome` is `refused`.
    """

    kind: ClassVar[str] = "media.film_prepared.1"
    sorts: ClassVar[frozenset[str]] = SHARED

    film: Hash
    outcome: Literal["ready", "refused"]
    plan: Annotated[str, Meta(pattern=r"^([A-Za-z0-9_-]{43})?$")] = ""
    manifest: Annotated[str, Meta(pattern=r"^([A-Za-z0-9_-]{43})?$")] = ""
    duration_ms: Length = 0
    width: Annotated[int, Meta(ge=0, le=16_384)] = 0
    height: Annotated[int, Meta(ge=0, le=16_384)] = 0
    bytes: Annotated[int, Meta(ge=0)] = 0
    tone: Annotated[str, Meta(pattern=r"^(#[0-9a-f]{6})?$")] = ""
    sounds: Annotated[tuple[Language, ...], Meta(max_length=LANGUAGES_MAX)] = ()
    words: Annotated[tuple[Language, ...], Meta(max_length=LANGUAGES_MAX)] = ()
    chapters: Annotated[tuple[ChapterMark, ...], Meta(max_length=CHAPTERS_MAX)] = ()
    reason: Annotated[str, Meta(pattern=r"^([a-z]+\.[a-z_]+)?$", max_length=60)] = ""

    def part_of(self) -> CoreId:
        return CoreId(self.film)


class FilmClaimed(Event, frozen=True):
    """A provider prepares the film, so that no other one does, until `until` (ms) at the longest. Of two claims the
    latest counts."""

    kind: ClassVar[str] = "media.film_claimed.1"
    sorts: ClassVar[frozenset[str]] = SHARED

    film: Hash
    until: Annotated[int, Meta(ge=0, le=2**53 - 1)]


class FilmWatched(Event, frozen=True):
    """The person has watched a film up to here. The latest wins; older ones are superseded."""

    kind: ClassVar[str] = "media.film_watched.1"
    sorts: ClassVar[frozenset[str]] = PERSONAL

    space: SpaceId
    film: CoreId
    position_ms: Length
    duration_ms: Length


EVENTS: tuple[type[Event], ...] = (FilmAdded, FilmChanged, FilmWithdrawn, FilmPrepared, FilmClaimed, FilmWatched)
