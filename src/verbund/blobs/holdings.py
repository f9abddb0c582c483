"""Holdings: which space has earned which blob. Local state, written in the writer's transaction."""

from collections.abc import Callable
from typing import NamedTuple, Protocol, TypeVar

from sqlalchemy import ColumnElement, Connection, func, or_, select, update

from verbund.base.ids import AccountId, BlobHash, SpaceId
from verbund.blobs.limits import Limits
from verbund.blobs.refusals import SpaceFull
from verbund.blobs.tables import ERASED, blob, blob_holding, blob_upload
from verbund.log.tx import Tx

Result = TypeVar("Result")


class Writer(Protocol):
    """The log's one writer."""

    async def write(self, work: Callable[[Tx], Result]) -> Result: ...


class Held(NamedTuple):
    """A blob as one space has it: size in bytes, picture format or "", the type that its uploader declared."""

    hash: BlobHash
    size: int
    picture: str
    type: str


def readable() -> ColumnElement[bool]:
    """The condition that a holding has not ended by erasure."""
    return or_(blob_holding.c.loose_since.is_(None), blob_holding.c.loose_since != ERASED)


def held(connection: Connection, space: SpaceId, one: BlobHash) -> Held | None:
    """The blob, if this space holds it."""
    row = connection.execute(
        select(blob.c.hash, blob.c.size, blob.c.picture, blob_holding.c.type)
        .join(blob_holding, blob_holding.c.hash == blob.c.hash)
        .where(blob_holding.c.space == space, blob_holding.c.hash == one, readable())
    ).first()
    return Held(*row) if row else None


def hold(tx: Tx, space: SpaceId, what: Held, account: AccountId | None) -> None:
    """The space holds this blob from now on. Repeatable."""
    now = tx.now_ms()
    tx.insert_once(blob, {"hash": what.hash, "size": what.size, "picture": what.picture, "at": now})
    tx.insert_once(blob_holding, {"space": space, "hash": what.hash, "type": what.type, "account": account, "at": now})
    erased = (blob_holding.c.space == space, blob_holding.c.hash == what.hash, ~readable())
    tx.execute(update(blob_holding).where(*erased).values(loose_since=None))


def check_quota(tx: Tx, space: SpaceId, size: int, limits: Limits) -> None:
    """Raises SpaceFull when this many bytes more, finished and unfinished, are too many for the space."""
    finished = tx.execute(
        select(func.coalesce(func.sum(blob.c.size), 0))
        .join(blob_holding, blob_holding.c.hash == blob.c.hash)
        .where(blob_holding.c.space == space)
    ).scalar_one()
    growing = tx.execute(
        select(func.coalesce(func.sum(blob_upload.c.size), 0)).where(blob_upload.c.space == space)
    ).scalar_one()
    if int(finished) + int(growing) + size > limits.space_bytes_max:
        raise SpaceFull()
