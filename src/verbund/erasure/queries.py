"""Reads of erasures: orders, and who has confirmed them. Never writes."""

from collections import defaultdict
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, and_, func, select

from verbund.base.clock import ms_of
from verbund.base.ids import AccountId, CoreId, ProviderId, SpaceId
from verbund.base.refusal import Unknown
from verbund.erasure import tables
from verbund.erasure.schemas import ConfirmationShape, ErasureShape
from verbund.log import tables as log_tables
from verbund.log.stored import decode_core
from verbund.log.tx import PURGING, UNPURGED, Reader
from verbund.spaces.authority import MEMBERS
from verbund.spaces.events import ErasureOrdered
from verbund.spaces.queries import abilities_in, holders, providers_of

ORDERS_MAX = 100
OPEN_MAX = 500
_ordered = msgspec.json.Decoder(ErasureOrdered)


class OpenOrder(NamedTuple):
    """An order that this provider has not confirmed; how much it took away here."""

    space: SpaceId
    by: CoreId
    bodies: int
    files: int


def unconfirmed(connection: Connection, provider: ProviderId) -> list[OpenOrder]:
    """Orders in spaces of this provider without a confirmation from it, the oldest first."""
    c, said = log_tables.erasure.c, tables.confirmation.c
    mine = and_(said.by == c.by, said.provider == provider)
    rows = connection.execute(
        select(c.space, c.by, c.bodies, c.blobs)
        .outerjoin(tables.confirmation, mine)
        .where(said.by.is_(None))
        .order_by(c.until, c.by)
        .limit(OPEN_MAX)
    ).all()
    return [OpenOrder(*row) for row in rows if provider in providers_of(connection, row.space)]


def is_unpurged(connection: Connection) -> bool:
    """Whether something was erased since everything was cleared up."""
    c = log_tables.installation.c
    return bool(connection.execute(select(func.count()).where(c.key.in_((UNPURGED, PURGING)))).scalar())


def ledger(view: Reader, space: SpaceId, viewer: AccountId) -> list[ErasureShape]:
    """The orders of a space, the newest first: all of them for who leads it, one's own for everybody else.

    Several facts that order the same are one. Raises Unknown.
    """
    able = abilities_in(view.connection, space, viewer)
    if not able:
        raise Unknown()
    orders: dict[tuple[str, str], list[Any]] = defaultdict(list)
    for row in _orders(view.connection, space):
        if MEMBERS in able or row.account == viewer:
            orders[row.account, row.until].append(row)
    names = {one.provider: one.name for one in holders(view.connection, space)}
    said = _confirmations(view.connection, space)
    return [_shape(view, rows, names, said) for rows in list(orders.values())[:ORDERS_MAX]]


def _orders(connection: Connection, space: SpaceId) -> list[Any]:
    order, core = log_tables.erasure.c, log_tables.core.c
    return list(
        connection.execute(
            select(order.by, order.account, order.until, core.raw, core.t.label("time"), core.body)
            .join(log_tables.core, core.id == order.by)
            .where(order.space == space)
            .order_by(core.t.desc(), order.by)
        ).all()
    )


def _confirmations(connection: Connection, space: SpaceId) -> dict[str, list[Any]]:
    """order → rows (provider, bodies, files, stamp)."""
    found: dict[str, list[Any]] = defaultdict(list)
    for row in connection.execute(select(tables.confirmation).where(tables.confirmation.c.space == space)):
        found[row.by].append(row)
    return found


def _shape(view: Reader, rows: list[Any], names: dict[ProviderId, str], said: dict[str, list[Any]]) -> ErasureShape:
    first = rows[-1]
    device = view.device(decode_core(bytes(first.raw)).dev)
    by = AccountId(device.actor) if device is not None and device.sort == "person" else None
    every = [one for row in rows for one in said.get(row.by, ())]
    # Two facts that order the same: the second found nothing left.
    found = {one.provider: one for one in sorted(every, key=lambda one: (one.bodies, one.files))}
    providers = [
        ConfirmationShape(
            ProviderId(one), names.get(ProviderId(one), ""), ms_of(found[one].stamp[:16]), found[one].bodies,
            found[one].files,
        )
        if one in found
        else ConfirmationShape(ProviderId(one), names[ProviderId(one)], None, 0, 0)
        for one in sorted({*names, *found})
    ]  # fmt: skip
    reason = _ordered.decode(bytes(first.body)).reason if first.body is not None else ""
    return ErasureShape(
        CoreId(first.by), AccountId(first.account), ms_of(first.until), reason, by, ms_of(first.time), providers
    )
