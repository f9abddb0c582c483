"""Fold: facts that name blobs → references. The only writer of that table."""

from collections.abc import Iterable

from sqlalchemy import exists, select, update

from verbund.base.ids import BlobHash, CoreId, SpaceId
from verbund.blobs.tables import ERASED, blob_holding, blob_reference
from verbund.log.registry import Fact
from verbund.log.tx import Tx


def fold_blobs(tx: Tx, fact: Fact) -> None:
    """For every fact of every kind: what its body names is referenced."""
    add_references(tx, fact.space, fact.blobs, fact.id)


def add_references(tx: Tx, space: SpaceId, hashes: Iterable[BlobHash], core: CoreId) -> None:
    """This fact names these blobs; as long as it does, they are kept. Repeatable."""
    holding = blob_holding.c
    for blob in hashes:
        tx.insert_once(blob_reference, {"space": space, "hash": blob, "core": core})
        erased = (holding.space == space, holding.hash == blob, holding.loose_since == ERASED)
        tx.execute(update(blob_holding).where(*erased).values(loose_since=None))


def drop_references(tx: Tx, core: CoreId) -> int:
    """This fact's body is erased: it names nothing any more. Repeatable.

    What no other fact of the space names can be read no longer, from this moment on; how many these are.
    """
    reference, holding = blob_reference.c, blob_holding.c
    dropped = tx.execute(select(reference.space, reference.hash).where(reference.core == core))
    pairs = [(row.space, row.hash) for row in dropped]
    if not pairs:
        return 0
    tx.remove(blob_reference, core=core)
    loose = 0
    for space, blob in pairs:
        named = exists().where(reference.space == space, reference.hash == blob)
        here = (holding.space == space, holding.hash == blob)
        loose += tx.execute(update(blob_holding).where(*here, ~named).values(loose_since=ERASED)).rowcount
    return loose
