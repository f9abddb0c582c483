"""Janus as the SFU: rooms, seats, keepalives; comes and goes with the connection that it is given."""

import asyncio
import hmac
import logging
from hashlib import sha256
from typing import Any

from verbund.base.ids import b64
from verbund.meet.janus.link import Link, Message
from verbund.meet.janus.seat import PLUGIN, JanusSeat
from verbund.meet.sfu import SeatListener, SfuLost, SfuRefused, Source

KEEPALIVE_S = 25.0
SEATS_MAX = 500
PUBLISHERS_MAX = 60
ROOM_BITRATE_BPS = 3_000_000
_ROOM_EXISTS = 427
_NO_SUCH_ROOM = 426
log = logging.getLogger(__name__)


class JanusSfu:
    """See `sfu.Sfu`. `attach` gives it a life of Janus, `detach` takes it away."""

    def __init__(self) -> None:
        self._link: Link | None = None
        self._generation: str | None = None
        self._admin_key = ""
        self._session = self._handle = 0
        self._sessions: set[int] = set()
        self._keeper: asyncio.Task[None] | None = None

    @property
    def generation(self) -> str | None:
        return self._generation

    async def attach(self, link: Link, generation: str, admin_key: str) -> None:
        """Use this connection from now on. Raises SfuLost, SfuRefused."""
        self._link, self._admin_key = link, admin_key
        self._session = await self._create(link)
        answer = await link.ask({"janus": "attach", "session_id": self._session, "plugin": PLUGIN})
        self._handle = int(answer["data"]["id"])
        self._generation = generation
        self._keeper = asyncio.create_task(self._keep_alive(link), name="janus keepalive")

    async def detach(self) -> None:
        """The connection is gone: every seat is dead (in this process)."""
        link, self._link, self._generation = self._link, None, None
        self._sessions.clear()
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
            self._keeper = None
        if link is not None:
            await link.close()

    async def open(self, room: str) -> None:
        body = {
            "request": "create", "admin_key": self._admin_key, "room": room, "secret": self._secret(room),
            "permanent": False, "is_private": True, "publishers": PUBLISHERS_MAX, "bitrate": ROOM_BITRATE_BPS,
            "bitrate_cap": True, "fir_freq": 0, "audiocodec": "opus", "videocodec": "vp8,h264", "opus_fec": True,
            "h264_profile": "42e01f", "audiolevel_event": True, "audio_active_packets": 15, "audio_level_average": 55,
            "lock_record": True,
        }  # fmt: skip
        try:
            await self._control(body)
        except SfuRefused as refused:
            if refused.code != _ROOM_EXISTS:
                raise

    async def close(self, room: str) -> None:
        try:
            await self._control({"request": "destroy", "room": room, "secret": self._secret(room)})
        except SfuRefused as refused:
            if refused.code != _NO_SUCH_ROOM:
                raise

    async def seat(self, room: str, listener: SeatListener) -> JanusSeat:
        link = self._current()
        if len(self._sessions) >= SEATS_MAX:
            raise SfuRefused(0, "no seat left")
        session = await self._create(link)
        self._sessions.add(session)
        return JanusSeat(link, room, session, listener, self._sessions.discard)

    async def claim(self, room: str, memo: dict[str, Any], listener: SeatListener) -> JanusSeat:
        link = self._current()
        session = int(memo["session"])
        await link.ask({"janus": "claim", "session_id": session})
        self._sessions.add(session)
        seat = JanusSeat(link, room, session, listener, self._sessions.discard)
        seat.resume(memo)
        return seat

    async def silence(self, room: str, source: Source, on: bool) -> None:
        body = {
            "request": "moderate", "room": room, "secret": self._secret(room), "id": source.feed, "mid": source.mid,
            "mute": on,
        }  # fmt: skip
        await self._control(body)

    def _current(self) -> Link:
        if self._link is None or self._generation is None:
            raise SfuLost("away")
        return self._link

    async def _control(self, body: Message) -> Message:
        return await self._current().message(self._session, self._handle, body, event=False)

    async def _create(self, link: Link) -> int:
        answer = await link.ask({"janus": "create"})
        return int(answer["data"]["id"])

    def _secret(self, room: str) -> str:
        return b64(hmac.digest(self._admin_key.encode(), room.encode(), sha256))

    async def _keep_alive(self, link: Link) -> None:
        while True:
            await asyncio.sleep(KEEPALIVE_S)
            for session in (self._session, *list(self._sessions)):
                try:
                    await link.ask({"janus": "keepalive", "session_id": session})
                except SfuRefused:
                    self._sessions.discard(session)
                except SfuLost:
                    return
