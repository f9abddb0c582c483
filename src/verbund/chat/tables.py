"""Tables of conversation: what the folds fill."""

from sqlalchemy import BigInteger, Column, ColumnElement, Index, Integer, SmallInteger, String, Table, select

from verbund.log import tables as log_tables
from verbund.log.compact import Stamp, Word
from verbund.log.store import metadata

MAIN = ""

channel = Table(
    "chat_channel",
    metadata,
    Column("id", String, primary_key=True),
    Column("space", String, nullable=False, index=True),
    Column("title", String, nullable=False),
    Column("stamp", String, nullable=False),
    Column("opened", String, nullable=False),
)

#: `position` is that of the core, which has the message's id; `t` and the id order a conversation. `edit` is the stamp
#: of the text; empty while it is the core's own.
message = Table(
    "chat_message",
    metadata,
    Column("position", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("space", Word, nullable=False),
    Column("channel", Word, nullable=False),
    Column("author", Word, nullable=False),
    Column("t", Stamp, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("text", String, nullable=False),
    Column("mentions", String, nullable=False, server_default=""),
    Column("files", String, nullable=False, server_default=""),
    Column("reply_to", String),
    Column("edit", String, nullable=False, server_default=""),
    Column("edited", SmallInteger, nullable=False, server_default="0"),
    Column("withdrawn", SmallInteger, nullable=False, server_default="0"),
    Index("chat_message_order", "space", "channel", "t"),
)

#: Which facts edited a message, so that a withdrawal erases their bodies too.
edit = Table(
    "chat_edit",
    metadata,
    Column("core", String, primary_key=True),
    Column("message", String, nullable=False, index=True),
    Column("space", String, nullable=False),
)

mention = Table(
    "chat_mention",
    metadata,
    Column("account", String, primary_key=True),
    Column("message", String, primary_key=True),
    Column("space", String, nullable=False),
    Column("channel", String, nullable=False),
    Column("t", String, nullable=False),
    Index("chat_mention_message", "message"),
)

reaction = Table(
    "chat_reaction",
    metadata,
    Column("message", String, primary_key=True),
    Column("account", String, primary_key=True),
    Column("emoji", String, primary_key=True),
    Column("space", String, nullable=False),
    Column("on", SmallInteger, nullable=False),
    Column("stamp", String, nullable=False),
)

#: `space` is the personal space the mark was folded from; `of` the space it is about.
read_mark = Table(
    "chat_read_mark",
    metadata,
    Column("account", String, primary_key=True),
    Column("of", String, primary_key=True),
    Column("channel", String, primary_key=True),
    Column("space", String, nullable=False),
    Column("t", String, nullable=False),
    Column("id", String, nullable=False),
    Column("mark", String, nullable=False),
)


def is_message(*ids: str) -> ColumnElement[bool]:
    """For a query of `message`: that it is one of these."""
    core = log_tables.core.c
    return message.c.position.in_(select(core.position).where(core.id.in_(ids)))


PROJECTED = (channel, message, edit, mention, reaction, read_mark)
