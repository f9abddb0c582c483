"""What the next web process needs to go on with the calls of this one: the rooms, in a file beside Janus's socket.

Signalling state, no facts: when the file is lost, people join again.
"""

import os
from pathlib import Path

import msgspec

from verbund.meet.room import Room

FILE = "rooms.json"
CLAIM_BYTES_MAX = 32 * 1024 * 1024


class Claims(msgspec.Struct):
    """The rooms and the life of the SFU that their seats belong to."""

    generation: str | None = None
    rooms: list[Room] = []


def load(folder: Path) -> Claims:
    """What was written last; nothing when there is nothing or it cannot be read."""
    file = folder / FILE
    try:
        if file.stat().st_size > CLAIM_BYTES_MAX:
            return Claims()
        return msgspec.json.decode(file.read_bytes(), type=Claims)
    except (OSError, msgspec.MsgspecError, UnicodeError):
        return Claims()


def encode(claims: Claims) -> bytes:
    return msgspec.json.encode(claims)


def write(folder: Path, raw: bytes) -> None:
    """Replace the file, whole or not at all."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = folder / f".{FILE}.new"
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(raw)
    fresh.replace(folder / FILE)
