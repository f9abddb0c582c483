"""Orders of erasure: everything that a person wrote in a space up to a time goes, and what comes later but was written
before goes when it comes. Core and salted hash stay, so that signatures and chains still verify.

Whether a fact goes follows from the orders and from headers alone; so all replicas agree, whatever came first.
"""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import select

from verbund.base.ids import AccountId, CoreId, SpaceId
from verbund.log import sealing, tables
from verbund.log.registry import Fact, Gone, Order, Registry
from verbund.log.tx import Tx

#: Facts at a time: SQLite takes some 32,000 values in a statement.
GONE_MAX = 500


def is_forgotten(registry: Registry, tx: Tx, fact: Fact) -> bool:
    """Whether an order that is here takes this fact's body away."""
    orders = tx.erasures(fact.space)
    if not orders:
        return False
    event = fact.event
    if event.personal and fact.t <= orders.get(AccountId(fact.actor), ""):
        return True
    whole = event.part_of()
    return whole is not None and _is_whole_forgotten(registry, tx, fact, whole, orders)


def _is_whole_forgotten(registry: Registry, tx: Tx, fact: Fact, whole: CoreId, orders: dict[AccountId, str]) -> bool:
    header = tx.header(whole)
    author = tx.device(header.dev) if header is not None else None
    if header is None or author is None or header.space != fact.space or not registry.is_personal(header.kind):
        return False
    may_speak = fact.by_provider or author.actor == fact.actor or getattr(fact.event, "by", "") == "moderator"
    return may_speak and header.t <= orders.get(AccountId(author.actor), "")


def forget(registry: Registry, tx: Tx, space: SpaceId, order: Order) -> None:
    """Carry an order out: bodies, references to blobs, and by each capability what was folded of them. Repeatable."""
    bodies = blobs = 0
    for gone in _pages(registry, tx, space, order):
        for forget_rows in registry.forgets:
            forget_rows(tx, space, order.account, gone)
        whole = [one.id for one in gone if one.whole]
        blobs += sum(tx.erase(core) for core in whole)
        bodies += len(whole)
        if len(tx.gone) > sealing.GONE_MAX:
            sealing.take_out(tx)
    tx.insert_once(tables.erasure, {
        "space": space, "by": order.by, "account": order.account, "until": order.until, "bodies": bodies,
        "blobs": blobs,
    })  # fmt: skip
    tx.cache.pop(("erasures", space), None)


def _pages(registry: Registry, tx: Tx, space: SpaceId, order: Order) -> Iterator[list[Gone]]:
    """What is here and goes, GONE_MAX at a time: shown, set aside or waiting; without a body too, for what changed it
    may have one."""
    core = tables.core.c
    kinds = [kind.event.kind for kind in registry.kinds() if kind.event.personal]
    whole = core.body.is_not(None).label("whole")
    for dev in order.devices:
        mine = (core.space == space, core.dev == dev)
        goes = (core.t <= order.until, core.kind.in_(kinds))
        columns = (core.id, core.position, core.kind, core.t.label("time"), core.dev, core.ds, whole)
        query = select(*columns).where(*mine, *goes)
        last = 0
        while rows := tx.execute(query.where(core.ds > last).order_by(core.ds).limit(GONE_MAX)).all():
            last = rows[-1].ds
            yield [_gone(row) for row in rows]


def _gone(row: Any) -> Gone:
    return Gone(row.id, row.position, row.kind, f"{row.time}{row.dev}{row.ds:08x}", bool(row.whole))
