"""Statements for many rows at once: made by SQLAlchemy, compiled once, given to the driver as they are."""

from collections.abc import Callable
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql, sqlite


class Gathered:
    """A statement for many rows of the same columns, compiled once. `row` gives a row as the driver takes it."""

    def __init__(self, statement: Any, columns: tuple[str, ...], connection: Connection) -> None:
        compiled: Any = statement.compile(dialect=connection.dialect, column_keys=list(columns))
        self.sql = str(compiled)
        order = tuple(compiled.positiontup) if compiled.positional else None
        self.row: Callable[[dict[str, Any]], Any] = _as_it_is if order is None else _in_order(order)


def _in_order(names: tuple[str, ...]) -> Callable[[dict[str, Any]], Any]:
    return itemgetter(*names) if len(names) > 1 else lambda row: (row[names[0]],)


def _as_it_is(row: dict[str, Any]) -> dict[str, Any]:
    return row


def build(is_sqlite: bool, table: Any, how: str, columns: tuple[str, ...], newer: str | None) -> Any:
    """An insert of these columns: plain (`insert`), where there is no such key (`once`), or over it (`upsert`)."""
    insert: Any = sqlite.insert(table) if is_sqlite else postgresql.insert(table)
    if how == "insert":
        return insert
    keys = [column.name for column in table.primary_key]
    changed = {name: insert.excluded[name] for name in columns if name not in keys}
    if how == "once" or not changed:
        return insert.on_conflict_do_nothing(index_elements=keys)
    where = insert.excluded[newer] > table.c[newer] if newer else None
    return insert.on_conflict_do_update(index_elements=keys, set_=changed, where=where)
