"""Calls over /live: every method checks who asks, reads what was sent, hands over."""

import time
from collections.abc import Callable
from typing import Annotated, Any, Literal, NamedTuple, Protocol

import msgspec

from verbund.base.ids import AccountId, DeviceId, ProviderId, SpaceId, is_hash
from verbund.base.refusal import Malformed, Unknown
from verbund.log.service import LogService
from verbund.log.tx import Reader
from verbund.meet import queries
from verbund.meet.attendee import Attendee, Socket
from verbund.meet.calls import Calls
from verbund.meet.elsewhere import Elsewhere, shown
from verbund.meet.meetings import Begun, Meetings
from verbund.meet.refusals import NotSetUp, Recovering
from verbund.meet.room import ROOMS_MAX
from verbund.meet.turn import Turn
from verbund.spaces.authority import CALL, MODERATE, authority_now

TRACKS_MAX = 4
PLACES_MAX = 16


class Connection(Socket, Protocol):
    """A socket of /live, as much of it as calls need."""

    @property
    def account(self) -> AccountId: ...

    @property
    def device(self) -> DeviceId: ...


class Back(msgspec.Struct, frozen=True):
    """Who the browser was before its socket broke."""

    id: str
    secret: str
    generation: str | None = None


class Join(msgspec.Struct, frozen=True):
    space: SpaceId
    audio: bool = False
    video: bool = False
    resume: Back | None = None
    #: The call that the browser knows to run: it goes on here when its provider is gone.
    call: str | None = None
    #: Providers that the browser does not reach.
    gone: Annotated[tuple[ProviderId, ...], msgspec.Meta(max_length=PLACES_MAX)] = ()


class Publish(msgspec.Struct, frozen=True):
    """`tracks`: mid → label. `anew`: the browser's connection is a new one."""

    sdp: str
    tracks: dict[str, Literal["microphone", "camera", "screen"]]
    generation: str
    anew: bool = False


class Answer(msgspec.Struct, frozen=True):
    n: int
    sdp: str


class Flags(msgspec.Struct, frozen=True):
    audio: bool | None = None
    video: bool | None = None
    screen: bool | None = None
    hand: bool | None = None


class Silence(msgspec.Struct, frozen=True):
    person: str


class _Known(NamedTuple):
    """What facts say of the call that somebody wants into: it is at `place`; None = at no partner."""

    begun: Begun | None
    place: ProviderId | None


class Methods:
    """The handlers. `missing()`: why this server cannot do calls, None when it can."""

    def __init__(
        self, meetings: Meetings, calls: Calls, elsewhere: Elsewhere, service: LogService, turn: Turn,
        missing: Callable[[], NotSetUp | None],
    ) -> None:  # fmt: skip
        self._meetings, self._calls, self._elsewhere = meetings, calls, elsewhere
        self._service, self._turn, self._missing = service, turn, missing

    def table(self) -> dict[str, Any]:
        """Method → handler."""
        return {
            "meet.calls": self.calls, "meet.join": self.join, "meet.publish": self.publish, "meet.answer": self.answer,
            "meet.layers": self.layers, "meet.state": self.state, "meet.restart": self.restart,
            "meet.silence": self.silence, "meet.leave": self.leave,
        }  # fmt: skip

    async def calls(self, conn: Connection, _data: Any) -> dict[str, Any]:
        """What runs in the spaces of the person who asks."""
        rooms = list(self._meetings.rooms.values())[:ROOMS_MAX]
        mine, others = await self._service.store.look(self._allowed, conn.account, [room.space for room in rooms])
        here = [room.shown() for room in rooms if room.space in mine]
        return {"available": self._missing() is None, "calls": here + others}

    async def join(self, conn: Connection, data: Any) -> dict[str, Any]:
        """Into a call, or back into it; or where it is. Raises Unknown to strangers, NotSetUp, RoomFull."""
        wanted = _read(data, Join)
        if not is_hash(wanted.space):
            raise Unknown()
        known = await self._service.store.look(self._known, wanted, conn.account)
        opens = wanted.space not in self._meetings.rooms
        if opens and known.place is not None and known.place not in wanted.gone:
            return {"elsewhere": known.place}
        missing = self._missing()
        if missing is not None:
            raise missing
        attendee = None
        if wanted.resume is not None:
            back = wanted.resume
            attendee = self._meetings.resume(conn, conn.account, wanted.space, back.id, back.secret)
        if attendee is not None:
            return self._joined(attendee, back.generation)
        attendee = await self._meetings.join(
            conn, conn.account, conn.device, wanted.space, wanted.audio, wanted.video, known.begun
        )
        if opens and known.place is not None and known.begun is not None:
            self._calls.move(wanted.space, known.begun.call)
        return self._joined(attendee, None)

    async def publish(self, conn: Connection, data: Any) -> dict[str, Any]:
        wanted = _read(data, Publish)
        attendee = self._meetings.of(conn)
        if wanted.generation != self._meetings.sfu.generation:
            raise Recovering()
        if len(wanted.tracks) > TRACKS_MAX:
            raise Malformed()
        answer = await attendee.publish(self._meetings.sfu, wanted.sdp, dict(wanted.tracks), wanted.anew)
        self._meetings.kept()
        return {"sdp": answer}

    async def answer(self, conn: Connection, data: Any) -> dict[str, Any]:
        wanted = _read(data, Answer)
        await self._meetings.of(conn).answer(wanted.n, wanted.sdp)
        return {}

    async def layers(self, conn: Connection, data: Any) -> dict[str, Any]:
        """How large each picture is shown: [{person, label, layer}], layer 0–2 or null = not at all."""
        attendee = self._meetings.of(conn)
        try:
            await attendee.select(data)
        except msgspec.ValidationError as error:
            raise Malformed() from error
        return {}

    async def state(self, conn: Connection, data: Any) -> dict[str, Any]:
        """Microphone, camera, screen, hand: what others are to see of it."""
        flags, attendee = _read(data, Flags), self._meetings.of(conn)
        for name in Flags.__struct_fields__:
            value = getattr(flags, name)
            if value is not None:
                setattr(attendee.person, name, value)
        self._meetings.shown_changed(attendee.room)
        return {}

    async def restart(self, conn: Connection, _data: Any) -> dict[str, Any]:
        """The browser's receiving connection is broken: a new one, please."""
        self._meetings.of(conn).receiver.restart()
        return {}

    async def silence(self, conn: Connection, data: Any) -> dict[str, Any]:
        """Switch somebody's microphone off, until they switch it on again. For those who moderate the space."""
        wanted, attendee = _read(data, Silence), self._meetings.of(conn)
        room = attendee.room
        await self._service.store.look(self._require, room.space, conn.account, MODERATE)
        other = self._meetings.attendees.get(wanted.person)
        if other is None or other.room is not room:
            raise Unknown()
        other.person.audio = False
        other.tell("meet.silenced", {"by": attendee.person.id})
        self._meetings.shown_changed(room)
        return {}

    async def leave(self, conn: Connection, _data: Any) -> dict[str, Any]:
        await self._meetings.leave(conn)
        return {}

    def _joined(self, attendee: Attendee, generation: str | None) -> dict[str, Any]:
        room, person, current = attendee.room, attendee.person, self._meetings.sfu.generation
        feed = person.feed
        kept = attendee.seat is not None and feed is not None and feed.up and generation == current
        return {
            "me": person.id, "secret": person.secret, "start": room.call is None and room.starter == person.id,
            "nonce": room.id, "ice_servers": self._turn.servers(person.id, time.time()), "room": room.shown(),
            "generation": current, "media": "kept" if kept else "fresh",
            "streams": room.streams(person.received) if kept else [],
        }  # fmt: skip

    def _known(self, wanted: Join, account: AccountId) -> _Known:
        """Raises Unknown."""
        self._require(wanted.space, account, CALL)
        with self._service.store.read() as connection:
            call = self._elsewhere.find(connection, wanted.space).get(wanted.space)
            place = None if call is None else call.place
            if call is None:
                of_space = queries.open_calls(connection, wanted.space)
                call = next((one for one in of_space if one.id == wanted.call), None)
            if call is None:
                return _Known(None, None)
            return _Known(Begun(call.id, call.at, call.order, queries.accounts(connection, call.id)), place)

    def _require(self, space: SpaceId, account: AccountId, ability: str) -> None:
        with self._service.store.read() as connection:
            authority = authority_now(self._view(connection), space)
            if authority is None:
                raise Unknown()
            authority.require(account, ability)

    def _allowed(self, account: AccountId, rooms: list[SpaceId]) -> tuple[set[SpaceId], list[dict[str, Any]]]:
        """(those of these spaces whose calls they may join, the calls at partners that they may join)."""
        with self._service.store.read() as connection:
            view, away = self._view(connection), self._elsewhere.find(connection)
            found = {space: authority_now(view, space) for space in {*rooms, *away}}
            mine = {one for one, authority in found.items() if authority is not None and authority.may(account, CALL)}
            others = [shown(connection, call) for space, call in away.items() if space in mine and space not in rooms]
        return mine, others

    def _view(self, connection: Any) -> Reader:
        return Reader(connection, self._service.core.clock, self._service.core.directory)


def _read(data: Any, shape: Any) -> Any:
    try:
        return msgspec.convert(data, shape)
    except msgspec.ValidationError as error:
        raise Malformed() from error
