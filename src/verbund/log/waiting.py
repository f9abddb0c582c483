"""What cannot be folded yet waits for something. What is waited for is remembered: nearly nothing that arrives is."""

from collections.abc import Iterable

from sqlalchemy import select

from verbund.base.ids import CoreId
from verbund.log import asked, tables
from verbund.log.core import Parsed
from verbund.log.entry import WAITING
from verbund.log.tx import Tx

REMEMBERED_MAX = 10_000
_KEY = "awaited"


def wait(tx: Tx, parsed: Parsed, missing: Iterable[str]) -> None:
    """A core that is kept is to be folded once these are here."""
    tx.cache.states[parsed.id] = WAITING
    note(tx, parsed, missing)


def note(tx: Tx, parsed: Parsed, missing: Iterable[str]) -> None:
    """It is to be looked at again once these are here."""
    awaited = _awaited(tx)
    for one in missing:
        if awaited is not None:
            awaited.add(one)
        tx.insert_once(tables.waiting, {"missing": one, "core": parsed.id, "space": parsed.space})


def is_awaited(tx: Tx, arrived: str) -> bool:
    """Whether something may wait for this."""
    awaited = _awaited(tx)
    return awaited is None or arrived in awaited


def released(tx: Tx, arrived: str) -> list[CoreId]:
    """The cores that waited for what is here now; they do so no longer."""
    awaited = _awaited(tx)
    if awaited is not None and arrived not in awaited:
        return []
    cores = list(tx.execute(asked.WAIT_FOR, {"missing": arrived}).scalars())
    tx.remove(tables.waiting, missing=arrived)
    if awaited is not None:
        awaited.discard(arrived)
    return cores


def _awaited(tx: Tx) -> set[str] | None:
    """None where it is too much to remember: then one has to look."""
    found: set[str] | None = tx.cache.get(_KEY)
    if found is None and _KEY not in tx.cache:
        query = select(tables.waiting.c.missing).distinct().limit(REMEMBERED_MAX + 1)
        found = tx.cache.put(_KEY, set(tx.execute(query).scalars()))
    if found is not None and len(found) > REMEMBERED_MAX:
        found = tx.cache.put(_KEY, None)
    return found
