"""Folds of calls: the only writer of their tables. Every fold commutes with every other of its space."""

from sqlalchemy import ColumnElement, or_, update

from verbund.log.registry import Event, Fact, Fold
from verbund.log.tx import Tx
from verbund.meet import events, tables

PROJECTED = tables.PROJECTED


def call_started(tx: Tx, fact: Fact) -> None:
    row = {
        "id": fact.id, "space": fact.space, "author": fact.actor, "t": fact.t, "at": fact.at,
        "position": fact.position, "seconds": None, "people": "", "ended": "", "place": "",
        "moved": "",
    }  # fmt: skip
    tx.insert_once(tables.call, row)


def call_joined(tx: Tx, fact: Fact) -> None:
    c = tables.call_person.c
    _person(tx, fact)
    first = or_(c.joined == "", c.joined > fact.stamp)
    tx.execute(update(tables.call_person).where(*_mine(fact), first).values(joined=fact.stamp))
    tx.execute(update(tables.call_person).where(*_mine(fact), c.came < fact.stamp).values(came=fact.stamp))


def call_left(tx: Tx, fact: Fact) -> None:
    c = tables.call_person.c
    _person(tx, fact)
    tx.execute(update(tables.call_person).where(*_mine(fact), c.departed < fact.stamp).values(departed=fact.stamp))


def call_moved(tx: Tx, fact: Fact) -> None:
    c = tables.call.c
    here = (c.id == fact.event.call) & (c.space == fact.space) & (c.moved < fact.stamp)
    tx.execute(update(tables.call).where(here).values(place=fact.event.to, moved=fact.stamp))


def call_ended(tx: Tx, fact: Fact) -> None:
    event: events.CallEnded = fact.event
    c = tables.call.c
    shorter = or_(
        c.seconds.is_(None), c.seconds < event.seconds, (c.seconds == event.seconds) & (c.ended < fact.stamp)
    )  # fmt: skip
    values = {"seconds": event.seconds, "people": ",".join(event.people), "ended": fact.stamp}
    tx.execute(update(tables.call).where(c.id == event.call, c.space == fact.space, shorter).values(**values))


def _person(tx: Tx, fact: Fact) -> None:
    event = fact.event
    row = {"call": event.call, "account": fact.actor, "space": fact.space, "joined": "", "came": "", "departed": ""}
    tx.insert_once(tables.call_person, row)


def _mine(fact: Fact) -> tuple[ColumnElement[bool], ...]:
    c = tables.call_person.c
    return c.call == fact.event.call, c.account == fact.actor, c.space == fact.space


FOLDS: dict[type[Event], Fold] = {
    events.CallStarted: call_started,
    events.CallJoined: call_joined,
    events.CallLeft: call_left,
    events.CallMoved: call_moved,
    events.CallEnded: call_ended,
}
