"""Signatures under which a core came besides the one that is kept, while its device's key is not here.

Whoever sends a forged copy first must not keep the true one out: a core is named by what it says, not by its signature.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

from sqlalchemy import func, select, update

from verbund.base.ids import CoreId, b64
from verbund.log import tables
from verbund.log.core import Parcel, Parsed, WrongSignature, parse
from verbund.log.entry import VOID, WAITING
from verbund.log.judge import Accepted
from verbund.log.stored import stored_parcel
from verbund.log.tx import Tx

ALTERNATES_MAX = 16


class Judged(NamedTuple):
    """A copy, and what becomes of it."""

    parsed: Parsed
    verdict: Accepted


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
    """It came before the key that shows it to be forged: a void, which the true one replaces when it comes."""
    c = tables.core.c
    tx.gone += tx.execute(select(c.space, c.position, c.id).where(c.id == core)).all()
    nothing = {"state": VOID, "reason": WrongSignature.code, "salt": None, "body": None}
    tx.execute(update(tables.core).where(c.id == core).values(nothing))


def forget(tx: Tx, core: CoreId) -> None:
    """It waits no longer."""
    tx.remove(tables.alternate, core=core)
