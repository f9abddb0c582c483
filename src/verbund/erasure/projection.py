"""Fold: which provider has confirmed which order. The only writer of that table."""

from verbund.erasure import events, tables
from verbund.log.registry import Event, Fact, Fold
from verbund.log.tx import Tx

PROJECTED = tables.PROJECTED


def erasure_confirmed(tx: Tx, fact: Fact) -> None:
    event: events.ErasureConfirmed = fact.event
    row = {
        "by": event.order, "provider": fact.actor, "space": fact.space, "bodies": event.bodies, "files": event.files,
        "stamp": fact.stamp,
    }  # fmt: skip
    tx.upsert(tables.confirmation, row, newer="stamp")


FOLDS: dict[type[Event], Fold] = {events.ErasureConfirmed: erasure_confirmed}
