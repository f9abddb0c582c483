"""A WebSocket whose application takes frames over as they come and writes without waiting: no queue, no event, no task
for each frame. Opening, closing, pings and whatever is not one whole text frame are uvicorn's.
"""

from struct import pack
from typing import Any, Protocol

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode, Frame
from websockets.http11 import Request
from websockets.protocol import OPEN

try:
    from websockets.speedups import apply_mask
except ImportError:  # built without a compiler
    from websockets.utils import apply_mask

#: Where a socket stands in its scope.
TAKEN_AS = "verbund.socket"
#: First byte of a text frame (RFC 6455, section 5.2): whole, without an extension.
_WHOLE_TEXT = 0x81
_MASKED = 0x80
_SHORT_MAX, _LONG, _LONGER = 125, 126, 127


class End(Protocol):
    """What a socket tells whoever took it over, in the loop's thread."""

    def heard(self, frame: str) -> None: ...
    def drained(self) -> None:
        """There is room again for what is to be written."""

    def gone(self) -> None:
        """Nothing more is heard. May be said more than once."""


class Socket(WebSocketsSansIOProtocol):
    """uvicorn's, until `take` is called; in the scope's extensions as TAKEN_AS."""

    _end: End | None = None

    def take(self, end: End) -> None:
        """From now on `end` is told, also what came before."""
        self._end = end
        while not self.queue.empty():
            message: Any = self.queue.get_nowait()
            if message["type"] == "websocket.receive":
                end.heard(message["text"] if "text" in message else message["bytes"].decode(errors="replace"))
            else:
                end.gone()
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()

    @property
    def is_full(self) -> bool:
        """Whether the other side does not keep up."""
        return not self.writable.is_set()

    def write(self, text: bytes) -> None:
        """Send a text frame; several written at once leave together."""
        if self.conn.state is OPEN and not self.disconnected:
            self.transport.write(_head(len(text)) + text)

    def data_received(self, data: bytes) -> None:
        end = self._end
        if end is not None and self._expects_frame() and (text := _text_of(data)) is not None:
            end.heard(text)
        else:
            super().data_received(data)

    def _expects_frame(self) -> bool:
        """Whether nothing of a frame or a message came that is still to be completed."""
        conn = self.conn
        return conn.state is OPEN and conn.current_size is None and not conn.reader.buffer

    def send_receive_event_to_app(self) -> None:
        end = self._end
        if end is None:
            super().send_receive_event_to_app()
            return
        data, self.frames = b"".join(self.frames), []
        if self.close_sent:
            return
        try:
            text = data.decode()
        except UnicodeDecodeError:
            self.conn.send_close(CloseCode.INVALID_DATA)
            self.handle_parser_exception()
            return
        end.heard(text)

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        scope: Any = getattr(self, "scope", None)
        if scope is not None:  # its application has not begun
            scope["extensions"][TAKEN_AS] = self

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._end is not None:
            self._end.drained()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._tell_gone()
        self._end = None

    def handle_close(self, event: Frame) -> None:
        super().handle_close(event)
        self._tell_gone()

    def handle_parser_exception(self) -> None:
        super().handle_parser_exception()
        self._tell_gone()

    def shutdown(self) -> None:
        super().shutdown()
        self._tell_gone()

    def _tell_gone(self) -> None:
        if self._end is not None:
            self._end.gone()


def _head(size: int) -> bytes:
    if size <= _SHORT_MAX:
        return pack("!BB", _WHOLE_TEXT, size)
    return pack("!BBH", _WHOLE_TEXT, _LONG, size) if size < 1 << 16 else pack("!BBQ", _WHOLE_TEXT, _LONGER, size)


def _text_of(data: bytes) -> str | None:
    """The text where these bytes are one whole masked text frame of less than 64 KiB, as nearly always; else None."""
    if len(data) < 6 or data[0] != _WHOLE_TEXT or data[1] < _MASKED:
        return None
    size, start = data[1] - _MASKED, 6
    if size == _LONG:
        size, start = data[2] << 8 | data[3], 8
    if len(data) != start + size or size == _LONGER:
        return None
    try:
        return apply_mask(data[start:], data[start - 4 : start]).decode()
    except UnicodeDecodeError:
        return None
