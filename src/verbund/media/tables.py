"""Tables of the media library: what the folds fill, and what the worker of this provider remembers."""

from sqlalchemy import BigInteger, Column, Index, Integer, SmallInteger, String, Table

from verbund.log.store import metadata

#: `edit` is the stamp of title and description.
film = Table(
    "media_film",
    metadata,
    Column("id", String, primary_key=True),
    Column("space", String, nullable=False),
    Column("author", String, nullable=False),
    Column("t", String, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("title", String, nullable=False),
    Column("description", String, nullable=False, server_default=""),
    Column("source", String, nullable=False, server_default=""),
    Column("source_name", String, nullable=False, server_default=""),
    Column("source_bytes", BigInteger, nullable=False, server_default="0"),
    Column("edit", String, nullable=False, server_default=""),
    Column("withdrawn", SmallInteger, nullable=False, server_default="0"),
    Index("media_film_order", "space", "t", "id"),
)

#: Which facts changed a film or prepared it, so that an erasure takes their bodies too.
edit = Table(
    "media_edit",
    metadata,
    Column("core", String, primary_key=True),
    Column("film", String, nullable=False, index=True),
    Column("space", String, nullable=False),
)

#: `rank` orders copies: ready before refused, then the stamp. `tracks` is JSON: sounds, words, chapters.
prepared = Table(
    "media_prepared",
    metadata,
    Column("film", String, primary_key=True),
    Column("space", String, nullable=False, index=True),
    Column("rank", String, nullable=False),
    Column("outcome", String, nullable=False),
    Column("plan", String, nullable=False),
    Column("manifest", String, nullable=False),
    Column("duration_ms", BigInteger, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("tone", String, nullable=False),
    Column("tracks", String, nullable=False),
    Column("reason", String, nullable=False),
)

#: `space` is the personal space the position was folded from; `of` the space of the film.
position = Table(
    "media_position",
    metadata,
    Column("account", String, primary_key=True),
    Column("of", String, primary_key=True),
    Column("film", String, primary_key=True),
    Column("space", String, nullable=False),
    Column("position_ms", BigInteger, nullable=False),
    Column("duration_ms", BigInteger, nullable=False),
    Column("t", String, nullable=False),
    Column("stamp", String, nullable=False),
)

#: Which provider prepares a film, until when (ms).
claim = Table(
    "media_claim",
    metadata,
    Column("film", String, primary_key=True),
    Column("space", String, nullable=False, index=True),
    Column("provider", String, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("stamp", String, nullable=False),
)

PROJECTED = (film, edit, prepared, position, claim)

# local

#: One film on its way at this provider. Until `lease_until` (ms) a worker has it; `attempts` = those that failed.
job = Table(
    "media_job",
    metadata,
    Column("film", String, primary_key=True),
    Column("space", String, nullable=False),
    Column("plan", String, nullable=False, server_default=""),
    Column("duration_ms", BigInteger, nullable=False, server_default="0"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("lease_until", BigInteger, nullable=False, server_default="0"),
    Column("percent", Integer, nullable=False, server_default="0"),
    Column("playable", SmallInteger, nullable=False, server_default="0"),
)
