"""All numbers at one moment. Reads; never writes. Names no person and no space."""

import asyncio
import shutil
import time
from collections import Counter
from pathlib import Path
from typing import Any, Protocol

import msgspec
from sqlalchemy import Connection, func, select

from verbund.base.clock import Clock
from verbund.base.settings import Settings
from verbund.blobs.missing import absent_count
from verbund.log import tables as log_tables
from verbund.log.entry import QUARANTINED
from verbund.log.service import LogService
from verbund.media import tables as media_tables
from verbund.media.effects import ATTEMPTS_MAX
from verbund.ops.backup import last_backup_at
from verbund.partners.agreements import queries
from verbund.partners.agreements.queries import AGREED
from verbund.partners.durable import durable
from verbund.partners.schemas import PartnerStatus

#: The counts that a database has to be asked for are so old at most.
COUNTED_S = 60.0
SAMPLE_ENTRIES = 500


class Partner(msgspec.Struct, frozen=True):
    """A provider that shares spaces with this one, or has agreed to. `clock_ms`: how far its clock is ahead, at least;
    None where that is not known. `backlog_bytes` is an estimate."""

    provider: str
    name: str
    linked: bool
    lag_ms: int
    backlog: int
    backlog_bytes: int
    equal_at: int | None
    proofs: int
    clock_ms: int | None


class Counts(msgspec.Struct, frozen=True):
    """From the database. `set_aside`: refusal code → cores; `entry_bytes`: what a recent entry takes, on average."""

    set_aside: dict[str, int] = {}
    waiting: int = 0
    blobs_missing: int = 0
    films_waiting: int = 0
    films_failed: int = 0
    entry_bytes: int = 0
    names: dict[str, str] = {}
    agreed: frozenset[str] = frozenset()


class Picture(msgspec.Struct, frozen=True):
    """How everything stands. Times are milliseconds since 1970. `janus`: on, off, away. `undurable`: own entries that
    not enough providers have."""

    at: int
    partners: list[Partner]
    counts: Counts
    undurable: int
    queue: int
    sockets: int
    calls: int
    janus: str
    disk_free: int
    backup_at: int | None


class Services(Protocol):
    """What a picture needs of a running provider."""

    log: LogService
    settings: Settings
    clock: Clock
    data: Path
    parts: dict[str, Any]

    @property
    def live(self) -> Any: ...


class Camera:
    """Takes pictures; remembers for a while what the database said."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._counts, self._counted_at = Counts(), -COUNTED_S

    async def take(self) -> Picture:
        """How everything stands now."""
        now = time.monotonic()
        if now - self._counted_at >= COUNTED_S:
            self._counts = await asyncio.to_thread(self._count)
            self._counted_at = now
        services = self._services
        return Picture(
            services.clock.now_ms(), self._partners(), self._counts, self._undurable(), services.log.writer.waiting,
            len(services.live.connections), *_calls(services.parts.get("meet")),
            *await asyncio.to_thread(_disk, services.data),
        )  # fmt: skip

    def _partners(self) -> list[Partner]:
        link = self._services.parts.get("partners")
        if link is None:
            return []
        met: dict[str, PartnerStatus] = {one.provider: one for one in link.status()}
        expected = {*self._counts.agreed, *(one for held in link.here.holders.values() for one in held), *met}
        expected.discard(link.here.own)
        shared = {one for held in link.here.holders.values() for one in held} | self._counts.agreed
        clocks = getattr(self._services.parts.get("agreements"), "clocks", {})
        return [
            self._partner(one, met.get(one), clocks.get(one)) for one in sorted(expected) if one in shared
        ]  # fmt: skip

    def _partner(self, provider: str, met: PartnerStatus | None, clock: tuple[int, int] | None) -> Partner:
        name = self._counts.names.get(provider) or provider[:8]
        ahead = None if clock is None else _at_least(*clock)
        if met is None:
            return Partner(provider, name, False, 0, 0, 0, None, 0, ahead)
        size = met.backlog * self._counts.entry_bytes
        return Partner(provider, name, met.linked, met.lag_ms, met.backlog, size, met.equal_at, met.proofs, ahead)

    def _undurable(self) -> int:
        link = self._services.parts.get("partners")
        if link is None:
            return 0
        here, waiting = link.here, 0
        for space in here.holders:
            safe = durable(space, here, link.peers) if here.others(space) else None
            if safe is not None:
                waiting += sum(
                    max(0, mark.seq - safe.get(sub, 0))
                    for sub, mark in here.reach.get(space, {}).items()
                    if sub.startswith(here.own)
                )
        return waiting

    def _count(self) -> Counts:
        with self._services.log.store.read() as connection:
            known = queries.partnerships(connection)
            return Counts(
                _set_aside(connection), _rows(connection, select(func.count(log_tables.waiting.c.core.distinct()))),
                absent_count(connection), *_films(connection), _entry_bytes(connection),
                {one.provider: one.shown_name for one in known},
                frozenset(one.provider for one in known if one.state == AGREED),
            )  # fmt: skip


def _at_least(ahead_ms: int, doubt_ms: int) -> int:
    """How far a clock is ahead (or behind: negative) even if the answer took its whole time one way."""
    return max(0, ahead_ms - doubt_ms) + min(0, ahead_ms + doubt_ms)


def _calls(meet: Any) -> tuple[int, str]:
    """(calls that run here, how Janus is)."""
    if meet is None or meet.missing() is not None:
        return 0, "off"
    return len(meet.meetings.rooms), "on" if meet.sfu.generation is not None else "away"


def _disk(data: Path) -> tuple[int, int | None]:
    return shutil.disk_usage(data).free, last_backup_at(data)


def _set_aside(connection: Connection) -> dict[str, int]:
    c = log_tables.core.c
    return dict(Counter(connection.execute(select(c.reason).where(c.state == QUARANTINED)).scalars()))


def _films(connection: Connection) -> tuple[int, int]:
    attempts = connection.execute(select(media_tables.job.c.attempts)).scalars().all()
    failed = sum(one >= ATTEMPTS_MAX for one in attempts)
    return len(attempts) - failed, failed


def _entry_bytes(connection: Connection) -> int:
    c = log_tables.core.c
    newest = select(func.length(c.raw) + func.coalesce(func.length(c.body), 0)).order_by(c.position.desc())
    sizes = connection.execute(newest.where(c.raw != b"").limit(SAMPLE_ENTRIES)).scalars().all()
    return sum(sizes) // len(sizes) if sizes else 0


def _rows(connection: Connection, query: Any) -> int:
    return int(connection.execute(query).scalar_one())
