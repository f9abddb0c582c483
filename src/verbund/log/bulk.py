"""Many entries of one space as few bytes: for frames between providers and for files. Pure; reads no clock, no table.

`pack` leaves out what follows from the rest (ids, chains, body hashes, a device's previous core), names each id once,
puts like by like and compresses that. `unpack` gives the same entries back, byte for byte: what was left out is
computed anew, and the last chain of each sub-log, which is sent, has to come out. What does not follow (a core that
nobody could verify yet) is carried as it is. `o`, the sender's local order, is not carried.

Nothing is verified here beyond form, size and chain: whoever takes the entries in checks place, hash and signature.
"""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import zstandard

from verbund.base.canonical import NotCanonical
from verbund.base.ids import SpaceId
from verbund.log.columns import Columns, Run
from verbund.log.entry import Entry
from verbund.log.packing import Packing
from verbund.log.unpacking import Unpacking

ENTRIES_MAX = 1_000
#: Compressed, and before: a sender whose entries are more sends fewer at once.
PACKED_BYTES_MAX = 240 * 1024
PLAIN_BYTES_MAX = 1024 * 1024
LEVEL = 3
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Columns)


class Packed(NamedTuple):
    """Entries on their way: where they stand, and their bytes."""

    runs: list[Run]
    data: bytes


def pack(space: SpaceId, entries: Sequence[Entry], spare_bytes: int = 0) -> Packed | None:
    """Entries of one space, each sub-log's in the order of its numbers without a gap. None when they are too many, or
    leave less than `spare_bytes` of room."""
    if not 0 < len(entries) <= ENTRIES_MAX:
        return None
    packing = Packing(space)
    for one in entries:
        packing.add(one)
    plain = _encoder.encode(packing.columns())
    if len(plain) > PLAIN_BYTES_MAX - spare_bytes:
        return None
    data = zstandard.ZstdCompressor(level=LEVEL).compress(plain)
    return Packed(packing.runs(), data) if len(data) <= PACKED_BYTES_MAX - spare_bytes else None


def unpack(space: SpaceId, packed: Packed) -> list[Entry]:
    """The entries. Raises NotCanonical for what `pack` did not make, BrokenChain where a chain does not hold."""
    if not all(run.count > 0 for run in packed.runs) or sum(run.count for run in packed.runs) > ENTRIES_MAX:
        raise NotCanonical(reason="packed entries: count")
    try:
        return Unpacking(space, packed.runs, _decoder.decode(_plain(packed.data))).entries()
    except (msgspec.MsgspecError, zstandard.ZstdError, ValueError, IndexError, KeyError, OverflowError) as error:
        raise NotCanonical(reason=f"packed entries: {type(error).__name__}") from error


def _plain(data: bytes) -> bytes:
    """Never more than is allowed: the size is told at the beginning, and what is told is held to."""
    told = zstandard.get_frame_parameters(data)
    if len(data) > PACKED_BYTES_MAX or not 0 < told.content_size <= PLAIN_BYTES_MAX:
        raise NotCanonical(reason="packed entries: size")
    return zstandard.ZstdDecompressor(max_window_size=PLAIN_BYTES_MAX).decompress(data, allow_extra_data=False)
