"""Old entries can be sealed in segments: a table for them."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """The rows of before stay as they are, to be sealed like any others. A store without a mark may have it already."""
    if sa.inspect(op.get_bind()).has_table("segment"):
        return
    op.create_table(
        "segment",
        sa.Column("first", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("space", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("reached", sa.String(), nullable=False),
        sa.Column("runs", sa.LargeBinary(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
    )
    op.create_index("segment_space", "segment", ["space", "first"])
