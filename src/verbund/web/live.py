"""/live: one WebSocket per browser. Follow by vector, entries, acknowledgements, signals, calls."""

import asyncio
import logging
from typing import Any, Protocol

import msgspec

from verbund.accounts.schemas import Caller
from verbund.base.ids import SpaceId
from verbund.base.refusal import Broken, Malformed, Refusal, TooFast, Unknown
from verbund.log import entry as entries
from verbund.log.outcome import Outcome
from verbund.log.service import ENTRIES_PAGE, LogService
from verbund.spaces.queries import vectors_of
from verbund.spaces.queries.rights import belongs_to
from verbund.web.frames import FOLLOWED_MAX, Call, Follow, Incoming, Ping, Signal, Submit, Unfollow
from verbund.web.hub import Connection, Hub, Wire
from verbund.web.intake import Intake
from verbund.web.socket import End

FRAME_BYTES_MAX = 256 * 1024
FRAMES_PER_S = 50
FRAMES_BURST = 400
#: Browsers wake a hidden tab once a minute; two missed pings and it is gone.
SILENCE_S_MAX = 150.0
CALLS_MAX = 16
SIGNAL_KINDS = frozenset({"typing"})
SIGNAL_BYTES_MAX = 2048
_decoder = msgspec.json.Decoder(Incoming)
log = logging.getLogger(__name__)
Calls = set[asyncio.Task[None]]


class Socket(Wire, Protocol):
    """What a browser is spoken to through (see socket.py)."""

    def take(self, end: End) -> None: ...


class Live:
    """Serves the sockets of one process."""

    def __init__(self, service: LogService, intake: Intake, hub: Hub, incarnation: int) -> None:
        self.service, self.intake, self.hub, self.incarnation = service, intake, hub, incarnation
        service.told.append(hub.told)

    async def serve(self, caller: Caller, language: str, socket: Socket) -> str:
        """From the accepted socket to its end, whoever ends it; the code why."""
        connection = Connection(caller, language, socket)
        connection.send_json(self._hello(caller))
        self.hub.add(connection)
        end = _End(self, connection)
        try:
            socket.take(end)
            return await connection.over
        finally:
            end.stop()
            self.hub.remove(connection)
            connection.close("live.ended")
            await asyncio.gather(*end.calls, return_exceptions=True)

    def _hello(self, caller: Caller) -> dict[str, Any]:
        return {
            "f": "hello", "provider": self.service.provider, "incarnation": self.incarnation,
            "now": self.service.core.clock.now_ms(), "account": caller.account, "device": caller.device,
        }  # fmt: skip

    def frame(self, connection: Connection, raw: str, calls: Calls) -> None:
        """What a browser says."""
        try:
            frame = _decoder.decode(raw)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            connection.send_json(_error(Malformed(), connection.language))
            return
        match frame:
            case Submit():
                self._submit(connection, frame, calls)
            case Ping():
                connection.send(b'{"f":"pong"}')
            case Follow():
                self._start(calls, connection, self._follow(connection, frame))
            case Unfollow():
                self.hub.unfollow(connection, frame.s)
            case Signal():
                self._signal(connection, frame)
            case Call():
                self._start(calls, connection, self._call(connection, frame))

    def _start(self, calls: Calls, connection: Connection, work: Any) -> None:
        """Calls of one connection run beside each other, CALLS_MAX at most."""
        if len(calls) >= CALLS_MAX:
            work.close()
            connection.close(TooFast.code)
            return
        task = asyncio.create_task(work)
        calls.add(task)
        task.add_done_callback(calls.discard)

    def _submit(self, connection: Connection, frame: Submit, calls: Calls) -> None:
        """Without a task for each: the writer calls back. Only what it took back is tried anew, in a task."""
        if connection.submits >= CALLS_MAX:
            connection.close(TooFast.code)
            return

        def told(outcomes: list[Outcome] | None) -> None:
            connection.submits -= 1
            if outcomes is None:
                self._start(calls, connection, self._submit_slowly(connection, frame))
            else:
                _acknowledge(connection, frame, outcomes)

        try:
            self.intake.post(connection.caller, frame.p, told)
            connection.submits += 1
        except Refusal as refusal:
            connection.send_json({**_error(refusal, connection.language), "n": frame.n})

    async def _submit_slowly(self, connection: Connection, frame: Submit) -> None:
        try:
            _acknowledge(connection, frame, await self.service.submit(frame.p))
        except Refusal as refusal:
            connection.send_json({**_error(refusal, connection.language), "n": frame.n})
        except Exception:
            log.exception("a submit failed")
            connection.send_json({**_error(Broken(), connection.language), "n": frame.n})

    async def _follow(self, connection: Connection, frame: Follow) -> None:
        """One look at the store for all of them: whoever comes over from a provider that died lacks next to nothing."""
        wanted = list(frame.s)[:FOLLOWED_MAX]
        commits = self.hub.commits
        ends = await self.service.store.look(self._ends, connection, wanted)
        for space in wanted:
            if space not in ends or len(connection.following) >= FOLLOWED_MAX:
                connection.send_json({"f": "gone", "sp": space})
                continue
            after = {key: seq for key, seq in frame.s[space].items() if seq >= 0}
            is_behind = any(after.get(key, 0) < seq for key, seq in ends[space].items())
            # What was told since the look, before this connection listened, has to be looked for once more.
            await self._catch_up(connection, space, after, is_behind or commits != self.hub.commits)

    async def _catch_up(self, connection: Connection, space: SpaceId, after: entries.Vector, more: bool) -> None:
        """Backlog first, then what came meanwhile, then live: nothing is missed, for listening begins before reading.

        An entry of the overlap may come twice; the browser knows it by its place.
        """
        if space not in connection.held:
            connection.held[space] = []
            self.hub.follow(connection, space)
        try:
            while more and space in connection.following:
                page, more = await asyncio.to_thread(self.service.entries, space, after, ENTRIES_PAGE)
                if page:
                    connection.send(entries.frame(space, page))
                    after = _advanced(after, page)
                    await asyncio.sleep(0)
        except ValueError:
            connection.send_json(_error(Malformed(), connection.language))
        for waiting in connection.held.pop(space, []):
            connection.send(waiting)
        connection.send_json({"f": "caught", "sp": space, "v": after})
        self.hub.tell_durable(connection, space)

    def _ends(self, connection: Connection, spaces: list[SpaceId]) -> dict[SpaceId, entries.Vector]:
        """Of these spaces those that the person belongs to, and how far each goes."""
        with self.service.store.read() as read:
            mine = belongs_to(read, connection.account, spaces)
            vectors = vectors_of(read, mine)
        return {space: vectors.get(space, {}) for space in mine}

    def _signal(self, connection: Connection, frame: Signal) -> None:
        if frame.sp not in connection.following or frame.k not in SIGNAL_KINDS:
            return
        if len(msgspec.json.encode(frame.d)) > SIGNAL_BYTES_MAX:
            return
        self.hub.signal(frame.sp, frame.k, frame.d, by=connection.account, skip=connection)

    async def _call(self, connection: Connection, frame: Call) -> None:
        handler = self.hub.handler(frame.m) or _unknown
        try:
            answer = await handler(connection, frame.d)
            connection.send_json({"f": "reply", "n": frame.n, "d": answer})
        except Refusal as refusal:
            connection.send_json({**_error(refusal, connection.language), "f": "reply", "n": frame.n})
        except Exception:
            log.exception("call %s failed", frame.m)
            connection.send_json({**_error(Broken(), connection.language), "f": "reply", "n": frame.n})


class _End:
    """A browser's end of its socket: what it says, not too fast; and whether it still says anything."""

    __slots__ = ("_allowance", "_connection", "_heard", "_live", "_loop", "_silence", "calls")

    def __init__(self, live: Live, connection: Connection) -> None:
        self._live, self._connection = live, connection
        self.calls: Calls = set()
        self._loop = asyncio.get_running_loop()
        self._allowance, self._heard = float(FRAMES_BURST), self._loop.time()
        self._silence = self._loop.call_later(SILENCE_S_MAX, self._listen)

    def heard(self, frame: str) -> None:
        connection, now = self._connection, self._loop.time()
        if connection.over.done():
            return
        self._allowance = min(FRAMES_BURST, self._allowance + (now - self._heard) * FRAMES_PER_S) - 1
        self._heard = now
        if self._allowance < 0:
            connection.close(TooFast.code)
        elif len(frame) > FRAME_BYTES_MAX:
            connection.close("live.oversized")
        else:
            self._live.frame(connection, frame, self.calls)

    def drained(self) -> None:
        self._connection.drained()

    def gone(self) -> None:
        self._connection.close("live.ended")

    def stop(self) -> None:
        """It is over."""
        self._silence.cancel()
        for task in self.calls:
            task.cancel()

    def _listen(self) -> None:
        """The timer is not set anew for every frame: it looks when the last one came."""
        left = self._heard + SILENCE_S_MAX - self._loop.time()
        if left > 0:
            self._silence = self._loop.call_later(left, self._listen)
        else:
            self._connection.close("live.silent")


def _acknowledge(connection: Connection, frame: Submit, outcomes: list[Outcome]) -> None:
    if len(outcomes) == 1 and outcomes[0].st == "accepted":  # nearly always
        connection.send(f'{{"f":"ack","n":{frame.n},"r":[{{"id":"{outcomes[0].id}","st":"accepted"}}]}}'.encode())
        return
    told = [one.wire(connection.language) for one in outcomes]
    connection.send_json({"f": "ack", "n": frame.n, "r": told})


async def _unknown(_connection: Connection, _data: Any) -> None:
    raise Unknown()


def _advanced(vector: entries.Vector, page: list[bytes]) -> entries.Vector:
    """The vector after these entries."""
    after = dict(vector)
    for raw in page:
        one = msgspec.json.decode(raw, type=_Place)
        key = entries.sublog(one.p, one.i)
        after[key] = max(after.get(key, 0), one.n)
    return after


class _Place(msgspec.Struct):
    p: str
    i: int
    n: int


def _error(refusal: Refusal, language: str) -> dict[str, Any]:
    told = {"code": refusal.code, "detail": refusal.sentence(language)}
    if isinstance(refusal, TooFast) and refusal.fields:
        told |= refusal.fields
    return {"f": "error", "e": told}
