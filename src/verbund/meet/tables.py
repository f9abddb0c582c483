"""Tables of calls: what the folds fill."""

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table

from verbund.log.store import metadata

#: `t` orders calls among messages. `place`: the provider that it went on at, at `moved` (stamp); empty = where it
#: began. `seconds`, `people` (ids with commas) and `ended` (stamp) are set once it is over.
call = Table(
    "meet_call",
    metadata,
    Column("id", String, primary_key=True),
    Column("space", String, nullable=False),
    Column("author", String, nullable=False),
    Column("t", String, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("seconds", Integer, nullable=True),
    Column("people", String, nullable=False),
    Column("ended", String, nullable=False),
    Column("place", String, nullable=False),
    Column("moved", String, nullable=False),
    Index("meet_call_order", "space", "t"),
)

#: `joined`: when the person first came, `came`: when they last came, `departed`: when they last went (stamps; empty =
#: not yet).
call_person = Table(
    "meet_call_person",
    metadata,
    Column("call", String, primary_key=True),
    Column("account", String, primary_key=True),
    Column("space", String, nullable=False),
    Column("joined", String, nullable=False),
    Column("came", String, nullable=False),
    Column("departed", String, nullable=False),
)

PROJECTED = (call, call_person)
