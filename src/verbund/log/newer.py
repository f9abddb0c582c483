"""Facts of a kind that this release does not know: kept and passed on like all, told of, folded by one that does.

Invariant: none is ever dropped (tests/log/test_newer.py).
"""

from typing import Any

import msgspec
from sqlalchemy import Connection, select, update

from verbund.base.ids import CoreId, SpaceId, is_hash
from verbund.log import tables
from verbund.log.entry import QUARANTINED
from verbund.log.registry import Registry, UnknownKind, UnknownKindOfStranger
from verbund.log.tx import Tx

#: Of so many of a space one is told; they are as many as they are.
TOLD_MAX = 100


class _Where(msgspec.Struct):
    """Of a body only what places it in a conversation, if it is called that in the newer release as well."""

    channel: Any = None


_where = msgspec.json.Decoder(_Where)


def told(connection: Connection, space: SpaceId) -> list[tuple[CoreId, str, str]]:
    """(core, the channel that it names or nothing, its stamp) of what members wrote that needs a newer release, latest
    first."""
    c = tables.core.c
    rows = connection.execute(
        select(c.id, c.body, c.t.label("written"))
        .where(c.space == space, c.state == QUARANTINED, c.reason == UnknownKind.code, c.body.is_not(None))
        .order_by(c.position.desc())
        .limit(TOLD_MAX)
    )
    return [(row.id, _channel(bytes(row.body)), str(row.written)) for row in rows]


def learn(tx: Tx, registry: Registry) -> None:
    """After a change of release: what was of a kind that nobody knew here and is known now is folded."""
    c = tables.core.c
    unknown = (c.state == QUARANTINED, c.reason.in_((UnknownKind.code, UnknownKindOfStranger.code)))
    for row in tx.execute(select(c.space, c.kind).where(*unknown).distinct()).all():
        space, name = SpaceId(row.space), str(row.kind)
        kind = registry.kind(name)
        if kind is None:
            continue
        if kind.event.authority:
            tx.execute(update(tables.core).where(c.space == space, c.kind == name, *unknown).values(authority=1))
        tx.disturbed.add(space)


def _channel(body: bytes) -> str:
    try:
        said = _where.decode(body).channel
    except msgspec.MsgspecError:
        return ""
    return said if isinstance(said, str) and is_hash(said) else ""
