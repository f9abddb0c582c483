"""Tables of the blobs. References are a fold of the facts; the rest is local to this provider."""

from sqlalchemy import BigInteger, Column, Index, String, Table

from verbund.log.compact import Digest
from verbund.log.store import metadata

blob_reference = Table(
    "blob_reference",
    metadata,
    Column("space", String, primary_key=True),
    Column("hash", String, primary_key=True),
    Column("core", Digest, primary_key=True),
    Index("blob_reference_core", "core"),
)

# local

#: `loose_since` (ms) of a holding whose last fact was erased: nobody reads it any more, its bytes go next.
ERASED = 0

blob = Table(
    "blob",
    metadata,
    Column("hash", String, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("picture", String, nullable=False),
    Column("at", BigInteger, nullable=False),
)

blob_holding = Table(
    "blob_holding",
    metadata,
    Column("space", String, primary_key=True),
    Column("hash", String, primary_key=True),
    Column("type", String, nullable=False),
    Column("account", String, nullable=True),
    Column("at", BigInteger, nullable=False),
    Column("loose_since", BigInteger, nullable=True),
    Index("blob_holding_hash", "hash"),
)

blob_upload = Table(
    "blob_upload",
    metadata,
    Column("id", String, primary_key=True),
    Column("space", String, nullable=False),
    Column("account", String, nullable=False),
    Column("hash", String, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("type", String, nullable=False),
    Column("at", BigInteger, nullable=False),
    Index("blob_upload_account", "account", "space"),
    Index("blob_upload_space", "space"),
)

PROJECTED = (blob_reference,)
