"""Between rows and the wire: what is stored becomes a parcel, an entry, an event's body again. Pure."""

import secrets
from collections.abc import Sequence
from typing import Any

import msgspec

from verbund.base.ids import CoreId, b64
from verbund.log.core import HEADS_MAX, SALT_BYTES, Core, Parcel, Parsed
from verbund.log.entry import NEWER, QUARANTINED, VOID, Entry, Place
from verbund.log.registry import Event, UnknownKind

_core = msgspec.json.Decoder(Core)


def salt() -> bytes:
    """What hides a body behind its hash."""
    return secrets.token_bytes(SALT_BYTES)


def body_of(event: Event) -> dict[str, Any]:
    """The body of an event, as it is signed."""
    body = msgspec.to_builtins(event)
    assert isinstance(body, dict)
    return body


def stored_parcel(row: Any) -> Parcel:
    """The parcel of a row with raw, sig, salt, body."""
    whole = row.body is not None
    return Parcel(
        bytes(row.raw).decode(),
        b64(bytes(row.sig)),
        b64(bytes(row.salt)) if whole else None,
        bytes(row.body).decode() if whole else None,
    )


def shown(state: int, reason: str) -> int:
    """What followers are told became of a core."""
    return NEWER if state == QUARANTINED and reason == UnknownKind.code else state


def as_entry(parsed: Parsed, place: Place, position: int, state: int) -> Entry:
    """An entry as followers get it. The body of what is void is not passed on."""
    parcel, shown = parsed.parcel, state != VOID
    return Entry(
        parsed.id, place.provider, place.incarnation, place.seq, b64(place.chain), place.at,
        VOID if place.void else state, parcel.c, parcel.s, parcel.sa if shown else None, parcel.b if shown else None,
        position,
    )  # fmt: skip


def stored_wire(row: Any) -> bytes:
    """An entry as followers get it, from its row."""
    whole = row.body is not None and row.state != VOID
    return _encoded(
        row.id, row.provider, row.incarnation, row.seq, bytes(row.chain), row.at, row.position,
        VOID if row.void else shown(row.state, row.reason), bytes(row.raw), bytes(row.sig),
        bytes(row.salt) if whole else None, bytes(row.body) if whole else None,
    )  # fmt: skip


def authority_heads(rows: Sequence[Any]) -> tuple[CoreId, ...]:
    """Of rows (id, raw): the ids that no other row names as seen; the latest HEADS_MAX of them."""
    cores = {row.id: _core.decode(bytes(row.raw)) for row in rows}
    seen = {head for core in cores.values() for head in core.ah}
    heads = sorted((one for one in cores if one not in seen), key=lambda one: (cores[one].t, one), reverse=True)
    return tuple(sorted(heads[:HEADS_MAX]))


def decode_core(raw: bytes) -> Core:
    """A core that was checked when it came in."""
    return _core.decode(raw)


def _encoded(
    core: str, provider: str, incarnation: int, seq: int, chain: bytes, at: int, position: int, x: int,
    raw: bytes, sig: bytes, salt_raw: bytes | None, body: bytes | None,
) -> bytes:  # fmt: skip
    return msgspec.json.encode({
        "id": core, "p": provider, "i": incarnation, "n": seq, "h": b64(chain), "at": at, "o": position, "x": x,
        "c": raw.decode(), "s": b64(sig),
        "sa": b64(salt_raw) if salt_raw is not None else None, "b": body.decode() if body is not None else None,
    })  # fmt: skip
