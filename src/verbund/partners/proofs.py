"""Providers that told two histories of one sub-log: what proves it, kept for the operator and the owners."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection, func, select

from verbund.base.ids import ProviderId, SpaceId
from verbund.log.tx import Tx
from verbund.partners import tables
from verbund.partners.schemas import Head

#: Of one provider so many are kept; a thousand prove no more than one.
PROOFS_MAX = 1_000


class Twofold(NamedTuple):
    """A head that says another chain than what is here at its place: than its entries, or than `first`, an earlier head
    of the same provider (JSON; empty where there is none).
    """

    space: SpaceId
    head: Head
    first: str


def contradicting(connection: Connection, space: SpaceId, heads: Sequence[Head]) -> dict[tuple[str, int], str]:
    """(sub-log, seq) → the kept head (JSON) that says another chain there than one of these does."""
    c = tables.signed_head.c
    found: dict[tuple[str, int], str] = {}
    for one in heads:
        place = (c.space == space, c.provider == one.p, c.incarnation == one.i, c.seq == one.n)
        held = connection.execute(select(c.head).where(*place, c.chain != one.h)).scalar()
        if held is not None:
            found[(one.sub, one.n)] = held
    return found


def keep_proofs(tx: Tx, found: Sequence[Twofold], now_ms: int) -> None:
    """The first proof of a place stays."""
    held = counts(tx.connection)
    for space, head, first in found:
        if held.get(head.p, 0) >= PROOFS_MAX:
            continue
        held[head.p] = held.get(head.p, 0) + 1
        tx.insert_once(tables.provider_proof, {
            "space": space, "provider": head.p, "incarnation": head.i, "seq": head.n, "first": first,
            "second": msgspec.json.encode(head).decode(), "at": now_ms,
        })  # fmt: skip


def counts(connection: Connection) -> dict[ProviderId, int]:
    """Provider → how many proofs against it are kept."""
    c = tables.provider_proof.c
    rows = connection.execute(select(c.provider, func.count()).group_by(c.provider))
    return {ProviderId(provider): count for provider, count in rows}
