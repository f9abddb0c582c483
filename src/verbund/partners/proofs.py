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
#: So many are handed to a partner that is met.
PASSED_ON_MAX = 32


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
    said: dict[tuple[ProviderId, int], dict[int, Head]] = {}
    for one in heads:
        said.setdefault((one.p, one.i), {})[one.n] = one
    found: dict[tuple[str, int], str] = {}
    for (provider, incarnation), ends in said.items():
        mine = (c.space == space, c.provider == provider, c.incarnation == incarnation, c.seq.in_(ends))
        for row in connection.execute(select(c.seq, c.chain, c.head).where(*mine)).all():
            if row.chain != ends[row.seq].h:
                found[ends[row.seq].sub, row.seq] = row.head
    return found


def contradictory(space: SpaceId, heads: Sequence[Head]) -> dict[tuple[str, int], Twofold]:
    """(sub-log, seq) → two of these that say different chains there: somebody passes a proof on."""
    seen: dict[tuple[str, int], Head] = {}
    found: dict[tuple[str, int], Twofold] = {}
    for one in heads:
        other = seen.setdefault((one.sub, one.n), one)
        if other.h != one.h:
            found.setdefault((one.sub, one.n), Twofold(space, one, msgspec.json.encode(other).decode()))
    return found


def passed_on(connection: Connection, spaces: Sequence[SpaceId]) -> list[tuple[SpaceId, list[Head]]]:
    """Of each provider and space one proof that needs nobody's word: two heads. A second one would prove no more."""
    c = tables.provider_proof.c
    rows = connection.execute(
        select(c.space, c.provider, c.first, c.second)
        .where(c.space.in_(spaces), c.first != "")
        .order_by(c.at, c.seq)
        .limit(PROOFS_MAX)
    )
    found: dict[tuple[str, str], tuple[SpaceId, list[Head]]] = {}
    for row in rows:
        if len(found) < PASSED_ON_MAX and (row.space, row.provider) not in found:
            heads = [msgspec.json.decode(text, type=Head) for text in (row.first, row.second)]
            found[(row.space, row.provider)] = (row.space, heads)
    return list(found.values())


def keep_proofs(tx: Tx, found: Sequence[Twofold], now_ms: int) -> list[Twofold]:
    """The first proof of a place stays. Those that are new."""
    held, c, fresh = counts(tx.connection), tables.provider_proof.c, []
    for space, head, first in found:
        place = (c.space == space, c.provider == head.p, c.incarnation == head.i, c.seq == head.n)
        is_known = tx.execute(select(c.seq).where(*place)).first() is not None
        if is_known or held.get(head.p, 0) >= PROOFS_MAX:
            continue
        fresh.append(Twofold(space, head, first))
        held[head.p] = held.get(head.p, 0) + 1
        tx.insert_once(tables.provider_proof, {
            "space": space, "provider": head.p, "incarnation": head.i, "seq": head.n, "first": first,
            "second": msgspec.json.encode(head).decode(), "at": now_ms,
        })  # fmt: skip
    return fresh


def counts(connection: Connection) -> dict[ProviderId, int]:
    """Provider → how many proofs against it are kept."""
    c = tables.provider_proof.c
    rows = connection.execute(select(c.provider, func.count()).group_by(c.provider))
    return {ProviderId(provider): count for provider, count in rows}
