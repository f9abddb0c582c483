"""A person in a room with what only this process has: the socket, the seat at the SFU, what it receives."""

import asyncio
from typing import Any, Protocol

from verbund.base.ids import random_id
from verbund.meet import sdp as descriptions
from verbund.meet.receiving import Receiver
from verbund.meet.refusals import BadDescription, MediaRefused, Recovering
from verbund.meet.room import LABELS, Feed, Person, Room, layers_of
from verbund.meet.sfu import Leg, Seat, Sfu, SfuLost, SfuRefused


class Socket(Protocol):
    """The browser's connection, as much of it as is needed here."""

    @property
    def id(self) -> str: ...

    def send_json(self, frame: dict[str, Any]) -> None: ...


class House(Protocol):
    """What an attendee reports to."""

    def feeds_changed(self, room: Room) -> None:
        """Others in the room have something else to receive."""

    def kept(self) -> None:
        """Something changed that the next process must know."""

    def signal(self, room: Room, kind: str, data: dict[str, Any]) -> None:
        """Tell everybody in the room."""


class Attendee:
    """Also the listener of its seat."""

    def __init__(self, room: Room, person: Person, house: House) -> None:
        self.room, self.person, self._house = room, person, house
        self.socket: Socket | None = None
        self.seat: Seat | None = None
        self._publishing = asyncio.Lock()
        self.receiver = Receiver(room, person, self.tell, house.kept)

    def tell(self, kind: str, data: dict[str, Any]) -> bool:
        """A signal to this person's tab alone; False when it is away."""
        if self.socket is None:
            return False
        self.socket.send_json({"f": "signal", "sp": self.room.space, "k": kind, "d": data, "by": None})
        return True

    async def publish(self, sfu: Sfu, offer: object, labels: dict[str, str], anew: bool) -> str:
        """Take the browser's offer; returns the answer. Raises BadDescription, Recovering, MediaRefused."""
        sdp = descriptions.clean(offer, "offer")
        kinds = descriptions.mids(sdp)
        tracks = {mid: label for mid, label in labels.items() if kinds.get(mid) == LABELS.get(label, "")}
        if len(tracks) != len(kinds) or len(set(tracks.values())) != len(tracks):
            raise BadDescription()
        async with self._publishing:
            try:
                return await self._publish(sfu, sdp, tracks, anew)
            except SfuLost as error:
                raise Recovering() from error
            except SfuRefused as error:
                raise MediaRefused() from error

    async def sit(self, sfu: Sfu) -> Seat:
        """The seat, made when there is none. Raises SfuLost, SfuRefused."""
        if self.seat is None:
            self.seat = await sfu.seat(self.room.id, self)
            self.receiver.use(self.seat)
        return self.seat

    async def answer(self, number: int, sdp: object) -> None:
        self.receiver.answered(number, descriptions.clean(sdp, "answer"))

    async def select(self, asked: object) -> None:
        """How large the browser shows whom: only as much is sent."""
        if self.seat is not None:
            try:
                await self.seat.select(layers_of(asked, self.person.received, self.room))
            except SfuLost as error:
                raise Recovering() from error
            except SfuRefused as error:
                raise MediaRefused() from error

    def lose_seat(self) -> None:
        """The SFU is gone; what was published and received is void."""
        self.seat, self.person.feed, self.person.seat = None, None, None
        self.receiver.use(None)

    async def leave(self) -> None:
        await self.receiver.stop()
        seat, self.seat = self.seat, None
        self.person.feed = None
        if seat is not None:
            await seat.close()

    def remember(self) -> None:
        """Write down what another process needs to claim the seat."""
        if self.seat is not None:
            self.person.seat = self.seat.memo()

    def up(self, leg: Leg) -> None:
        if leg == "publish" and self.person.feed is not None:
            self.person.feed.up = True
            self._house.feeds_changed(self.room)

    def down(self, leg: Leg, reason: str) -> None:
        if leg == "subscribe":
            self.receiver.restart()
            return
        self.person.feed = None
        self._house.feeds_changed(self.room)
        self.tell("meet.reset", {"leg": "publish", "reason": reason})

    def talking(self, on: bool) -> None:
        self.person.talking = on
        self._house.signal(self.room, "meet.talking", {"person": self.person.id, "on": on})

    async def _publish(self, sfu: Sfu, sdp: str, tracks: dict[str, str], anew: bool) -> str:
        seat = await self.sit(sfu)
        feed = self.person.feed
        if feed is None or anew:
            feed = Feed(f"{self.person.id}.{random_id()}", tracks)
            self.person.feed = feed
            self._house.feeds_changed(self.room)
            try:
                return await seat.publish(feed.id, sdp, tracks)
            except (SfuLost, SfuRefused):
                self.person.feed = None
                raise
        answer = await seat.publish(feed.id, sdp, tracks)
        feed.tracks = tracks
        self._house.feeds_changed(self.room)
        return answer
