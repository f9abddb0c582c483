"""The Janus API over a WebSocket on a Unix socket: requests with answers, and events by handle."""

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
from websockets.asyncio.client import ClientConnection, unix_connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

from verbund.base.ids import random_id
from verbund.meet.sfu import SfuLost, SfuRefused

ANSWER_TIMEOUT_S = 10.0
CONNECT_TIMEOUT_S = 5.0
PENDING_MAX = 2_000
FRAME_BYTES_MAX = 1024 * 1024

Message = dict[str, Any]
Listener = Callable[[Message], None]


class Link:
    """One connection to Janus. When it breaks, everything that waits gets SfuLost and `closed` is set."""

    def __init__(self, connection: ClientConnection, secret: str) -> None:
        self._connection, self._secret = connection, secret
        self._pending: dict[str, tuple[asyncio.Future[Message], bool]] = {}
        self._listeners: dict[tuple[int, int], Listener] = {}
        self._reader = asyncio.create_task(self._read(), name="janus link")
        self.closed = asyncio.Event()

    @classmethod
    async def connect(cls, folder: Path, secret: str) -> "Link":
        """Connect to `api.sock` in the folder, however long the folder's path is. Raises SfuLost."""
        place = os.open(folder, os.O_PATH | os.O_DIRECTORY)
        try:
            connection = await unix_connect(
                f"/proc/self/fd/{place}/api.sock", uri="ws://janus/", subprotocols=[Subprotocol("janus-protocol")],
                max_size=FRAME_BYTES_MAX, compression=None, ping_interval=None, open_timeout=CONNECT_TIMEOUT_S,
            )  # fmt: skip
        except (OSError, WebSocketException, TimeoutError) as error:
            raise SfuLost(str(error)) from error
        finally:
            os.close(place)
        return cls(connection, secret)

    def listen(self, session: int, handle: int, listener: Listener | None) -> None:
        """Events of this handle go there; None: nowhere."""
        if listener is None:
            self._listeners.pop((session, handle), None)
        else:
            self._listeners[session, handle] = listener

    async def ask(self, request: Message, event: bool = False) -> Message:
        """The answer to a request; with `event` the event that follows its acknowledgement.

        Raises SfuRefused, SfuLost (also after ANSWER_TIMEOUT_S).
        """
        if len(self._pending) >= PENDING_MAX or self.closed.is_set():
            raise SfuLost("not connected")
        transaction = random_id()
        answer: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._pending[transaction] = (answer, event)
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                await self._send(request | {"transaction": transaction, "apisecret": self._secret})
                return await answer
        except TimeoutError as error:
            raise SfuLost(f"no answer to {request.get('janus')}") from error
        finally:
            self._pending.pop(transaction, None)

    async def message(
        self, session: int, handle: int, body: Message, jsep: Message | None = None, event: bool = True
    ) -> Message:
        """A request to the plugin: what it answered (`jsep` beside it under that name). Raises as `ask`."""
        request: Message = {"janus": "message", "session_id": session, "handle_id": handle, "body": body}
        if jsep is not None:
            request["jsep"] = jsep
        answer = await self.ask(request, event)
        data: Message = dict(answer.get("plugindata", {}).get("data", {}))
        if "error_code" in data:
            raise SfuRefused(int(data["error_code"]), str(data.get("error", "")))
        if "jsep" in answer:
            data["jsep"] = answer["jsep"]
        return data

    async def close(self) -> None:
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)
        with suppress(WebSocketException, OSError):
            await self._connection.close()

    async def _send(self, frame: Message) -> None:
        try:
            await self._connection.send(msgspec.json.encode(frame).decode())
        except (WebSocketException, OSError) as error:
            raise SfuLost(str(error)) from error

    async def _read(self) -> None:
        try:
            async for frame in self._connection:
                self._dispatch(msgspec.json.decode(frame))
        except (WebSocketException, OSError):
            pass
        finally:
            self.closed.set()
            for answer, _ in self._pending.values():
                if not answer.done():
                    answer.set_exception(SfuLost("connection lost"))

    def _dispatch(self, frame: Message) -> None:
        kind = frame.get("janus")
        waiting = self._pending.get(str(frame.get("transaction", "")))
        if waiting is not None:
            answer, event = waiting
            if answer.done() or (kind == "ack" and event):
                return
            if kind == "error":
                error = frame.get("error", {})
                answer.set_exception(SfuRefused(int(error.get("code", 0)), str(error.get("reason", ""))))
            else:
                answer.set_result(frame)
            return
        listener = self._listeners.get((frame.get("session_id", 0), frame.get("sender", 0)))
        if listener is not None:
            listener(frame)
