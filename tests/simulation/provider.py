"""A provider of the simulation: the production log on a disk in memory that can crash, be backed up and be restored."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from hashlib import sha256
from typing import Any

import msgspec
from sqlalchemy import create_engine, event, select
from sqlalchemy.pool import StaticPool

from tests.simulation import ordered
from verbund.accounts.commands import admit_provider_device
from verbund.accounts.queries import Devices
from verbund.base.ids import CoreId, DeviceId, ProviderId, SpaceId
from verbund.base.keys import DeviceKey
from verbund.base.refusal import Refusal
from verbund.log import sealing, tables
from verbund.log.appended import Appended
from verbund.log.core import Parcel
from verbund.log.entry import VOID, Entry, Vector, sublog
from verbund.log.log import Log
from verbund.log.outcome import Outcome
from verbund.log.service import LogService
from verbund.log.store import Store
from verbund.log.submission import Submission
from verbund.log.tx import Reader, Tx
from verbund.log.writer import Work
from verbund.spaces.authority import SpaceAuthorities
from verbund.web.capabilities import registry

INBOX_MAX = 64
BATCH_MAX = 16
#: After so many commits something is sealed.
SEALED_SHARE = 0.25
END_OF_TIME_MS = 2**60
REGISTRY = ordered.register(registry())
AUTHORITIES = SpaceAuthorities(REGISTRY)
_entry = msgspec.json.Decoder(Entry)
Vectors = dict[SpaceId, Vector]


def key_of(text: str) -> DeviceKey:
    return DeviceKey(sha256(text.encode()).digest())


class Crashed(Exception):
    """The machine lost power before the commit."""


class Clock:
    """Virtual time with an error of its own."""

    def __init__(self, time: list[int], error_ms: int) -> None:
        self._time, self.error_ms = time, error_ms

    def now_ms(self) -> int:
        return self._time[0] + self.error_ms

    @property
    def true_ms(self) -> int:
        """What a steady clock says."""
        return self._time[0]


class Disk(Store):
    """A real SQLite in memory. `image` is what a backup holds; `put` is another disk in its place."""

    def __init__(self) -> None:
        self.engine = create_engine("sqlite://", poolclass=StaticPool)
        self.sqlite = True
        event.listen(self.engine, "connect", _manual)
        self.engine.dialect.do_begin = _begin  # type: ignore[method-assign]  # a listener is asked about every statement
        self.create_all()
        ordered.metadata.create_all(self.engine)
        self.empty = self.image()

    def image(self) -> bytes:
        return bytes(self._raw().serialize())

    def put(self, image: bytes) -> None:
        self._raw().deserialize(image)

    def _raw(self) -> Any:
        return self.engine.raw_connection().driver_connection


def _manual(connection: Any, _record: object) -> None:
    connection.isolation_level = None


def _begin(connection: Any) -> None:
    connection.execute("BEGIN")


class MortalLog(Log):
    """The production log on a machine that can lose power between the last write and the commit."""

    power_fails = False

    def finish(self, tx: Tx) -> None:
        super().finish(tx)
        tx.flush()
        if self.power_fails:
            raise Crashed()


class Service(LogService):
    """Knows without asking the disk how far every sub-log goes: `vectors`."""

    def __init__(self, store: Store, log: Log, device: DeviceKey, vectors: Vectors) -> None:
        super().__init__(store, log, device)
        self.vectors = vectors
        #: As far as this provider ever got, on whatever disk.
        self.reached: Vectors = {}

    def _committed(self, tx: Tx) -> None:
        super()._committed(tx)
        for (space, provider, incarnation), end in tx.sublogs.items():
            sub = sublog(provider, incarnation)
            self.vectors.setdefault(space, {})[sub] = end.seq
            reached = self.reached.setdefault(space, {})
            reached[sub] = max(reached.get(sub, 0), end.seq)

    def appended(self) -> Appended:
        """What was committed since this was asked last."""
        appended, self._appended = self._appended, Appended()
        return appended


class Provider:
    """One installation. What is queued in `inbox` is committed by `commit`, all of it in one transaction."""

    def __init__(self, name: str, seed: int, clock: Clock, chance: random.Random, disk: Disk) -> None:
        self.name, self.clock, self.chance, self.disk = name, clock, chance, disk
        self._seed = f"{seed} {name}"
        self.root = key_of(f"{self._seed} root")
        self.provider: ProviderId = self.root.public.provider
        self.incarnation = 0
        disk.put(disk.empty)
        self.acked: set[CoreId] = set()
        self.backups: list[tuple[bytes, frozenset[CoreId]]] = []
        #: Dice of its own: a seed is the same schedule whether or not something is sealed.
        self._sealing = random.Random(f"{self._seed} seals")
        self.begin_incarnation()

    def begin_incarnation(self) -> None:
        """A new sub-log with a provider device of its own."""
        self.incarnation += 1
        self.key = key_of(f"{self._seed} {self.incarnation}")
        self.start()

    def start(self) -> None:
        """The process starts on what is on disk; nothing that was in memory is left."""
        self.inbox: list[tuple[Work, Callable[[Work], None]]] = []
        self.log = MortalLog(self.clock, REGISTRY, AUTHORITIES, Devices(), self.provider, self.incarnation, self._salt)
        reached = self.service.reached if hasattr(self, "service") else {}
        self.service = Service(self.disk, self.log, self.key, self._vectors())
        self.service.reached = reached
        self.connection = self.disk.engine.connect()
        self.write(lambda tx: admit_provider_device(tx, self.provider, self.key.public))

    def stop(self) -> None:
        self.connection.close()

    def meet(self, other: "Provider") -> None:
        """Know the device of another provider's present incarnation."""
        self.write(lambda tx: admit_provider_device(tx, other.provider, other.key.public))

    def write(self, work: Callable[[Tx], Any]) -> Any:
        """A transaction by itself. Raises what the work raises."""
        one = Work(work, True)
        self.service.writer.write(self.connection, [one])
        self.told(self.service.appended())
        if one.error is not None:
            raise one.error
        return one.result

    def told(self, appended: Appended) -> None:
        """A commit appended these."""

    def receive(self, work: Callable[[Tx], Any], guarded: bool, reply: Callable[[Work], None]) -> bool:
        """Queue something; what does not fit is not taken, as at an overloaded server."""
        fits = len(self.inbox) < INBOX_MAX
        if fits:
            self.inbox.append((Work(work, guarded), reply))
        return fits

    def submit(self, parcels: list[Parcel], reply: Callable[[list[Outcome]], None]) -> None:
        self.receive(Submission(self.log, parcels), False, lambda done: reply(done.result))

    def accept(self, page: list[Entry]) -> None:
        def work(tx: Tx) -> None:
            for one in page:
                self.log.accept(tx, one)

        self.receive(work, True, lambda done: None)

    def commit(self) -> list[tuple[Work, Callable[[Work], None]]]:
        """Write what is queued. Returns what may be answered now; errors other than refusals are bugs."""
        batch, self.inbox = self.inbox[:BATCH_MAX], self.inbox[BATCH_MAX:]
        if not batch:
            return []
        self.service.writer.write(self.connection, [work for work, _ in batch])
        for work, _ in batch:
            if work.error is not None and not isinstance(work.error, Refusal | Crashed):
                raise work.error
        if not self.log.power_fails and self._sealing.random() < SEALED_SHARE:
            self.seal()
        return [(work, reply) for work, reply in batch if not isinstance(work.error, Crashed)]

    def seal(self) -> None:
        """Seal all that fills a segment, however new."""
        with self.disk.read() as connection:
            due = sorted(sealing.due(connection))
        for space in due:
            while (one := self._prepared(space)) is not None:
                assert self.write(partial(sealing.put, one=one)), "nobody else writes"

    def _prepared(self, space: SpaceId) -> sealing.Prepared | None:
        with self.disk.read() as connection:
            return sealing.prepare(connection, space, END_OF_TIME_MS)

    def back_up(self) -> None:
        self.backups.append((self.disk.image(), frozenset(self.acked)))

    def restore(self, which: int | None) -> None:
        """Another disk with an older state, or with nothing; a new incarnation (see ops/restore.py)."""
        self.stop()
        image, acked = self.backups[which] if which is not None else (self.disk.empty, frozenset())
        self.disk.put(image)
        self.acked = set(acked)
        self.renew()

    def renew(self) -> None:
        self.begin_incarnation()

    def vectors(self) -> Vectors:
        """space → sub-log → last seq on this disk."""
        return self.service.vectors

    def _vectors(self) -> Vectors:
        c = tables.sublog.c
        found: Vectors = {}
        with self.disk.read() as connection:
            for row in connection.execute(select(c.space, c.provider, c.incarnation, c.seq)):
                found.setdefault(row.space, {})[sublog(row.provider, row.incarnation)] = row.seq
        return found

    def entries(self, space: SpaceId, after: Vector, limit: int) -> list[Entry]:
        return [_entry.decode(one) for one in self.service.entries(space, after, limit)[0]]

    def cores(self, space: SpaceId) -> set[tuple[CoreId, bool]]:
        """What is here of a space, and whether it is a void: then another may still be bringing it."""
        c = tables.core.c
        with self.disk.read() as connection:
            rows = connection.execute(select(c.id, c.state).where(c.space == space))
            return {(row.id, row.state == VOID) for row in rows}

    def states(self) -> dict[CoreId, int]:
        """core → state (see entry.py)."""
        c = tables.core.c
        with self.disk.read() as connection:
            return {row.id: row.state for row in connection.execute(select(c.id, c.state))}

    def lost(self) -> list[CoreId]:
        """What was acknowledged as accepted on this disk and is not there."""
        states = self.states()
        return sorted(core for core in self.acked if states.get(core, VOID) == VOID)

    @contextmanager
    def reader(self) -> Iterator[Reader]:
        """A view with a memory of its own."""
        with self.disk.read() as connection:
            yield Reader(connection, self.clock, self.log.directory)

    def knows(self, dev: DeviceId) -> bool:
        with self.reader() as view:
            return view.device(dev) is not None

    def _salt(self) -> bytes:
        return self.chance.randbytes(16)
