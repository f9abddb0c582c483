"""What is here already of what comes, asked for at once: whoever passes on what it had from here brings much of it."""

from collections.abc import Sequence

from sqlalchemy import select

from verbund.base.ids import CoreId
from verbund.log import tables
from verbund.log.entry import QUARANTINED, SETTLED
from verbund.log.tx import Tx

CHUNK = 500


def look_up(tx: Tx, cores: Sequence[CoreId]) -> None:
    """What became of these and where they stand, where the first of them is here: then others are, too.

    Only of what stays where it is: a void may be moved, and what waits is looked at one by one.
    """
    if not cores or tx.state(cores[0]) is None:
        return
    c = tables.core.c
    for start in range(0, len(cores), CHUNK):
        among = (c.id.in_(cores[start : start + CHUNK]), c.state.in_((SETTLED, QUARANTINED)))
        for row in tx.execute(select(c.id, c.state, c.position).where(*among)):
            tx.cache.states.put(row.id, row.state)
            tx.places[row.id] = row.position
