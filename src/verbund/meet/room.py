"""A room: who is in a call, and how, while it runs. State only; outlives the SFU, and by `claims.py` the process."""

from typing import Any, Literal

import msgspec

from verbund.base.ids import AccountId, CoreId, DeviceId, SpaceId
from verbund.meet.sfu import Layers, Source

ROOM_PEOPLE_MAX = 50
ROOMS_MAX = 200
ACCOUNTS_MAX = 100
#: At most so many pictures go to one person; who came first is seen, the rest is heard.
VIDEOS_MAX = 16

Label = Literal["microphone", "camera", "screen"]
LABELS: dict[str, str] = {"microphone": "audio", "camera": "video", "screen": "video"}


class Feed(msgspec.Struct):
    """What a person publishes. `tracks`: mid → label; `up`: media may flow, so others can receive it."""

    id: str
    tracks: dict[str, str]
    up: bool = False


class Person(msgspec.Struct):
    """One tab in a room. `secret`: what it shows to come back; `away_since`: when its socket went (ms), None = here."""

    id: str
    secret: str
    account: AccountId
    device: DeviceId
    joined_at: int
    audio: bool
    video: bool
    screen: bool = False
    hand: bool = False
    away_since: int | None = None
    feed: Feed | None = None
    #: What the browser receives, as last negotiated: its mid → the track.
    received: dict[str, Source] = {}
    #: The receiving connection is in a state that both sides agree on.
    settled: bool = True
    seat: dict[str, Any] | None = None
    talking: bool = False

    def shown(self) -> dict[str, object]:
        """As everybody in the space may see it."""
        return {
            "id": self.id, "account": self.account, "joined_at": self.joined_at, "audio": self.audio,
            "video": self.video, "screen": self.screen, "hand": self.hand, "away": self.away_since is not None,
        }  # fmt: skip


class Room(msgspec.Struct):
    """A call of a space. `call` is the fact that began it, None until somebody's browser has written it."""

    id: str
    space: SpaceId
    opened_at: int
    people: dict[str, Person] = {}
    call: CoreId | None = None
    #: Where the call stands among those of its space (`queries.order_of`).
    order: str = ""
    #: The provider that this is.
    place: str = ""
    #: Who was asked to write the fact that the call began.
    starter: str | None = None
    asked_at: int = 0
    #: Everybody who was in it.
    accounts: list[AccountId] = []

    def wanted(self, viewer: Person) -> set[Source]:
        """What this person is to receive: every voice, and pictures in the order of joining up to VIDEOS_MAX, screens
        first."""
        voices: list[Source] = []
        screens: list[Source] = []
        pictures: list[Source] = []
        for other in self.people.values():
            if other.id == viewer.id or other.feed is None or not other.feed.up:
                continue
            for mid, label in other.feed.tracks.items():
                source = Source(other.feed.id, mid)
                {"microphone": voices, "screen": screens}.get(label, pictures).append(source)
        return {*voices, *[*screens, *pictures][:VIDEOS_MAX]}

    def owner(self, feed: str) -> Person | None:
        """Who publishes this feed."""
        return next((one for one in self.people.values() if one.feed is not None and one.feed.id == feed), None)

    def streams(self, received: dict[str, Source]) -> list[dict[str, str]]:
        """What each mid is, for the browser."""
        told = []
        for mid, source in received.items():
            owner = self.owner(source.feed)
            if owner is not None and owner.feed is not None and source.mid in owner.feed.tracks:
                told.append({"mid": mid, "person": owner.id, "label": owner.feed.tracks[source.mid]})
        return told

    def shown(self) -> dict[str, object]:
        """As everybody in the space may see it."""
        return {
            "space": self.space, "call": self.call, "started_at": self.opened_at, "place": self.place,
            "people": [person.shown() for person in self.people.values()],
        }  # fmt: skip


def layers_of(data: object, received: dict[str, Source], room: Room) -> list[Layers]:
    """What a browser asked for, as far as it receives it: [{person, label, layer 0–2, or null = nothing}]."""
    asked = msgspec.convert(data, list[_Asked])[: VIDEOS_MAX * 2]
    by_track = {(one["person"], one["label"]): one["mid"] for one in room.streams(received)}
    chosen = []
    for one in asked:
        mid = by_track.get((one.person, one.label))
        if mid is not None:
            layer = 0 if one.layer is None else max(0, min(2, one.layer))
            chosen.append(Layers(mid, layer, 2, one.layer is not None))
    return chosen


class _Asked(msgspec.Struct):
    person: str
    label: Literal["camera", "screen"]
    layer: int | None
