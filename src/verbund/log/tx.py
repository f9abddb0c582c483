"""What rules read and folds write through: one transaction of the writer, or a reader's view."""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, CursorResult, Table, TableClause, func, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql import Executable

from verbund.base.clock import Clock
from verbund.base.ids import AccountId, CoreId, DeviceId, SpaceId
from verbund.log import asked, tables
from verbund.log.appended import Appended
from verbund.log.cache import Cache, Own
from verbund.log.compact import word
from verbund.log.core import Core
from verbund.log.entry import QUARANTINED, SETTLED, WAITING
from verbund.log.gaps import Gaps
from verbund.log.gathered import Gathered, Into, removal
from verbund.log.registry import Device, Directory, Order
from verbund.log.sealed import Segments

Row = dict[str, Any]
Later = Callable[["Tx", list[Any]], None]
Head = tuple[int, CoreId | None]
NO_HEAD: Head = (0, None)
#: The row that says: something was erased, and what is left of it between the rows was not cleared away yet.
UNPURGED = "unpurged"
#: The row that says: somebody is clearing it away. Where that failed or was cut off, it stays and is done again.
PURGING = "purging"
_core = msgspec.json.Decoder(Core)
#: One statement per table, way and columns: as many as the folds have.
_statements: dict[Any, Gathered] = {}


def _nothing(*_: object) -> None:
    """Where no capability is registered."""


def _none(*_: object) -> int:
    """Where there are no blobs."""
    return 0


class Header(NamedTuple):
    """A core without its body."""

    space: SpaceId
    dev: DeviceId
    ds: int
    t: str
    kind: str
    state: int
    at: int
    position: int


class Reader:
    """A view of the store for rules: who has which number, what is known, what time it is."""

    def __init__(self, connection: Connection, clock: Clock, directory: Directory, cache: Cache | None = None) -> None:
        self.connection = connection
        self.cache = Cache() if cache is None else cache
        #: While a log is folded again: what is on disk but not folded yet, and counts as waiting.
        self.unfolded: set[CoreId] = set()
        #: What is being taken in ahead of what its device wrote before (see early.py).
        self.early: set[CoreId] = set()
        self._clock = clock
        self._directory = directory

    def now_ms(self) -> int:
        return self._clock.now_ms()

    def execute(self, statement: Executable, parameters: Any = None) -> CursorResult[Any]:
        return self.connection.execute(statement, parameters)

    def device(self, dev: DeviceId) -> Device | None:
        key = ("device", dev)
        found: Device | None = self.cache.get(key)
        if found is None:
            found = self._directory.device(self, dev)
            if found is not None:
                self.cache.put(key, found)
        return found

    def head(self, space: SpaceId, dev: DeviceId) -> Head:
        """(last number, its core) of a device in a space; (0, None) before the first."""
        key = ("head", space, dev)
        head: Head | None = self.cache.get(key)
        if head is None:
            found = self.execute(asked.HEAD, {"space": space, "dev": dev}).first()
            head = self.cache.put(key, (found.ds, found.id) if found else NO_HEAD)
        return head

    def state(self, core: CoreId) -> int | None:
        """What became of a core (see entry.py); None when it is not here."""
        if core in self.unfolded:
            return WAITING
        state: int | None = self.cache.states.get(core)
        if state is None:
            state = self.execute(asked.STATE, {"core": core}).scalar()
            if state is not None:
                self.cache.states.put(core, state)
        return state

    def lacking(self, cores: Iterable[CoreId]) -> list[CoreId]:
        """Those of them that are not here, or wait themselves."""
        states = self.cache.states
        unsure = cores if self.unfolded else [core for core in cores if states.get(core, WAITING) == WAITING]
        return [core for core in unsure if self.state(core) in (None, WAITING)]

    def is_loose(self, core: CoreId) -> bool:
        """Whether it counts, though what its device wrote before is still to come (see early.py)."""
        if core in self.early:
            return True
        if self.execute(asked.WAITS, {"core": core}).first() is None:
            return False
        state = self.execute(asked.STATE, {"core": core}).scalar()
        return state in (SETTLED, QUARANTINED)

    @property
    def gaps(self) -> Gaps:
        """Numbers of devices that are known not to be here."""
        found: Gaps | None = self.cache.get("gaps")
        if found is None:
            found = self.cache["gaps"] = Gaps()
        return found

    def before_loose(self, space: SpaceId, dev: DeviceId, ds: int) -> list[CoreId]:
        """What the loose cores of a device before number `ds` wait for."""
        core, waits = tables.core.c, tables.waiting.c
        found = self.execute(select(waits.core, waits.missing).where(waits.space == space)).all()
        mine = (core.space == space, core.dev == dev, core.ds < ds, core.state.in_((SETTLED, QUARANTINED)))
        named = core.id.in_([row.core for row in found])
        loose = set(self.execute(select(core.id).where(named, *mine)).scalars()) if found else set()
        return sorted({row.missing for row in found if row.core in loose})

    def lacks_number(self, space: SpaceId, dev: DeviceId, ds: int) -> bool:
        """Whether nothing here has this number of a device, as far as that is known without a look."""
        return ds > self.head(space, dev)[0] or self.gaps.has((space, dev), ds)

    def position_of(self, core: CoreId) -> int:
        """Where a core stands that is here."""
        return int(self.execute(asked.PLACE, {"core": core}).scalar_one())

    def numbered(self, space: SpaceId, dev: DeviceId, ds: int) -> CoreId | None:
        """The core that a device gave this number."""
        return self.execute(asked.NUMBERED, {"space": space, "dev": dev, "ds": ds}).scalar()

    def twins(self, space: SpaceId, dev: DeviceId, ds: int) -> Sequence[CoreId]:
        """The cores to which a device gave this number and which were looked at: one, if it keeps to the rules."""
        core = tables.core.c
        kept = core.state.in_((SETTLED, QUARANTINED))
        mine = (core.space == space, core.dev == dev, core.ds == ds, kept)
        return self.execute(select(core.id).where(*mine).order_by(core.id)).scalars().all()

    def previous(self, core: CoreId) -> CoreId | None:
        """The core that its device wrote before this one, by the header that is here."""
        c = tables.core.c
        row = self.execute(select(c.id, c.space, c.raw, c.position.label("origin")).where(c.id == core)).first()
        return None if row is None else _core.decode(bytes(Segments(self.connection).whole(row).raw)).dp

    def own_authority(self, space: SpaceId, dev: DeviceId, before: int) -> tuple[CoreId, ...]:
        """The authority facts of a space that this device wrote before its number `before`, set aside ones included:
        whether they count is for the authority to say, from the same facts everywhere."""
        key = ("own", space, dev)
        found: Own | None = self.cache.get(key)
        if found is None:
            core = tables.core.c
            kept = core.state.in_((SETTLED, QUARANTINED))
            mine = (core.space == space, core.dev == dev, core.authority == 1, kept)
            rows = self.execute(select(core.ds, core.id).where(*mine).order_by(core.ds))
            found = self.cache.put(key, Own.of(rows.all()))
        return found.ids[: bisect_left(found.numbers, before)]

    def last_position(self) -> int:
        """The newest place in this provider's order, of entries and of what came late; 0 before the first."""
        newest = (self.execute(select(func.max(one.c.position))).scalar() for one in (tables.entry, tables.late))
        return max(found or 0 for found in newest)

    def cuts(self, space: SpaceId, dev: DeviceId) -> list[tuple[int, CoreId]]:
        """(last number that stays, the fact that cut) for a device in a space."""
        key = ("cuts", space, dev)
        found: list[tuple[int, CoreId]] | None = self.cache.get(key)
        if found is None:
            rows = self.execute(asked.CUTS, {"space": space, "dev": dev})
            found = self.cache.put(key, [(row.ds, row.by) for row in rows])
        return found

    def erasures(self, space: SpaceId) -> dict[AccountId, str]:
        """account → the time up to which all that it wrote in this space is to be erased."""
        key = ("erasures", space)
        found: dict[AccountId, str] | None = self.cache.get(key)
        if found is None:
            c = tables.erasure.c
            rows = self.execute(select(c.account, c.until).where(c.space == space).order_by(c.until)).all()
            found = self.cache.put(key, {AccountId(row.account): row.until for row in rows})
        return found


class Tx(Reader):
    """A transaction of the writer. Inserts are gathered and written many at a time."""

    def __init__(self, connection: Connection, clock: Clock, directory: Directory, cache: Cache) -> None:
        super().__init__(connection, clock, directory, cache)
        self.sqlite = connection.dialect.name == "sqlite"
        self._buffer: dict[Any, tuple[Gathered, str, list[Any]]] = {}
        self.after_commit_calls: list[Callable[[], None]] = []
        self.arrivals: list[str] = []
        #: What else goes when a body is erased: its references to blobs. How many blobs nobody names any more.
        self.erased: Callable[[Tx, CoreId], int] = _none
        #: (space, position, core) of the bodies that were erased: a segment may have them too (see sealed.py).
        self.gone: list[Any] = []
        #: Carries out an order of erasure (see forgetting.py).
        self.forget: Callable[[SpaceId, Order], None] = _nothing
        self.disturbed: set[SpaceId] = set()
        #: Whether a forged copy came or went: then who looks for the true ones has to look again (see alternates.py).
        self.forgery = False
        #: What followers are told.
        self.appended = Appended()
        #: What makes rows → what it makes them of, for all at once.
        self._later: dict[Later, list[Any]] = {}
        #: (space, provider, incarnation) → where it ends (see sublogs.py): written once at the end.
        self.sublogs: dict[tuple[SpaceId, str, int], Any] = {}
        #: Where cores stand that were looked up many at once (see known.py).
        self.places: dict[CoreId, int] = {}

    def position_of(self, core: CoreId) -> int:
        return self.places.get(core) or super().position_of(core)

    def insert(self, table: TableClause, row: Row) -> None:
        """Put a row in; it must be new. Written at the latest before the next read."""
        self._gather(table, "insert", row)

    def insert_values(self, into: Into, *values: Any) -> None:
        """For what every message brings: a row without a name for each value, and as it is stored."""
        held = self._buffer.get(into)
        if held is None:
            statement = self._statement((self.sqlite, into), into.table, into.how, into.columns)
            held = self._begin(into, statement, into.table.name)
        held[2].append(values if held[0].in_order else dict(zip(into.columns, values, strict=True)))

    def insert_later(self, later: Later, what: Any) -> None:
        """Like `insert`, where rows are still to be made: `later(tx, all of it)` is called before anything is read."""
        self._later.setdefault(later, []).append(what)

    def insert_once(self, table: Table, row: Row) -> None:
        """Put a row in unless its key is there already."""
        self._gather(table, "once", row)

    def upsert(self, table: Table, row: Row, newer: str | None = None) -> None:
        """Put a row in, or overwrite the row of the same key; with `newer` only if that column grows.

        Only the columns in `row` are overwritten.
        """
        self._gather(table, "upsert", row, newer)

    def number(self, text: str) -> int:
        """The number that stands for a word (see compact.py); a word without one is given the next."""
        found: int | None = self.cache.numbers.get(text)
        if found is None:
            found = self.execute(select(word.c.number).where(word.c.text == text)).scalar() or self._enter(text)
            self.cache.numbers.put(text, found)
        return found

    def _enter(self, text: str) -> int:
        last = self.cache.get("words") or self.execute(select(func.max(word.c.number))).scalar() or 0
        self.cache["words"] = number = int(last) + 1
        self.insert(word, {"number": number, "text": text})
        return number

    def remove(self, table: Table, **where: Any) -> None:
        """Take the rows with these values out."""
        self.execute(removal(table, tuple(where)), where)

    def execute(self, statement: Executable, parameters: Any = None) -> CursorResult[Any]:
        self.flush()
        return self.connection.execute(statement, parameters)

    def flush(self) -> None:
        """Write what was gathered."""
        if self._later:
            gathered, self._later = self._later, {}
            for later, what in gathered.items():
                later(self, what)
        if self._buffer:
            buffer, self._buffer = self._buffer, {}
            # The driver's own cursor: nothing is left for SQLAlchemy to do, and it would ask for each batch.
            with closing(self.connection.connection.cursor()) as cursor:
                for statement, _, rows in buffer.values():
                    self._write(cursor, statement.sql, rows)

    def _write(self, cursor: Any, sql: str, rows: list[Any]) -> None:
        driver: Any = self.connection.dialect.loaded_dbapi
        try:
            cursor.executemany(sql, rows)
        except driver.Error as error:
            raise DBAPIError.instance(sql, None, error, driver.Error) from error

    def after_commit(self, call: Callable[[], None]) -> None:
        """Call this in the writer's thread once everything is on disk."""
        self.after_commit_calls.append(call)

    def arrived(self, identifier: str) -> None:
        """Something that others may wait for is here now: a device's key, a space."""
        self.arrivals.append(identifier)

    def cut(self, space: SpaceId, dev: DeviceId, ds: int, by: CoreId) -> None:
        """What this device wrote in the space after number `ds` is set aside, unless it had seen `by`. Repeatable."""
        if (ds, by) in self.cuts(space, dev):
            return
        self.insert_once(tables.cut, {"space": space, "dev": dev, "ds": ds, "by": by})
        self.cache.pop(("cuts", space, dev), None)
        if self.head(space, dev)[0] > ds:
            self.disturbed.add(space)

    def uncut(self, by: CoreId, space: SpaceId) -> None:
        """This fact cuts no longer."""
        self.remove(tables.cut, by=by, space=space)
        for key in [key for key in self.cache if key[:2] == ("cuts", space)]:
            del self.cache[key]
        self.disturbed.add(space)

    def erase(self, core: CoreId) -> int:
        """Delete a body here and now; core and salted hash stay, so that signatures and chains still verify.

        How many blobs nobody in the space names any more.
        """
        c = tables.core.c
        self.gone += self.execute(select(c.space, c.position, c.id).where(c.id == core)).all()
        self.execute(update(tables.core).where(c.id == core).values(salt=None, body=None))
        if not self.cache.get(UNPURGED):
            self.insert_once(tables.installation, {"key": UNPURGED, "value": ""})
            self.cache[UNPURGED] = True
        return self.erased(self, core)

    def begin_purge(self) -> None:
        """What is left of what was erased until now is cleared away after this; what is erased meanwhile is not."""
        self.insert_once(tables.installation, {"key": PURGING, "value": ""})
        self.remove(tables.installation, key=UNPURGED)
        self.cache.pop(UNPURGED, None)

    def end_purge(self) -> None:
        """It is cleared away."""
        self.remove(tables.installation, key=PURGING)

    def header(self, core: CoreId) -> Header | None:
        """Who wrote a core and when, whether or not its body is still here. Its place is its first acceptance."""
        row = self.execute(asked.HEADER, {"core": core}).first()
        return Header(**row._asdict()) if row else None

    def mark(self) -> tuple[int, int, int, int, dict[Any, Any], set[SpaceId]]:
        """Where a guarded piece of work begins."""
        calls, arrivals, appended = len(self.after_commit_calls), len(self.arrivals), len(self.appended)
        return calls, arrivals, appended, len(self.gone), dict(self.sublogs), set(self.disturbed)

    def back_to(self, mark: tuple[int, int, int, int, dict[Any, Any], set[SpaceId]]) -> None:
        """Forget what was gathered since."""
        calls, arrivals, appended, gone, self.sublogs, self.disturbed = mark
        del self.after_commit_calls[calls:], self.arrivals[arrivals:], self.appended[appended:], self.gone[gone:]
        self._buffer.clear()
        self._later.clear()

    def forget_device(self, dev: DeviceId) -> None:
        """The device's record changed: read it anew."""
        self.cache.pop(("device", dev), None)

    def _gather(self, table: TableClause, how: str, row: Row, newer: str | None = None) -> None:
        columns = tuple(row)
        key = (self.sqlite, table.name, how, columns, newer)
        statement = self._statement(key, table, how, columns, newer)
        values = statement.row(row, self.number)  # first of all: a new word is written before what says it
        held = self._buffer.get(key)
        if held is None:
            held = self._begin(key, statement, table.name)
        held[2].append(values)

    def _statement(
        self, key: Any, table: TableClause, how: str, columns: tuple[str, ...], newer: str | None = None
    ) -> Gathered:
        found = _statements.get(key)
        if found is None:
            found = _statements[key] = Gathered(table, how, columns, newer, self.connection)
        return found

    def _begin(self, key: Any, statement: Gathered, table: str) -> tuple[Gathered, str, list[Any]]:
        """Rows of one table are written in the order in which they came, whatever the statement."""
        if any(name == table for _, name, _ in self._buffer.values()):
            self.flush()
        held: tuple[Gathered, str, list[Any]] = (statement, table, [])
        self._buffer[key] = held
        return held
