"""Fragmented MP4 (ISO/IEC 14496-12) as a stream of boxes: cut into an initialisation segment and fragments.

Pure: bytes in, parts out. Knows no files and no processes.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from verbund.base.refusal import Refusal

BOX_BYTES_MAX = 256 * 1024 * 1024
_HEADER = 8
_CONTAINERS = frozenset({b"moov", b"trak", b"mdia", b"minf", b"stbl", b"moof", b"traf"})


class BadBoxes(Refusal):
    """de: Der Film ist in sich beschädigt und lässt sich nicht lesen. Exportieren Sie ihn neu und laden Sie ihn
    noch einmal hoch.
    en: The film is damaged inside and cannot be read. Export it again and upload it once more."""

    code = "media.damaged"
    status = 422


class Box(NamedTuple):
    kind: bytes
    start: int
    body: int
    end: int


class Init(NamedTuple):
    """An initialisation segment. `timescale` is ticks per second; `codec` as in RFC 6381."""

    data: bytes
    timescale: int
    codec: str


class Fragment(NamedTuple):
    """A fragment that starts with a key frame. `start` and `duration` in ticks of its initialisation segment."""

    data: bytes
    start: int
    duration: int


class BoxStream:
    """Cuts what a muxer writes, as it comes. Invariant: what `feed` returns is whole."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._held = bytearray()

    def feed(self, data: bytes) -> list[Init | Fragment]:
        """The parts that this piece of the stream completes. Raises BadBoxes."""
        self._buffer += data
        parts: list[Init | Fragment] = []
        while (raw := self._next_box()) is not None:
            kind = raw[4:8]
            if kind in (b"ftyp", b"moof"):
                self._held = bytearray(raw)
            elif kind == b"moov":
                parts.append(init_of(bytes(self._held) + raw))
            elif kind == b"mdat":
                parts.append(fragment_of(bytes(self._held) + raw))
        return parts

    def _next_box(self) -> bytes | None:
        if len(self._buffer) < _HEADER:
            return None
        size = int.from_bytes(self._buffer[:4], "big")
        if not _HEADER <= size <= BOX_BYTES_MAX:
            raise BadBoxes(size=size)
        if len(self._buffer) < size:
            return None
        raw = bytes(self._buffer[:size])
        del self._buffer[:size]
        return raw


def init_of(data: bytes) -> Init:
    """What an initialisation segment says about its only track. Raises BadBoxes."""
    timescale, codec = 0, ""
    for box in walk(data, 0, len(data)):
        if box.kind == b"mdhd":
            (timescale,) = struct.unpack_from(">I", data, box.body + (20 if data[box.body] else 12))
        elif box.kind == b"stsd":
            codec = _codec(data, box)
    if not timescale or not codec:
        raise BadBoxes(reason="no track")
    return Init(data, timescale, codec)


def fragment_of(data: bytes) -> Fragment:
    """Start and length of a fragment, from tfdt, tfhd and trun (sections 8.8.7, 8.8.8, 8.8.12)."""
    start, default, duration = 0, 0, 0
    for box in walk(data, 0, len(data)):
        if box.kind == b"tfdt":
            (start,) = struct.unpack_from(">Q" if data[box.body] else ">I", data, box.body + 4)
        elif box.kind == b"tfhd":
            default = _default_duration(data, box)
        elif box.kind == b"trun":
            duration += _run_duration(data, box, default)
    if not duration:
        raise BadBoxes(reason="empty fragment")
    return Fragment(data, start, duration)


def walk(data: bytes, start: int, end: int) -> Iterator[Box]:
    """Every box, those inside containers too, in the order of the bytes. Raises BadBoxes."""
    while start + _HEADER <= end:
        size, kind = struct.unpack_from(">I4s", data, start)
        if size < _HEADER or start + size > end:
            raise BadBoxes(reason="size")
        yield Box(kind, start, start + _HEADER, start + size)
        if kind in _CONTAINERS:
            yield from walk(data, start + _HEADER, start + size)
        start += size


def _default_duration(data: bytes, box: Box) -> int:
    flags = int.from_bytes(data[box.body + 1 : box.body + 4], "big")
    if not flags & 0x8:
        return 0
    at = box.body + 8 + (8 if flags & 0x1 else 0) + (4 if flags & 0x2 else 0)
    (value,) = struct.unpack_from(">I", data, at)
    return int(value)


def _run_duration(data: bytes, box: Box, default: int) -> int:
    flags = int.from_bytes(data[box.body + 1 : box.body + 4], "big")
    (count,) = struct.unpack_from(">I", data, box.body + 4)
    if not flags & 0x100:
        return int(count) * default
    at = box.body + 8 + (4 if flags & 0x1 else 0) + (4 if flags & 0x4 else 0)
    width = 4 * sum(1 for bit in (0x100, 0x200, 0x400, 0x800) if flags & bit)
    if at + count * width > box.end:
        raise BadBoxes(reason="trun")
    return sum(struct.unpack_from(">I", data, at + sample * width)[0] for sample in range(count))


def _codec(data: bytes, stsd: Box) -> str:
    entry = stsd.body + 8
    kind = data[entry + 4 : entry + 8]
    if kind == b"avc1":
        at = data.find(b"avcC", entry, stsd.end)
        if at > 0:
            return f"avc1.{data[at + 5 : at + 8].hex()}"
    if kind == b"mp4a":
        return "mp4a.40.2"
    raise BadBoxes(reason="codec")
