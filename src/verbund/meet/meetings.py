"""Every call that runs here: who is in which room, and what becomes of them when a socket, the SFU, a process goes.

Knows no HTTP, no tables; facts are `calls.py`'s.
"""

import asyncio
import secrets
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from verbund.base.clock import Clock
from verbund.base.ids import AccountId, CoreId, DeviceId, ProviderId, SpaceId, random_id
from verbund.meet.attendee import Attendee, Socket
from verbund.meet.claims import Claims
from verbund.meet.refusals import NotInCall, RoomFull, TooManyCalls
from verbund.meet.room import ACCOUNTS_MAX, ROOM_PEOPLE_MAX, ROOMS_MAX, Person, Room
from verbund.meet.sfu import Sfu, SfuLost, SfuRefused

#: So long a person's media goes on without their socket.
AWAY_MS_MAX = 30_000
#: So long somebody has to write the fact that a call began, before another is asked.
STARTER_MS_MAX = 10_000


class Begun(NamedTuple):
    """A call that goes on here: its fact, when it began (ms), its order among calls, who was in it."""

    call: CoreId
    at: int
    order: str
    accounts: list[AccountId]


class Start(NamedTuple):
    """The fact that a call began: the room that it is for, its order among calls, the provider that took it in."""

    space: SpaceId
    call: CoreId
    room: str
    order: str
    place: ProviderId


class Outside(Protocol):
    """Whom rooms tell."""

    def signal(self, space: SpaceId, kind: str, data: dict[str, Any]) -> None:
        """To everybody of the space who is here."""

    def ended(self, room: Room, last_at: int) -> None:
        """The last person has gone, at that time (ms)."""


class Meetings:
    """The rooms of this process. Lives in the loop's thread."""

    def __init__(
        self, sfu: Sfu, clock: Clock, outside: Outside, keep: Callable[[], None], provider: ProviderId
    ) -> None:
        self.sfu, self._clock, self._outside, self._provider = sfu, clock, outside, provider
        self.rooms: dict[SpaceId, Room] = {}
        self.attendees: dict[str, Attendee] = {}
        self._by_socket: dict[str, Attendee] = {}
        #: Something changed that the next process must know.
        self.kept = keep
        self._chores: set[asyncio.Task[Any]] = set()

    async def join(
        self, socket: Socket, account: AccountId, device: DeviceId, space: SpaceId, audio: bool, video: bool,
        goes_on: Begun | None = None,
    ) -> Attendee:  # fmt: skip
        """Into the call of the space, which begins if none runs, or goes on here when its provider is gone.

        Raises RoomFull, TooManyCalls.
        """
        await self.leave(socket)
        room = self.rooms.get(space)
        if room is None:
            room = self._open(space, goes_on)
        if len(room.people) >= ROOM_PEOPLE_MAX:
            raise RoomFull(people_max=ROOM_PEOPLE_MAX)
        person = Person(
            random_id(), secrets.token_urlsafe(16), account, device, self._clock.now_ms(), audio=audio, video=video
        )
        room.people[person.id] = person
        if account not in room.accounts and len(room.accounts) < ACCOUNTS_MAX:
            room.accounts.append(account)
        attendee = self._admit(room, person)
        self._hold(socket, attendee)
        await self._open_at_sfu(room, attendee)
        self.shown_changed(room)
        return attendee

    def resume(self, socket: Socket, account: AccountId, space: SpaceId, person: str, secret: str) -> Attendee | None:
        """Back on a new socket; None when the person is no longer in the room."""
        attendee = self.attendees.get(person)
        if attendee is None or attendee.person.account != account or attendee.room.space != space:
            return None
        if not secrets.compare_digest(attendee.person.secret, secret):
            return None
        self._hold(socket, attendee)
        attendee.person.away_since = None
        if not attendee.person.settled:
            attendee.receiver.restart()
        attendee.receiver.poke()
        self.shown_changed(attendee.room)
        return attendee

    def of(self, socket: Socket) -> Attendee:
        """Who this socket is in a call. Raises NotInCall."""
        attendee = self._by_socket.get(socket.id)
        if attendee is None:
            raise NotInCall()
        return attendee

    async def leave(self, socket: Socket) -> None:
        """Out of the call this socket is in, if any."""
        attendee = self._by_socket.get(socket.id)
        if attendee is not None:
            await self.remove(attendee)

    async def remove(self, attendee: Attendee) -> None:
        """This person is no longer in the room; with the last one the call ends."""
        room, person = attendee.room, attendee.person
        if self.attendees.pop(person.id, None) is None:
            return
        if attendee.socket is not None:
            self._by_socket.pop(attendee.socket.id, None)
        room.people.pop(person.id, None)
        if not room.people:
            self._end(room, person.away_since or self._clock.now_ms())
        else:
            self.feeds_changed(room)
            self.shown_changed(room)
        await attendee.leave()

    async def remove_account(self, space: SpaceId, account: AccountId) -> None:
        """This account may no longer be in the space's call."""
        for attendee in [one for one in self.attendees.values() if one.room.space == space]:
            if attendee.person.account == account:
                attendee.tell("meet.over", {"reason": "removed"})
                await self.remove(attendee)

    def gone(self, socket: Socket) -> None:
        """The socket closed: media goes on for AWAY_MS_MAX."""
        attendee = self._by_socket.pop(socket.id, None)
        if attendee is not None:
            attendee.socket = None
            attendee.person.away_since = self._clock.now_ms()
            self.shown_changed(attendee.room)

    async def sfu_changed(self, generation: str | None, claims: Claims | None = None) -> None:
        """It is there in this generation, or away. `claims`: what an earlier process left, to be taken over."""
        if generation is not None and claims is not None and claims.generation == generation:
            for attendee in list(self.attendees.values()):
                await self._claim(attendee)
        else:
            for attendee in self.attendees.values():
                attendee.lose_seat()
            if generation is not None:
                for room in list(self.rooms.values()):
                    await self._open_rooms_again(room)
        for attendee in self.attendees.values():
            if attendee.seat is None:
                attendee.tell("meet.reset", {"leg": "both", "generation": generation})
        self.kept()

    def restore(self, claims: Claims) -> None:
        """The rooms of an earlier process; everybody is away until their browser is back."""
        now = self._clock.now_ms()
        for room in claims.rooms[:ROOMS_MAX]:
            self.rooms[room.space] = room
            for person in room.people.values():
                person.away_since = person.away_since or now
                self._admit(room, person)

    def remember(self) -> Claims:
        """What the next process needs."""
        for attendee in self.attendees.values():
            attendee.remember()
        return Claims(self.sfu.generation, list(self.rooms.values()))

    async def sweep(self) -> None:
        """Every few seconds: who was away for too long is out; who should begin the fact and did not is replaced."""
        now = self._clock.now_ms()
        for attendee in list(self.attendees.values()):
            away = attendee.person.away_since
            if away is not None and now - away > AWAY_MS_MAX:
                await self.remove(attendee)
        for room in list(self.rooms.values()):
            if room.call is None and now - room.asked_at > STARTER_MS_MAX:
                self._ask_to_start(room)

    async def stop(self) -> None:
        """Let go of everything; seats stay, for the next process claims them."""
        for attendee in self.attendees.values():
            await attendee.receiver.stop()
        for chore in self._chores:
            chore.cancel()
        await asyncio.gather(*self._chores, return_exceptions=True)

    def started(self, start: Start) -> bool:
        """The fact that a call began came in. Whether it is that of a room here."""
        room, own = self.rooms.get(start.space), start.place == self._provider
        if room is None:
            return False
        if room.call is None and (own or start.room == room.id):
            room.call, room.order = start.call, start.order
            self.shown_changed(room)
        return room.call == start.call

    def has(self, space: SpaceId, call: CoreId) -> bool:
        """Whether this call has a room here."""
        room = self.rooms.get(space)
        return room is not None and room.call == call

    async def send_away(self, room: Room, place: ProviderId) -> None:
        """Everybody goes on in the call at another provider; this room is no more, its call is not over by that."""
        if self.rooms.get(room.space) is not room:
            return
        self.rooms.pop(room.space)
        self.signal(room, "meet.moved", {"to": place})
        for attendee in [self.attendees.pop(one) for one in list(room.people) if one in self.attendees]:
            if attendee.socket is not None:
                self._by_socket.pop(attendee.socket.id, None)
            await attendee.leave()
        room.people.clear()
        self._later(self._close_at_sfu(room))
        self.kept()

    def feeds_changed(self, room: Room) -> None:
        for person in room.people:
            attendee = self.attendees.get(person)
            if attendee is not None:
                attendee.receiver.poke()
        self.kept()

    def signal(self, room: Room, kind: str, data: dict[str, Any]) -> None:
        for person in room.people:
            attendee = self.attendees.get(person)
            if attendee is not None:
                attendee.tell(kind, data)

    def shown_changed(self, room: Room) -> None:
        """Everybody of the space may see who is in the call."""
        shown = room.shown()
        self._outside.signal(room.space, "meet.people", shown)
        self.signal(room, "meet.people", shown)  # their sockets need not follow the space
        self.kept()

    def _open(self, space: SpaceId, goes_on: Begun | None) -> Room:
        if len(self.rooms) >= ROOMS_MAX:
            raise TooManyCalls()
        room = Room(random_id(), space, self._clock.now_ms(), place=self._provider)
        if goes_on is not None:
            room.call, room.opened_at, room.order, room.accounts = goes_on
        self.rooms[space] = room
        return room

    def _end(self, room: Room, last_at: int) -> None:
        self.rooms.pop(room.space, None)
        self._outside.signal(room.space, "meet.people", room.shown())
        self._outside.ended(room, last_at)
        self._later(self._close_at_sfu(room))
        self.kept()

    def _admit(self, room: Room, person: Person) -> Attendee:
        attendee = self.attendees[person.id] = Attendee(room, person, self)
        return attendee

    def _hold(self, socket: Socket, attendee: Attendee) -> None:
        if attendee.socket is not None:
            self._by_socket.pop(attendee.socket.id, None)
        attendee.socket = socket
        self._by_socket[socket.id] = attendee

    def _ask_to_start(self, room: Room) -> None:
        here = [one for one in room.people if self.attendees[one].socket is not None]
        others = [one for one in here if one != room.starter]
        if not here:
            return
        room.starter, room.asked_at = (others or here)[0], self._clock.now_ms()
        self.attendees[room.starter].tell("meet.start", {})

    async def _open_at_sfu(self, room: Room, attendee: Attendee) -> None:
        if room.call is None and room.starter is None:
            room.starter, room.asked_at = attendee.person.id, self._clock.now_ms()
        if self.sfu.generation is None:
            return
        try:
            await self.sfu.open(room.id)
            await attendee.sit(self.sfu)
        except (SfuLost, SfuRefused):
            return  # the browser's offer comes next and is told

    async def _open_rooms_again(self, room: Room) -> None:
        try:
            await self.sfu.open(room.id)
        except (SfuLost, SfuRefused):
            return  # it went again; the next generation follows

    async def _close_at_sfu(self, room: Room) -> None:
        try:
            await self.sfu.close(room.id)
        except (SfuLost, SfuRefused):
            return  # rooms die with the SFU

    async def _claim(self, attendee: Attendee) -> None:
        memo = attendee.person.seat
        try:
            if memo is None:
                attendee.lose_seat()
                return
            attendee.seat = await self.sfu.claim(attendee.room.id, memo, attendee)
            attendee.receiver.use(attendee.seat)
        except (SfuLost, SfuRefused):
            attendee.lose_seat()

    def _later(self, work: Any) -> None:
        chore = asyncio.create_task(work)
        self._chores.add(chore)
        chore.add_done_callback(self._chores.discard)
