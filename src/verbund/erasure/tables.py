"""Tables of erasures: what the fold fills."""

from sqlalchemy import BigInteger, Column, String, Table

from verbund.log.compact import Digest
from verbund.log.store import metadata

confirmation = Table(
    "erasure_confirmation",
    metadata,
    Column("by", Digest, primary_key=True),
    Column("provider", String, primary_key=True),
    Column("space", String, nullable=False, index=True),
    Column("bodies", BigInteger, nullable=False),
    Column("files", BigInteger, nullable=False),
    Column("stamp", String, nullable=False),
)

PROJECTED = (confirmation,)
