"""Statements compiled once for all SQLite stores of a test's process.

SQLAlchemy keeps what it compiled with its engine. A process of the product has one engine and compiles once; a process
of tests has one for each provider that it starts. Compiling the same hundred statements for each was the largest part
of what they cost.
"""

from typing import Any

from sqlalchemy import Dialect, Engine, create_engine

from verbund.log import store

#: What was compiled so far; no more than the product has statements.
COMPILED: dict[Any, Any] = {}


def compile_once() -> None:
    """For stores of this process, from now on."""
    common = _dialect()

    def create(url: str, **given: Any) -> Engine:
        engine = create_engine(url, **given)
        if type(engine.dialect) is type(common):
            engine.dialect = common
            engine.update_execution_options(compiled_cache=COMPILED)
        return engine

    store.create_engine = create  # type: ignore[assignment, attr-defined]


def _dialect() -> Dialect:
    """One that knows its driver: it asks at its first connection."""
    engine = create_engine("sqlite://")
    engine.connect().close()
    engine.dispose()
    return engine.dialect
