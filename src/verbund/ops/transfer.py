"""Copies all tables from one database to another: SQLite to PostgreSQL and back, in one consistent state."""

from typing import Any

from sqlalchemy import Connection, MetaData, create_engine, func, inspect, select

ROWS_PAGE = 1000


def copy_tables(source_url: str, target_url: str, tables: MetaData) -> None:
    """The rows of every table into the target, where the tables are made if they are not there."""
    source, target = create_engine(source_url), create_engine(target_url)
    try:
        with source.connect() as reading, target.begin() as writing:
            _one_state(reading)
            there = set(inspect(reading).get_table_names())
            tables.create_all(writing)
            for table in tables.sorted_tables:
                if table.name in there:
                    _copy_rows(reading, writing, table)
    finally:
        source.dispose()
        target.dispose()


def is_empty(url: str) -> bool:
    """Whether no table there has a row."""
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            tables = MetaData()
            tables.reflect(connection)
            counts = (connection.execute(select(func.count()).select_from(table)) for table in tables.sorted_tables)
            return not any(count.scalar() for count in counts)
    finally:
        engine.dispose()


def _one_state(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")


def _copy_rows(reading: Connection, writing: Connection, table: Any) -> None:
    rows = reading.execution_options(stream_results=True).execute(select(table)).mappings()
    for page in rows.partitions(ROWS_PAGE):
        writing.execute(table.insert(), [dict(row) for row in page])
