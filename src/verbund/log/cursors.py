"""Followers on the server: each reads the log from its own cursor, so nothing is missed across a restart.

A fact that waited, or was set aside, and counts after all stands at an old place that a follower may have passed. It is
noted in `late` at a new position of the same count, in the transaction that settles it: one cursor is enough.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from sqlalchemy import delete, func, select

from verbund.log import tables
from verbund.log.appended import Appended
from verbund.log.core import parse
from verbund.log.entry import SETTLED
from verbund.log.judge import Take
from verbund.log.registry import Fact
from verbund.log.sealed import Segments
from verbund.log.service import LogService
from verbund.log.stored import stored_parcel
from verbund.log.tx import Reader, Tx

PAGE_MAX = 200
RETRY_S = 5.0
log = logging.getLogger(__name__)


class Page(NamedTuple):
    """Facts with the positions they are read at, and how far everything was looked through."""

    facts: list[tuple[int, Fact]]
    reached: int
    more: bool


class Follower:
    """Calls `effect(fact)` for each new fact of these kinds, at least once, in order; remembers how far it got.

    A fact comes again when another provider's copy of it arrives, and when it counts again after it was set aside.
    """

    def __init__(
        self, service: LogService, name: str, kinds: frozenset[str], effect: Callable[[Fact], Awaitable[None]]
    ) -> None:
        self._service, self._name, self._kinds, self._effect = service, name, kinds, effect
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._service.told.append(self._told)
        self._task = asyncio.create_task(self._run(), name=f"follower {self._name}")

    async def stop(self) -> None:
        if self._task is not None:
            self._service.told.remove(self._told)
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    def _told(self, appended: Appended) -> None:
        if not appended.kinds.isdisjoint(self._kinds):
            self._wake.set()

    async def _run(self) -> None:
        position = saved = await self._service.write(self._begin)
        while True:
            self._wake.clear()
            page = await asyncio.to_thread(self._page, position)
            position, whole = await self._through(page, position)
            if position > saved:
                await self._save(position)
                saved = position
            if not whole:
                await asyncio.sleep(RETRY_S)
            elif not page.more:
                await self._wake.wait()

    async def _through(self, page: Page, position: int) -> tuple[int, bool]:
        """(how far the effects got; whether that is the whole page)."""
        for at, fact in page.facts:
            try:
                await self._effect(fact)
            except Exception:
                log.exception("effect %s failed, will be tried again", self._name)
                return position, False
            position = at
        return page.reached, True

    def _begin(self, tx: Tx) -> int:
        """Where it goes on. It has a row before it reads, so that nothing it has not read is swept."""
        tx.insert_once(tables.cursor, {"name": self._name, "position": 0})
        cursor = tables.cursor.c
        return int(tx.execute(select(cursor.position).where(cursor.name == self._name)).scalar_one())

    async def _save(self, position: int) -> None:
        row = {"name": self._name, "position": position}

        def save(tx: Tx) -> None:
            tx.upsert(tables.cursor, row)
            # What all have passed goes; the newest stays, for the count goes on from it.
            slowest = select(func.min(tables.cursor.c.position)).scalar_subquery()
            tx.execute(delete(tables.late).where(tables.late.c.position < slowest))

        await self._service.write(save)

    def _page(self, after: int) -> Page:
        inner = self._service.core
        with self._service.store.read() as connection:
            reader = Reader(connection, inner.clock, inner.directory)
            # First of all: what is committed while this reads lies beyond it, also where each query sees the newest.
            last = reader.last_position()
            found = [*connection.execute(self._new(after, last)), *connection.execute(self._late(after, last))]
            rows = sorted(found, key=lambda row: row.place)[:PAGE_MAX]
            more = len(rows) == PAGE_MAX
            wholes = Segments(connection).wholes(rows)
            facts = [(row.place, fact) for row in wholes if row.body and (fact := self._fact(reader, row)) is not None]
        return Page(facts, rows[-1].place if more else last, more)

    def _new(self, after: int, last: int) -> Any:
        place = tables.entry.c.position
        return self._facts(place).where(place > after, place <= last).order_by(place)

    def _late(self, after: int, last: int) -> Any:
        late = tables.late.c
        chosen = self._facts(late.position).join(tables.late, late.entry == tables.entry.c.position)
        return chosen.where(late.position > after, late.position <= last).order_by(late.position)

    def _facts(self, place: Any) -> Any:
        core, entry = tables.core.c, tables.entry.c
        columns = (
            place.label("place"), core.id, core.space, core.raw, core.sig, core.salt, core.body, entry.position,
            entry.at, core.position.label("origin"),
        )  # fmt: skip
        return (
            select(*columns)
            .select_from(tables.entry)
            .join(tables.core, core.position == entry.core)
            .where(core.body.is_not(None), core.state == SETTLED, core.kind.in_(self._kinds))
            .limit(PAGE_MAX)
        )

    def _fact(self, reader: Reader, row: Any) -> Fact | None:
        verdict = self._service.core.judge.read(parse(stored_parcel(row)), reader, row.at)
        if not isinstance(verdict, Take):
            return None
        fact = verdict.fact
        return Fact(
            fact.id, fact.space, fact.sort, fact.core, fact.actor, fact.device, fact.event, fact.blobs, fact.stamp,
            row.at, row.position,
        )  # fmt: skip
