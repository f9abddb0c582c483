"""Signatures under which a core came besides the one that is kept, while its device's key is not here.

Whoever sends a forged copy first must not keep the true one out: a core is named by what it says, not by its signature.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import Connection, func, select, update

from verbund.base.ids import CoreId, SpaceId, b64
from verbund.base.refusal import Refusal
from verbund.log import tables
from verbund.log.core import Parcel, Parsed, WrongSignature, parse
from verbund.log.entry import VOID, WAITING, sublog
from verbund.log.judge import Accepted
from verbund.log.stored import stored_parcel
from verbund.log.tx import Tx

if TYPE_CHECKING:
    from verbund.log.log import Log

ALTERNATES_MAX = 16
#: Of so many cores whose only copies here are forged the true ones are looked for.
FORGED_MAX = 1_000
#: Stands for "the true one is still to come" where a signature stands else.
WANTED = ""


class Judged(NamedTuple):
    """A copy, and what becomes of it."""

    parsed: Parsed
    verdict: Accepted


def again(log: "Log", tx: Tx, parsed: Parsed, at: int) -> None:
    """It came at a place that is taken. Where a forged copy took it, this may be the true one: then it counts from now
    on, at a place of this provider's own, so that others who know the forged one alone get it, too.
    """
    if tx.state(parsed.id) == VOID and _is_wanted(tx, parsed.id):
        try:
            log.judge.signer(parsed, tx)
        except Refusal:  # forged, too, or its device is not known any more: no fault of what came beside it
            return
        log.take_over(tx, parsed, log.own_place(tx, parsed, False, at))
    else:
        note(tx, parsed)


def note(tx: Tx, parsed: Parsed) -> None:
    """It came again. Its signature is kept where it is another one and the core waits; at most ALTERNATES_MAX."""
    if tx.state(parsed.id) != WAITING:
        return
    core, c, sig = tables.core.c, tables.alternate.c, b64(parsed.signature)
    kept = tx.execute(select(core.sig).where(core.id == parsed.id)).scalar_one()
    count = tx.execute(select(func.count()).select_from(tables.alternate).where(c.core == parsed.id)).scalar_one()
    if b64(bytes(kept)) != sig and count < ALTERNATES_MAX:
        tx.insert_once(tables.alternate, {"core": parsed.id, "sig": sig})


def genuine(tx: Tx, core: CoreId, row: Any, judge: Callable[[Tx, Parsed, int], Accepted]) -> Judged | None:
    """Of the copies that came, the one that its device signed, and what becomes of it. `row`: as it is kept."""
    c, stored = tables.alternate.c, stored_parcel(row)
    others = tx.execute(select(c.sig).where(c.core == core).order_by(c.sig)).scalars().all()
    for sig in (stored.s, *others):
        parsed = parse(Parcel(stored.c, sig, stored.sa, stored.b))
        with suppress(WrongSignature):
            return Judged(parsed, judge(tx, parsed, row.at))
    return None


def void(tx: Tx, core: CoreId) -> None:
    """It came before the key that shows it to be forged: a void, which the true one replaces when it comes.

    Partners are asked for that (see partners/detours.py): its place counts as taken.
    """
    c = tables.core.c
    tx.gone += tx.execute(select(c.space, c.position, c.id).where(c.id == core)).all()
    nothing = {"state": VOID, "reason": WrongSignature.code, "salt": None, "body": None}
    tx.execute(update(tables.core).where(c.id == core).values(nothing))
    tx.insert_once(tables.alternate, {"core": core, "sig": WANTED})
    tx.forgery = True


def forget(tx: Tx, core: CoreId) -> None:
    """It waits no longer."""
    tx.remove(tables.alternate, core=core)


def found(tx: Tx, core: CoreId) -> None:
    """What was a void is here now. Perhaps the true one in place of a forged one."""
    if _is_wanted(tx, core):
        forget(tx, core)
        tx.forgery = True


def forged(connection: Connection) -> list[tuple[SpaceId, str, int]]:
    """(space, sub-log, seq) of the places of which only forged copies came; FORGED_MAX at most."""
    core, entry, place, c = tables.core.c, tables.entry.c, tables.sublog.c, tables.alternate.c
    wanted = connection.execute(select(c.core).where(c.sig == WANTED).limit(FORGED_MAX)).scalars().all()
    rows = connection.execute(
        select(place.space, place.provider, place.incarnation, entry.seq)
        .join(tables.entry, place.number == entry.sublog)
        .join(tables.core, core.position == entry.core)
        .where(core.id.in_(wanted), entry.void == 0)
        .limit(FORGED_MAX)
    ).all()
    return [(row.space, sublog(row.provider, row.incarnation), row.seq) for row in rows]


def _is_wanted(tx: Tx, core: CoreId) -> bool:
    c = tables.alternate.c
    return tx.execute(select(c.sig).where(c.core == core, c.sig == WANTED)).first() is not None
