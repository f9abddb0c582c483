"""The ends of sub-logs: how far each goes, its chain there, and the number that stands for it in its entries."""

from typing import NamedTuple

from sqlalchemy import func, select

from verbund.base.ids import SpaceId
from verbund.log import asked, tables
from verbund.log.entry import CHAIN_START
from verbund.log.tx import Row, Tx

Key = tuple[SpaceId, str, int]


class End(NamedTuple):
    """Where a sub-log ends: its last seq, the chain there (32 bytes)."""

    number: int
    seq: int
    chain: bytes


def end_of(tx: Tx, key: Key) -> End:
    """The end of the sub-log (space, provider, incarnation), with what this transaction has added."""
    found: End | None = tx.sublogs.get(key) or tx.cache.get(key)
    if found is None:
        space, provider, incarnation = key
        row = tx.execute(asked.END, {"space": space, "provider": provider, "incarnation": incarnation}).first()
        found = tx.cache.put(key, End(row.number, row.seq, bytes(row.chain)) if row else _begin(tx, key))
    return found


def advance(tx: Tx, key: Key, end: End) -> None:
    """One entry further."""
    tx.sublogs[key] = end


def write(tx: Tx) -> None:
    """Put the new ends into their table: once for a transaction, however many entries it brought."""
    for key, end in tx.sublogs.items():
        tx.cache.put(key, end)
        tx.upsert(tables.sublog, _row(key, end))


def _begin(tx: Tx, key: Key) -> End:
    """A sub-log without entries. It has its row at once: what reads entries in this transaction looks for it."""
    last = tx.cache.get("sublog_number")
    if last is None:
        last = tx.execute(select(func.max(tables.sublog.c.number))).scalar() or 0
    number = tx.cache["sublog_number"] = int(last) + 1
    end = End(number, 0, CHAIN_START)
    tx.insert(tables.sublog, _row(key, end))
    return end


def _row(key: Key, end: End) -> Row:
    (space, provider, incarnation), (number, seq, chain) = key, end
    return {
        "space": space, "provider": provider, "incarnation": incarnation, "number": number, "seq": seq, "chain": chain,
    }  # fmt: skip
