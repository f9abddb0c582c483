"""Tables of spaces: what the facts of authority come to, for questions."""

from sqlalchemy import BigInteger, Column, Index, SmallInteger, String, Table, Text

from verbund.log.store import metadata

space = Table(
    "space",
    metadata,
    Column("space", String, primary_key=True),
    Column("sort", String, nullable=False),
    Column("parent", String),
    Column("founder", String, nullable=False),
    Column("founded_at", BigInteger, nullable=False),
    Column("archived", SmallInteger, nullable=False),
    Column("heads", Text, nullable=False),
    Index("space_parent", "parent"),
)

space_title = Table(
    "space_title",
    metadata,
    Column("space", String, primary_key=True),
    Column("title", String, nullable=False),
    Column("description", String, nullable=False),
    Column("address_form", String, nullable=False),
    Column("stamp", String, nullable=False),
)

space_member = Table(
    "space_member",
    metadata,
    Column("space", String, primary_key=True),
    Column("account", String, primary_key=True),
    Column("role", String, nullable=False),
    Column("by", String, nullable=False),
    Index("space_member_account", "account", "space"),
)

space_provider = Table(
    "space_provider",
    metadata,
    Column("space", String, primary_key=True),
    Column("provider", String, primary_key=True),
    Column("home", SmallInteger, nullable=False),
)

invitation = Table(
    "invitation",
    metadata,
    Column("id", String, primary_key=True),
    Column("space", String, nullable=False),
    Column("role", String, nullable=False),
    Column("key", String, nullable=False),
    Column("note", String, nullable=False),
    Column("made_by", String, nullable=False),
    Column("made_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("uses_max", BigInteger),
    Column("withdrawn", SmallInteger, nullable=False),
    Index("invitation_space", "space"),
)

invitation_use = Table(
    "invitation_use",
    metadata,
    Column("invitation", String, primary_key=True),
    Column("account", String, primary_key=True),
    Column("space", String, nullable=False),
)

#: What owners want that cannot be taken back. `target`: the provider or account; `t`: when it was made.
motion = Table(
    "motion",
    metadata,
    Column("space", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("deed", String, nullable=False),
    Column("target", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("by", String, nullable=False),
    Column("t", String, nullable=False),
    Column("seconded_by", String),
    Column("stopped_by", String),
    Column("done", SmallInteger, nullable=False),
)
