"""Shapes of the media library that leave the server, each with what the viewer may do."""

from msgspec import Struct

from verbund.base.ids import AccountId, CoreId, SpaceId


class ChapterShape(Struct, frozen=True):
    """Where a part of a film begins."""

    start_ms: int
    title: str


class ReasonShape(Struct, frozen=True):
    """Why a film cannot be watched, as a sentence in the viewer's language."""

    code: str
    detail: str


class FilmShape(Struct, frozen=True):
    """A film as a viewer sees it. `state`: waiting, working, playable (and growing), ready, refused.

    `media` is the folder of its playlists and pictures, "" while there is none; `percent` = how much is prepared;
    `position_ms` = how far the viewer got, `watched_at` when (ms; null = never); `stamp` = merge stamp of the words.
    """

    id: CoreId
    space: SpaceId
    space_title: str
    author: AccountId
    added_at: int
    title: str
    description: str
    state: str
    percent: int
    media: str
    duration_ms: int
    width: int
    height: int
    tone: str
    sounds: list[str]
    words: list[str]
    chapters: list[ChapterShape]
    reason: ReasonShape | None
    position_ms: int
    watched_at: int | None
    stamp: str
    source_name: str
    source_bytes: int
    abilities: list[str]


class RowShape(Struct, frozen=True):
    """One row of the library. `key` names its title in the app: continue, new, space; `title` is the space's."""

    key: str
    title: str
    films: list[FilmShape]


class Library(Struct, frozen=True):
    """What the library opens with."""

    hero: FilmShape | None
    rows: list[RowShape]


class Films(Struct, frozen=True):
    """The films of a space or of a search, newest first."""

    films: list[FilmShape]
