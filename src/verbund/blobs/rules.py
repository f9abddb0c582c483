"""Rule at submit: a fact may name only blobs that its space holds, that is, whose bytes were brought there."""

from sqlalchemy import select

from verbund.blobs.holdings import readable
from verbund.blobs.refusals import NotHeld
from verbund.blobs.tables import blob_holding
from verbund.log.registry import Fact
from verbund.log.tx import Reader


def admit_blobs(fact: Fact, view: Reader) -> None:
    """Raises NotHeld. The answer is the same for a blob that nobody has and for one that another space has."""
    if not fact.blobs:
        return
    held = blob_holding.c
    rows = view.execute(select(held.hash).where(held.space == fact.space, held.hash.in_(fact.blobs), readable()))
    if {row.hash for row in rows} != set(fact.blobs):
        raise NotHeld()
