"""Copies all tables from one database to another: SQLite to PostgreSQL and back, in one consistent state."""

from collections.abc import Callable
from typing import NamedTuple

from sqlalchemy import Connection, Engine, MetaData, Table, create_engine, func, inspect, select

from verbund.log.compact import word

ROWS_PAGE = 1000


class Tables(NamedTuple):
    """Every table of every capability, and how a database is brought to what this release needs."""

    metadata: MetaData
    forward: Callable[[Engine], None]


def bring_forward(url: str, tables: Tables) -> None:
    """Make or change the tables there as this release needs them."""
    engine = create_engine(url)
    try:
        tables.forward(engine)
    finally:
        engine.dispose()


def copy_tables(source_url: str, target_url: str, tables: Tables) -> None:
    """The rows of every table into the target, where the tables are made. What the source has not stays empty."""
    bring_forward(target_url, tables)
    source, target = create_engine(source_url), create_engine(target_url)
    try:
        with source.connect() as reading, target.begin() as writing:
            _one_state(reading)
            there = set(inspect(reading).get_table_names())
            # Words first: the rows of the others are written with the numbers that stand for them.
            for table in sorted(tables.metadata.sorted_tables, key=lambda one: one is not word):
                if table.name in there:
                    _copy_rows(reading, writing, table)
    finally:
        source.dispose()
        target.dispose()
    bring_forward(target_url, tables)  # once more: the index of words is filled from its rows


def is_empty(url: str, tables: Tables) -> bool:
    """Whether none of our tables has a row there."""
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            there = set(inspect(connection).get_table_names())
            held = [table for table in tables.metadata.sorted_tables if table.name in there]
            counts = (connection.execute(select(func.count()).select_from(table)) for table in held)
            return not any(count.scalar() for count in counts)
    finally:
        engine.dispose()


def _one_state(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")


def _copy_rows(reading: Connection, writing: Connection, table: Table) -> None:
    """Those columns that the source has; it may be of an older release."""
    there = {column["name"] for column in inspect(reading).get_columns(table.name)}
    columns = [column for column in table.columns if column.name in there]
    rows = reading.execution_options(stream_results=True).execute(select(*columns)).mappings()
    for page in rows.partitions(ROWS_PAGE):
        writing.execute(table.insert(), [dict(row) for row in page])
