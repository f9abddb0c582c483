"""Cores to which a device gave one number: a browser that was put back to an old copy does, or one that lies."""

from sqlalchemy import select, update

from verbund.base.ids import CoreId
from verbund.log import tables
from verbund.log.core import Parsed
from verbund.log.entry import QUARANTINED
from verbund.log.judge import NumberUsed
from verbund.log.tx import Tx


def displace(tx: Tx, parsed: Parsed) -> list[CoreId]:
    """Of them the one with the smallest id counts, whichever came first: those that do no longer count."""
    space, dev, ds = parsed.space, parsed.core.dev, parsed.core.ds
    found = [twin for twin in tx.twins(space, dev, ds) if twin > parsed.id]
    for twin in found:
        aside = {"state": QUARANTINED, "reason": NumberUsed.code}
        tx.execute(update(tables.core).where(tables.core.c.id == twin).values(aside))
        tx.disturbed.add(space)
        # Folding anew keeps cuts: what they set aside is told from what came after them.
        cut_spaces = tx.execute(select(tables.cut.c.space).where(tables.cut.c.by == twin).distinct()).scalars().all()
        for where in cut_spaces:
            tx.uncut(twin, where)
    return found
