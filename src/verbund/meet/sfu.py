"""What a call needs of an SFU. Janus is behind it; nothing else in `meet` knows Janus's words."""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, Protocol

Leg = Literal["publish", "subscribe"]


class Source(NamedTuple):
    """One track that somebody publishes: the feed's id and the track's mid in it."""

    feed: str
    mid: str


class Offer(NamedTuple):
    """A description for the subscriber: `streams` says which of its mids carries whose track."""

    sdp: str
    streams: dict[str, Source]


class Layers(NamedTuple):
    """How much of a track goes to the subscriber under `mid`: simulcast layer 0–2, temporal layer 0–2, or nothing."""

    mid: str
    substream: int
    temporal: int
    send: bool


class SfuLost(Exception):
    """The SFU is gone, or does not answer; whoever asked has to begin anew once it is back."""


class SfuRefused(Exception):
    """The SFU said no. `code` is its own."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code} {reason}")
        self.code = code


class SeatListener(Protocol):
    """What a person's media at the SFU reports. Called in the loop's thread; never after the seat was closed."""

    def up(self, leg: Leg) -> None: ...
    def down(self, leg: Leg, reason: str) -> None: ...
    def talking(self, on: bool) -> None: ...


class Seat(Protocol):
    """One person at the SFU: at most one connection that publishes and one that receives.

    Invariant: one negotiation at a time and leg; callers see to it.
    """

    async def publish(self, feed: str, offer: str, labels: dict[str, str]) -> str:
        """Publish as `feed` (a new one replaces the last), or describe the same feed anew; returns the answer."""

    async def subscribe(self, add: Sequence[Source], remove: Sequence[str]) -> Offer | None:
        """Receive these too and those mids no more; None when nothing has to be negotiated."""

    async def answer(self, sdp: str) -> None:
        """The browser's answer to the last offer."""

    async def select(self, layers: Sequence[Layers]) -> None: ...

    async def unsubscribe(self) -> None:
        """Give up the receiving connection altogether; the next `subscribe` begins a new one."""

    async def close(self) -> None: ...

    def memo(self) -> dict[str, Any]:
        """What another process needs to claim this seat."""


class Sfu(Protocol):
    """An SFU that may vanish and come back. `generation`: one life of it, None while it is away."""

    @property
    def generation(self) -> str | None: ...

    async def open(self, room: str) -> None:
        """Make the room unless it is there."""

    async def close(self, room: str) -> None: ...

    async def seat(self, room: str, listener: SeatListener) -> Seat: ...

    async def claim(self, room: str, memo: dict[str, Any], listener: SeatListener) -> Seat:
        """Take over the seat of an earlier process. Raises SfuRefused when it is no more."""

    async def silence(self, room: str, source: Source, on: bool) -> None:
        """Let nobody hear this track, whatever its publisher does."""
