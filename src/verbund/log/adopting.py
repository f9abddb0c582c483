"""What a provider wrote that nobody will vouch for any more gets a place in this provider's own sub-log."""

from sqlalchemy import exists, select

from verbund.base.ids import ProviderId, SpaceId
from verbund.log import alternates, tables
from verbund.log.core import Parsed, parse
from verbund.log.entry import VOID, Entry
from verbund.log.judge import state_of
from verbund.log.log import Log
from verbund.log.sealed import Segments
from verbund.log.stored import stored_parcel
from verbund.log.tx import Tx

ADOPTED_MAX = 256


def adopt(log: Log, tx: Tx, space: SpaceId, provider: ProviderId, incarnation: int, after: int) -> int:
    """Of the sub-log's entries after number `after`, those that stand in no sub-log of this provider; at most
    ADOPTED_MAX. How many there were. Repeatable.
    """
    place, entry, core = tables.sublog.c, tables.entry.c, tables.core.c
    again = tables.entry.alias()
    own = tables.sublog.alias()
    is_placed = exists().where(
        again.c.core == core.position, own.c.number == again.c.sublog, own.c.provider == log.provider
    )
    columns = (
        core.id, core.raw, core.sig, core.salt, core.body, core.state, core.position.label("origin"), place.space,
        entry.void,
    )  # fmt: skip
    rows = tx.execute(
        select(*columns)
        .join(tables.entry, entry.core == core.position)
        .join(tables.sublog, place.number == entry.sublog)
        .where(place.space == space, place.provider == provider, place.incarnation == incarnation)
        .where(entry.seq > after, ~is_placed)
        .order_by(entry.seq)
        .limit(ADOPTED_MAX)
    ).all()
    for row in Segments(tx.connection).wholes(rows):
        log.place_again(tx, parse(stored_parcel(row)), row.state, bool(row.void))
    return len(rows)


def take_apart(log: Log, tx: Tx, entry: Entry, examined: Parsed | None = None) -> None:
    """Take in what stands in a sub-log of which another history is here: at a place of this provider's own.

    Of the entry only the parcel, the time and `x` count. Idempotent. Raises WrongSignature.
    """
    parsed = parse(entry.parcel) if examined is None else examined
    state, is_void = state_of(parsed, tx), entry.x == VOID
    if state is None or (state == VOID and not is_void):
        log.take_over(tx, parsed, log.own_place(tx, parsed, is_void, entry.at))
    else:
        alternates.note(tx, parsed)
