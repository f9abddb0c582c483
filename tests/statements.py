"""Statements compiled once for all stores of a test's process.

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
    common = {type(one): one for one in [_knowing("sqlite://")]}

    def create(url: str, **given: Any) -> Engine:
        engine = create_engine(url, **given)
        sort = type(engine.dialect)
        if sort not in common:
            common[sort] = _knowing(url)
        engine.dialect = common[sort]
        engine.update_execution_options(compiled_cache=COMPILED)
        return engine

    store.create_engine = create  # type: ignore[assignment, attr-defined]


def _knowing(url: str) -> Dialect:
    """A dialect that knows its driver and its server, which are the same for all: it asks at its first connection."""
    engine = create_engine(url)
    engine.connect().close()
    engine.dispose()
    return engine.dialect
