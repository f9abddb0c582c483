"""Tables of the log. Positions, numbers and milliseconds are integers, signed bytes are kept as bytes; ids are text, or
what compact.py makes of them where there are many.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    UniqueConstraint,
    text,
)

from verbund.log.compact import Digest, Stamp, Word
from verbund.log.store import metadata

#: `position` is that of the entry in which it was first accepted. `salt` and `body` go when a body is erased. What lies
#: sealed in a segment is empty here (no bytes, unlike NULL): `raw`, `sig`, `salt`, `body`; see sealed.py.
core = Table(
    "core",
    metadata,
    Column("position", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("id", Digest, nullable=False, unique=True),
    Column("space", Word, nullable=False),
    Column("dev", Word, nullable=False),
    Column("ds", BigInteger, nullable=False),
    Column("kind", Word, nullable=False),
    Column("t", Stamp, nullable=False),
    Column("state", SmallInteger, nullable=False),
    Column("reason", String, nullable=False, server_default=""),
    Column("authority", SmallInteger, nullable=False, server_default="0"),
    Column("raw", LargeBinary, nullable=False),
    Column("sig", LargeBinary, nullable=False),
    Column("salt", LargeBinary),
    Column("body", LargeBinary),
    Index("core_line", "space", "dev", "ds"),
    Index(
        "core_set_aside", "space", "reason", sqlite_where=Column("state") == 2, postgresql_where=Column("state") == 2
    ),
    Index("core_authority", "space", "authority", sqlite_where=Column("authority") == 1),
)

#: `core` is the core's position: their own for most, that of its first acceptance where it came more than once; only
#: those are looked for by it. `chain` is empty where a segment has it.
entry = Table(
    "entry",
    metadata,
    Column("position", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("sublog", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("core", BigInteger, nullable=False),
    Column("chain", LargeBinary, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("void", SmallInteger, nullable=False),
    UniqueConstraint("sublog", "seq", name="entry_place"),
    Index("entry_again", "core", sqlite_where=text("core <> position"), postgresql_where=text("core <> position")),
)

#: Old entries of a space packed as in a frame between providers: those from position `first` to `last`, all of them.
#: `reached` is how far they go in each sub-log, with all segments before: the next one begins there.
segment = Table(
    "segment",
    metadata,
    Column("first", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("last", BigInteger, nullable=False),
    Column("space", Word, nullable=False),
    Column("count", Integer, nullable=False),
    Column("reached", String, nullable=False),
    Column("runs", LargeBinary, nullable=False),
    Column("data", LargeBinary, nullable=False),
    Index("segment_space", "space", "first"),
)

#: `number` stands for the sub-log in its entries.
sublog = Table(
    "sublog",
    metadata,
    Column("space", String, primary_key=True),
    Column("provider", String, primary_key=True),
    Column("incarnation", BigInteger, primary_key=True),
    Column("number", BigInteger, nullable=False, unique=True),
    Column("seq", BigInteger, nullable=False),
    Column("chain", LargeBinary, nullable=False),
)

waiting = Table(
    "waiting",
    metadata,
    Column("missing", String, primary_key=True),
    Column("core", String, primary_key=True),
    Column("space", String, nullable=False),
    Index("waiting_core", "core"),
)

#: Other signatures under which a waiting core came: which is its device's shows once the key is here.
alternate = Table(
    "alternate",
    metadata,
    Column("core", String, primary_key=True),
    Column("sig", String, primary_key=True),
)

cut = Table(
    "cut",
    metadata,
    Column("space", String, primary_key=True),
    Column("dev", String, primary_key=True),
    Column("by", String, primary_key=True),
    Column("ds", BigInteger, nullable=False),
)

#: What an account wrote in a space up to `until` is to be erased, says the fact `by`. Like a cut it never lapses.
#: `bodies` and `blobs` were taken away here when it came.
erasure = Table(
    "erasure",
    metadata,
    Column("space", String, primary_key=True),
    Column("by", Digest, primary_key=True),
    Column("account", String, nullable=False),
    Column("until", String, nullable=False),
    Column("bodies", BigInteger, nullable=False),
    Column("blobs", BigInteger, nullable=False),
)

cursor = Table(
    "cursor",
    metadata,
    Column("name", String, primary_key=True),
    Column("position", BigInteger, nullable=False),
)

#: Cores that settled where followers had passed already: read once more, at this position of the same count.
late = Table(
    "late",
    metadata,
    Column("position", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("entry", BigInteger, nullable=False),
)

installation = Table(
    "installation",
    metadata,
    Column("key", String, primary_key=True),
    Column("value", String, nullable=False),
)
