"""The store: SQLite by default, PostgreSQL when an installation has grown. Reads run beside the one writer."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any, ParamSpec, TypeVar

from sqlalchemy import Connection, Engine, MetaData, create_engine, event, func, select

metadata = MetaData()

# How bytes are stored: as they are. The driver asks for each of them, and where nothing is said it looks in two places.
sqlite3.register_adapter(bytes, bytes)

READERS_MAX = 16
#: Threads for short looks. With three and more they fight the loop for the interpreter: of 500 people who came over at
#: once each cost 25 ms instead of 18 (`python -m bench.network --parts herd`, two cores).
LOOKS_AT_ONCE = 2
#: The name of the writer's advisory lock on PostgreSQL.
WRITER_LOCK = 8_420
BUSY_TIMEOUT_S = 10
CACHE_KIB = 16 * 1024
#: Pages in the write-ahead log before they are carried over: a page that is written often is then carried once.
CHECKPOINT_PAGES = 8_000
_WRITER = "writer"
Given = ParamSpec("Given")
Result = TypeVar("Result")


class Store:
    """The database of one installation. `url` is SQLAlchemy's: `sqlite:///data/verbund.db`, `postgresql+psycopg://…`."""

    def __init__(self, url: str) -> None:
        self.engine: Engine = _engine(url)
        self.sqlite = self.engine.dialect.name == "sqlite"
        self._claim: Connection | None = None
        self._looks = ThreadPoolExecutor(LOOKS_AT_ONCE, "look")

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection for reading: one consistent state, nothing written."""
        with self.engine.connect() as connection:
            yield connection
            connection.rollback()

    async def look(self, work: Callable[Given, Result], *given: Given.args, **named: Given.kwargs) -> Result:
        """`work(*given)` beside the loop, for what somebody waits for: a few rows, a few milliseconds. What takes
        longer, or reads files, has threads of its own (`asyncio.to_thread`) and keeps nobody waiting here."""
        return await asyncio.get_running_loop().run_in_executor(self._looks, partial(work, *given, **named))

    def create_all(self) -> None:
        """The tables of a new installation (an existing one is brought forward by migrations)."""
        metadata.create_all(self.engine)

    def truncate_log(self) -> bool:
        """Carry the write-ahead log over and cut it off: nothing that was written before stays in it. Whether it is so;
        a reader in the middle of something keeps it. On PostgreSQL that is for its vacuum and its archive."""
        if not self.sqlite:
            return True
        connection = self.engine.raw_connection()
        try:
            cursor = connection.cursor()
            busy = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            cursor.close()
        finally:
            connection.close()
        return not busy

    def size(self) -> int:
        """Bytes of the database, without its write-ahead log."""
        with self.read() as connection:
            if not self.sqlite:
                return int(connection.execute(select(func.pg_database_size(func.current_database()))).scalar_one())
            pages, size = (connection.exec_driver_sql(f"PRAGMA page_{one}").scalar_one() for one in ("count", "size"))
            return int(pages * size)

    def compact(self) -> None:
        """Write the database anew without what is free in it; nobody else may use it. PostgreSQL does it by itself."""
        if not self.sqlite:
            return
        connection = self.engine.raw_connection()
        try:
            # Kept in memory elsewhere, what is written meanwhile is as large as the database.
            for statement in ("PRAGMA temp_store=FILE", "VACUUM", "PRAGMA temp_store=MEMORY"):
                connection.cursor().execute(statement).close()
        finally:
            connection.close()
        self.truncate_log()

    def claim(self) -> bool:
        """Whether this process may write: one writer for a database. On SQLite the data folder's lock sees to it."""
        if self.sqlite or self._claim is not None:
            return True
        connection = self.engine.connect()
        if connection.execute(select(func.pg_try_advisory_lock(WRITER_LOCK))).scalar():
            connection.commit()
            self._claim = connection
            return True
        connection.close()
        return False

    def close(self) -> None:
        self._looks.shutdown()
        if self._claim is not None:
            self._claim.close()
            self._claim = None
        self.engine.dispose()


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A connection that writes: its transactions wait for their turn when they begin, and are not turned away later."""
    with engine.connect() as connection:
        marks = connection.info
        marks[_WRITER] = True
        try:
            yield connection
        finally:
            marks.pop(_WRITER, None)


def _engine(url: str) -> Engine:
    engine = create_engine(url, pool_size=READERS_MAX, max_overflow=4, pool_timeout=BUSY_TIMEOUT_S)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _pragmas)
        # The dialect's own hook for this. Not a listener of the engine's: where there is one, SQLAlchemy looks for
        # listeners at every statement. On this engine's dialect alone, so no class is changed.
        engine.dialect.do_begin = _begin  # type: ignore[method-assign]
    return engine


def _pragmas(connection: Any, _record: object) -> None:
    connection.isolation_level = None
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        f"busy_timeout={BUSY_TIMEOUT_S * 1000}",
        f"cache_size=-{CACHE_KIB}",
        f"wal_autocheckpoint={CHECKPOINT_PAGES}",
        "secure_delete=ON",
        "temp_store=MEMORY",
    ):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin(dbapi_connection: Any) -> None:
    """The driver's own transactions are off: readers take a snapshot, the writer asks for the lock at once."""
    # To the driver, for every batch and every look begins with it: SQLAlchemy takes 100 µs for what takes SQLite 40.
    driver = dbapi_connection.dbapi_connection
    driver.execute("BEGIN IMMEDIATE" if _WRITER in dbapi_connection.info else "BEGIN").close()
