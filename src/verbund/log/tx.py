"""What rules read and folds write through: one transaction of the writer, or a reader's view."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, CursorResult, Table, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql import Executable

from verbund.base.clock import Clock
from verbund.base.ids import CoreId, DeviceId, SpaceId
from verbund.log import tables
from verbund.log.core import Core
from verbund.log.entry import QUARANTINED, SETTLED, WAITING
from verbund.log.registry import Device, Directory, Fact

Row = dict[str, Any]
Head = tuple[int, CoreId | None]
NO_HEAD: Head = (0, None)
CACHED_MAX = 20_000
_core = msgspec.json.Decoder(Core)
#: One statement per table, way and columns: as many as the folds have.
_statements: dict[Any, "Gathered"] = {}


class Cache(OrderedDict[Any, Any]):
    """A bounded memory of what the writer read; emptied whenever a transaction fails."""

    def put(self, key: Any, value: Any) -> Any:
        self[key] = value
        if len(self) > CACHED_MAX:
            self.popitem(last=False)
        return value


def _nothing(*_: object) -> None:
    """Where there are no blobs."""


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
            core = tables.core.c
            found = self.execute(
                select(core.ds, core.id).where(core.space == space, core.dev == dev).order_by(core.ds.desc()).limit(1)
            ).first()
            head = self.cache.put(key, (found.ds, found.id) if found else NO_HEAD)
        return head

    def state(self, core: CoreId) -> int | None:
        """What became of a core (see entry.py); None when it is not here."""
        key = ("state", core)
        state: int | None = self.cache.get(key)
        if state is None:
            state = self.execute(select(tables.core.c.state).where(tables.core.c.id == core)).scalar()
            if state is not None:
                self.cache.put(key, state)
        return state

    def numbered(self, space: SpaceId, dev: DeviceId, ds: int) -> CoreId | None:
        """The core that a device gave this number."""
        core = tables.core.c
        return self.execute(
            select(core.id).where(core.space == space, core.dev == dev, core.ds == ds).order_by(core.id).limit(1)
        ).scalar()

    def previous(self, core: CoreId) -> CoreId | None:
        """The core that its device wrote before this one, by the header that is here."""
        raw = self.execute(select(tables.core.c.raw).where(tables.core.c.id == core)).scalar()
        return None if raw is None else _core.decode(bytes(raw)).dp

    def own_authority(self, space: SpaceId, dev: DeviceId, before: int) -> tuple[CoreId, ...]:
        """The authority facts of a space that this device wrote before its number `before`, set aside ones included:
        whether they count is for the authority to say, from the same facts everywhere."""
        key = ("own", space, dev)
        found: list[tuple[int, CoreId]] | None = self.cache.get(key)
        if found is None:
            core = tables.core.c
            kept = core.state.in_((SETTLED, QUARANTINED))
            mine = (core.space == space, core.dev == dev, core.authority == 1, kept)
            rows = self.execute(select(core.ds, core.id).where(*mine).order_by(core.ds))
            found = self.cache.put(key, [(row.ds, row.id) for row in rows])
        return tuple(identifier for ds, identifier in found if ds < before)

    def last_position(self) -> int:
        """The newest place in this provider's order, of entries and of what came late; 0 before the first."""
        newest = (self.execute(select(func.max(one.c.position))).scalar() for one in (tables.entry, tables.late))
        return max(found or 0 for found in newest)

    def cuts(self, space: SpaceId, dev: DeviceId) -> list[tuple[int, CoreId]]:
        """(last number that stays, the fact that cut) for a device in a space."""
        key = ("cuts", space, dev)
        found: list[tuple[int, CoreId]] | None = self.cache.get(key)
        if found is None:
            cut = tables.cut.c
            rows = self.execute(select(cut.ds, cut.by).where(cut.space == space, cut.dev == dev))
            found = self.cache.put(key, [(row.ds, row.by) for row in rows])
        return found


class Tx(Reader):
    """A transaction of the writer. Inserts are gathered and written many at a time."""

    def __init__(self, connection: Connection, clock: Clock, directory: Directory, cache: Cache) -> None:
        super().__init__(connection, clock, directory, cache)
        self._buffer: dict[int, tuple[Gathered, Table, list[Row]]] = {}
        self.after_commit_calls: list[Callable[[], None]] = []
        self.arrivals: list[str] = []
        #: What else goes when a body is erased: its references to blobs.
        self.erased: Callable[[Tx, CoreId], None] = _nothing
        self.disturbed: set[SpaceId] = set()
        #: While a log is folded again: what is on disk but not folded yet, and counts as waiting.
        self.unfolded: set[CoreId] = set()
        #: (space, encoded entry, fact or None): what followers are told; what comes late among them, at its old place.
        self.appended: list[tuple[SpaceId, bytes, Fact | None]] = []
        #: (space, provider, incarnation) → (seq, chain): written once at the end.
        self.sublogs: dict[tuple[SpaceId, str, int], tuple[int, bytes]] = {}

    def insert(self, table: Table, row: Row) -> None:
        """Put a row in; it must be new. Written at the latest before the next read."""
        self._gather(self._statement(table, "insert"), table, row)

    def insert_once(self, table: Table, row: Row) -> None:
        """Put a row in unless its key is there already."""
        self._gather(self._statement(table, "once"), table, row)

    def upsert(self, table: Table, row: Row, newer: str | None = None) -> None:
        """Put a row in, or overwrite the row of the same key; with `newer` only if that column grows.

        Only the columns in `row` are overwritten.
        """
        self._gather(self._statement(table, "upsert", tuple(row), newer), table, row)

    def remove(self, table: Table, **where: Any) -> None:
        """Take the rows with these values out."""
        self.execute(delete(table).where(*(table.c[name] == value for name, value in where.items())))

    def execute(self, statement: Executable, parameters: Any = None) -> CursorResult[Any]:
        self.flush()
        return self.connection.execute(statement, parameters)

    def flush(self) -> None:
        """Write what was gathered."""
        if self._buffer:
            buffer, self._buffer = self._buffer, {}
            for statement, _, rows in buffer.values():
                statement.write(self.connection, rows)

    def state(self, core: CoreId) -> int | None:
        return WAITING if core in self.unfolded else super().state(core)

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

    def erase(self, core: CoreId) -> None:
        """Delete a body here and now; core and salted hash stay, so that signatures and chains still verify."""
        self.remove(tables.body, core=core)
        self.erased(self, core)

    def header(self, core: CoreId) -> Header | None:
        """Who wrote a core and when, whether or not its body is still here. Its place is its first acceptance."""
        c, entry = tables.core.c, tables.entry.c
        row = self.execute(
            select(c.space, c.dev, c.ds, c.t, c.kind, c.state, entry.at, entry.position)
            .join(tables.entry, entry.core == c.id)
            .where(c.id == core)
            .order_by(entry.void, entry.position)
            .limit(1)
        ).first()
        return Header(**row._asdict()) if row else None

    def mark(self) -> tuple[int, int, int, dict[Any, Any], set[SpaceId]]:
        """Where a guarded piece of work begins."""
        calls, arrivals, appended = len(self.after_commit_calls), len(self.arrivals), len(self.appended)
        return calls, arrivals, appended, dict(self.sublogs), set(self.disturbed)

    def back_to(self, mark: tuple[int, int, int, dict[Any, Any], set[SpaceId]]) -> None:
        """Forget what was gathered since."""
        calls, arrivals, appended, self.sublogs, self.disturbed = mark
        del self.after_commit_calls[calls:], self.arrivals[arrivals:], self.appended[appended:]
        self._buffer.clear()

    def forget_device(self, dev: DeviceId) -> None:
        """The device's record changed: read it anew."""
        self.cache.pop(("device", dev), None)

    def _gather(self, statement: "Gathered", table: Table, row: Row) -> None:
        key = id(statement)
        held = self._buffer.get(key)
        if held is not None:
            held[2].append(row)
            return
        if any(other is table for _, other, _ in self._buffer.values()):
            self.flush()
        self._buffer[key] = (statement, table, [row])

    def _statement(self, table: Table, how: str, columns: Sequence[str] = (), newer: str | None = None) -> "Gathered":
        key = (self.connection.dialect.name, table.name, how, columns, newer)
        statement = _statements.get(key)
        if statement is None:
            built = _build(key[0], table, how, columns, newer)
            statement = _statements[key] = Gathered(built, self.connection)
        return statement


class Gathered:
    """A statement for many rows, compiled once per set of columns; the rows go to the driver as they are."""

    def __init__(self, statement: Any, connection: Connection) -> None:
        self._statement, self._dialect = statement, connection.dialect
        self._compiled: dict[tuple[str, ...], tuple[str, tuple[str, ...] | None]] = {}

    def write(self, connection: Connection, rows: list[Row]) -> None:
        by_columns: dict[tuple[str, ...], list[Row]] = {}
        for row in rows:
            by_columns.setdefault(tuple(row), []).append(row)
        for columns, same in by_columns.items():
            sql, order = self._compiled.get(columns) or self._compile(columns)
            many: Any = [tuple(row[name] for name in order) for row in same] if order is not None else same
            connection.exec_driver_sql(sql, many)

    def _compile(self, columns: tuple[str, ...]) -> tuple[str, tuple[str, ...] | None]:
        compiled: Any = self._statement.compile(dialect=self._dialect, column_keys=list(columns))
        order = tuple(compiled.positiontup) if compiled.positional else None
        self._compiled[columns] = (str(compiled), order)
        return self._compiled[columns]


def _build(dialect: str, table: Table, how: str, columns: Sequence[str], newer: str | None) -> Any:
    insert: Any = sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)
    if how == "insert":
        return insert
    keys = [column.name for column in table.primary_key]
    changed = {name: insert.excluded[name] for name in columns if name not in keys}
    if how == "once" or not changed:
        return insert.on_conflict_do_nothing(index_elements=keys)
    where = insert.excluded[newer] > table.c[newer] if newer else None
    return insert.on_conflict_do_update(index_elements=keys, set_=changed, where=where)
