"""Followers on the server: each reads the log from its own cursor, so nothing is missed across a restart."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from sqlalchemy import select

from verbund.log import tables
from verbund.log.core import parse
from verbund.log.entry import SETTLED
from verbund.log.judge import Take
from verbund.log.registry import Fact
from verbund.log.service import Appended, LogService
from verbund.log.stored import stored_parcel
from verbund.log.tx import Reader, Tx

PAGE_MAX = 200
RETRY_S = 5.0
log = logging.getLogger(__name__)


class Follower:
    """Calls `effect(fact)` for each new fact of these kinds, at least once, in order; remembers how far it got."""

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
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _told(self, appended: Appended) -> None:
        if any(fact is not None and fact.core.k in self._kinds for _, _, fact in appended):
            self._wake.set()

    async def _run(self) -> None:
        position = await asyncio.to_thread(self._load)
        while True:
            self._wake.clear()
            facts = await asyncio.to_thread(self._facts, position)
            for fact in facts:
                try:
                    await self._effect(fact)
                except Exception:
                    log.exception("effect %s failed, will be tried again", self._name)
                    await asyncio.sleep(RETRY_S)
                    break
                position = fact.position
            if facts:
                await self._save(position)
            else:
                await self._wake.wait()

    def _load(self) -> int:
        with self._service.store.read() as connection:
            found = connection.execute(
                select(tables.cursor.c.position).where(tables.cursor.c.name == self._name)
            ).scalar()
        return int(found or 0)

    async def _save(self, position: int) -> None:
        row = {"name": self._name, "position": position}

        def save(tx: Tx) -> None:
            tx.upsert(tables.cursor, row)

        await self._service.write(save)

    def _facts(self, after: int) -> list[Fact]:
        core, body, entry = tables.core.c, tables.body.c, tables.entry.c
        query = (
            select(core.raw, core.sig, body.salt, body.raw.label("body"), entry.position, entry.at)
            .join(tables.core, core.id == entry.core)
            .join(tables.body, body.core == core.id)
            .where(entry.position > after, core.state == SETTLED, core.kind.in_(self._kinds))
            .order_by(entry.position)
            .limit(PAGE_MAX)
        )
        inner = self._service.core
        with self._service.store.read() as connection:
            reader = Reader(connection, inner.clock, inner.directory)
            facts = [self._fact(reader, row) for row in connection.execute(query).all()]
        return [fact for fact in facts if fact is not None]

    def _fact(self, reader: Reader, row: object) -> Fact | None:
        parsed = parse(stored_parcel(row))
        verdict = self._service.core.judge.read(parsed, reader, row.at)  # type: ignore[attr-defined]  # a database row
        if not isinstance(verdict, Take):
            return None
        fact = verdict.fact
        return Fact(
            fact.id, fact.space, fact.sort, fact.core, fact.actor, fact.device, fact.event, fact.blobs, fact.stamp,
            row.at, row.position,  # type: ignore[attr-defined]  # a database row
        )  # fmt: skip
