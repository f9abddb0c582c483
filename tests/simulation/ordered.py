"""A kind whose fold needs its device's order, as updates of documents do: what comes before its turn is lost.

The product has none yet (decision 0022); the rule that keeps such a fact from counting before its turn is tried here.
"""

from typing import ClassVar

from sqlalchemy import Column, Integer, MetaData, String, Table, select, update

from verbund.chat.events import TALK
from verbund.chat.rules import POST
from verbund.log.registry import Event, Fact, Registry, rule
from verbund.log.tx import Tx
from verbund.spaces.authority import Authority

metadata = MetaData()
line = Table(
    "trial_line",
    metadata,
    Column("space", String, primary_key=True),
    Column("dev", String, primary_key=True),
    Column("ds", Integer, nullable=False),
    Column("text", String, nullable=False),
)


class LineAdded(Event, frozen=True):
    """A line was added to what this device wrote. Lines of one device are in its order."""

    kind: ClassVar[str] = "trial.line_added.1"
    sorts: ClassVar[frozenset[str]] = TALK
    ordered: ClassVar[bool] = True
    text: str


def line_added(tx: Tx, fact: Fact) -> None:
    c, mine = line.c, (line.c.space == fact.space, line.c.dev == fact.dev)
    before = tx.execute(select(c.ds, c.text).where(*mine)).first()
    if before is None:
        tx.insert_once(line, {"space": fact.space, "dev": fact.dev, "ds": fact.ds, "text": fact.event.text})
    elif fact.ds > before.ds:
        tx.execute(update(line).where(*mine).values(ds=fact.ds, text=f"{before.text}, {fact.event.text}"))


def _may(fact: Fact, authority: Authority) -> None:
    authority.require(fact.actor, POST)


def register(registry: Registry) -> Registry:
    registry.register([LineAdded], {LineAdded: rule(_may)}, {LineAdded: line_added}, [line])
    return registry
