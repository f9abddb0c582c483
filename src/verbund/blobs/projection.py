"""Fold: facts that name blobs → references. The only writer of that table."""

from collections.abc import Iterable

from verbund.base.ids import BlobHash, CoreId, SpaceId
from verbund.blobs.tables import blob_reference
from verbund.log.registry import Fact
from verbund.log.tx import Tx


def fold_blobs(tx: Tx, fact: Fact) -> None:
    """For every fact of every kind: what its body names is referenced."""
    add_references(tx, fact.space, fact.blobs, fact.id)


def add_references(tx: Tx, space: SpaceId, hashes: Iterable[BlobHash], core: CoreId) -> None:
    """This fact names these blobs; as long as it does, they are kept. Repeatable."""
    for blob in hashes:
        tx.insert_once(blob_reference, {"space": space, "hash": blob, "core": core})


def drop_references(tx: Tx, core: CoreId) -> None:
    """This fact's body is erased, or what it said is withdrawn: it names nothing any more. Repeatable."""
    tx.remove(blob_reference, core=core)
