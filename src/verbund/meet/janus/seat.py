"""One person's session at Janus: a handle that publishes, a handle that receives."""

from collections.abc import Callable, Sequence
from typing import Any

from verbund.meet.janus.link import Link, Message
from verbund.meet.sfu import Layers, Leg, Offer, SeatListener, SfuLost, SfuRefused, Source

PLUGIN = "janus.plugin.videoroom"
#: Janus's way to say that a handle or session is not there (any more).
GONE = frozenset({458, 459})


class JanusSeat:
    """See `sfu.Seat`. The session dies with it."""

    def __init__(
        self, link: Link, room: str, session: int, listener: SeatListener, gone: Callable[[int], None]
    ) -> None:
        self._link, self._room, self._session, self._listener, self._gone = link, room, session, listener, gone
        self._publisher: int | None = None
        self._subscriber: int | None = None
        self._feed = ""

    async def publish(self, feed: str, offer: str, labels: dict[str, str]) -> str:
        described = [{"mid": mid, "description": label} for mid, label in labels.items()]
        body: Message = {"request": "configure", "descriptions": described}
        if feed != self._feed:
            await self._retire()
            self._publisher = await self._attach("publish")
            self._feed = feed
            join = {"request": "join", "ptype": "publisher", "room": self._room, "id": feed}
            await self._message(self._publisher, join)
            body["request"] = "publish"
        answer = await self._message(self._handle(self._publisher), body, {"type": "offer", "sdp": offer})
        return str(answer["jsep"]["sdp"])

    async def subscribe(self, add: Sequence[Source], remove: Sequence[str]) -> Offer | None:
        wanted = [{"feed": source.feed, "mid": source.mid} for source in add]
        if self._subscriber is None:
            if not wanted:
                return None
            self._subscriber = await self._attach("subscribe")
            body: Message = {
                "request": "join", "ptype": "subscriber", "room": self._room, "use_msid": True, "autoupdate": False,
                "streams": wanted,
            }  # fmt: skip
        else:
            body = {"request": "update"}
            if wanted:
                body["subscribe"] = wanted
            if remove:
                body["unsubscribe"] = [{"sub_mid": mid} for mid in remove]
        answer = await self._message(self._subscriber, body)
        if "jsep" not in answer:
            return None
        return Offer(str(answer["jsep"]["sdp"]), _streams(answer.get("streams", [])))

    async def answer(self, sdp: str) -> None:
        await self._message(self._handle(self._subscriber), {"request": "start"}, {"type": "answer", "sdp": sdp})

    async def select(self, layers: Sequence[Layers]) -> None:
        if not layers or self._subscriber is None:
            return
        streams = [
            {"mid": one.mid, "substream": one.substream, "temporal": one.temporal, "send": one.send} for one in layers
        ]
        await self._message(self._subscriber, {"request": "configure", "streams": streams})

    async def unsubscribe(self) -> None:
        handle, self._subscriber = self._subscriber, None
        await self._detach(handle)

    async def close(self) -> None:
        for handle in (self._publisher, self._subscriber):
            if handle is not None:
                self._link.listen(self._session, handle, None)
        self._publisher = self._subscriber = None
        self._gone(self._session)
        try:
            await self._link.ask({"janus": "destroy", "session_id": self._session})
        except (SfuRefused, SfuLost):
            return  # gone already, which is what was wanted

    def memo(self) -> dict[str, Any]:
        return {
            "session": self._session, "publisher": self._publisher, "subscriber": self._subscriber, "feed": self._feed,
        }  # fmt: skip

    def resume(self, memo: dict[str, Any]) -> None:
        """Go on with the handles of an earlier process."""
        self._publisher, self._subscriber, self._feed = memo["publisher"], memo["subscriber"], memo["feed"]
        for leg, handle in (("publish", self._publisher), ("subscribe", self._subscriber)):
            if handle is not None:
                self._link.listen(self._session, handle, self._heard("publish" if leg == "publish" else "subscribe"))

    def _handle(self, handle: int | None) -> int:
        if handle is None:
            raise SfuRefused(459, "no handle")
        return handle

    async def _message(self, handle: int, body: Message, jsep: Message | None = None) -> Message:
        return await self._link.message(self._session, handle, body, jsep)

    async def _attach(self, leg: Leg) -> int:
        answer = await self._link.ask({"janus": "attach", "session_id": self._session, "plugin": PLUGIN})
        handle = int(answer["data"]["id"])
        self._link.listen(self._session, handle, self._heard(leg))
        return handle

    async def _retire(self) -> None:
        handle, self._publisher, self._feed = self._publisher, None, ""
        await self._detach(handle)

    async def _detach(self, handle: int | None) -> None:
        if handle is None:
            return
        self._link.listen(self._session, handle, None)
        try:
            await self._link.ask({"janus": "detach", "session_id": self._session, "handle_id": handle})
        except SfuRefused as refused:
            if refused.code not in GONE:
                raise

    def _heard(self, leg: Leg) -> Any:
        def heard(frame: Message) -> None:
            kind = frame.get("janus")
            if kind == "webrtcup":
                self._listener.up(leg)
            elif kind in ("hangup", "detached"):
                self._listener.down(leg, str(frame.get("reason", kind)))
            elif kind == "event" and leg == "publish":
                self._spoken(frame.get("plugindata", {}).get("data", {}))

        return heard

    def _spoken(self, data: Message) -> None:
        event = data.get("videoroom")
        if event in ("talking", "stopped-talking") and data.get("id") == self._feed:
            self._listener.talking(event == "talking")


def _streams(streams: Sequence[Message]) -> dict[str, Source]:
    """The subscriber's mid → what it carries; inactive ones carry nothing."""
    return {
        str(one["mid"]): Source(str(one["feed_id"]), str(one["feed_mid"]))
        for one in streams
        if one.get("active", True) and "feed_id" in one and "feed_mid" in one
    }
