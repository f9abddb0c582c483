"""Statements that write, built once: those for many rows are compiled once too and given to the driver as they are."""

from collections.abc import Callable
from functools import lru_cache
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Delete, Table, bindparam, column, delete, table
from sqlalchemy.dialects import postgresql, sqlite

from verbund.log.compact import converters

Row = dict[str, Any]
#: One for each table and the columns by which rows go: as many as the folds have.
REMOVALS_MAX = 256


class Into:
    """Where rows go that come with every message: their values in this order, as they are stored (see compact.py)."""

    def __init__(self, table: Any, *columns: str, how: str = "insert") -> None:
        self.table, self.columns, self.how = table, columns, how


class Gathered:
    """A statement for many rows of the same columns, compiled once."""

    def __init__(self, of: Any, how: str, columns: tuple[str, ...], newer: str | None, connection: Connection) -> None:
        statement = build(connection.dialect.name == "sqlite", of, how, columns, newer)
        compiled: Any = statement.compile(dialect=connection.dialect, column_keys=list(columns))
        self.sql = str(compiled)
        names = tuple(compiled.positiontup) if compiled.positional else None
        #: Whether the driver takes values in the order of `columns`.
        self.in_order = names == columns
        self._order = _in_order(names) if names is not None else None
        keys: dict[str, Any] = {name: at for at, name in enumerate(names)} if names is not None else {}
        stored = converters(of, columns)
        self._converted = [(keys.get(name, name), convert) for name, convert in stored.items()]

    def row(self, row: Row, number: Callable[[str], int]) -> Any:
        """A row as the driver takes it. `number` gives the number that stands for a word."""
        if not self._converted:
            return row if self._order is None else self._order(row)
        values: Any = dict(row) if self._order is None else list(self._order(row))
        for key, convert in self._converted:
            values[key] = number(values[key]) if convert is None else convert(values[key])
        return values


def _in_order(names: tuple[str, ...]) -> Callable[[Row], Any]:
    return itemgetter(*names) if len(names) > 1 else lambda row: (row[names[0]],)


def build(is_sqlite: bool, of: Any, how: str, columns: tuple[str, ...], newer: str | None) -> Any:
    """An insert of these columns: plain (`insert`), where there is no such key (`once`), or over it (`upsert`)."""
    plain = table(of.name, *(column(one.name) for one in of.c))  # without types: values come as they are stored
    insert: Any = sqlite.insert(plain) if is_sqlite else postgresql.insert(plain)
    if how == "insert":
        return insert
    keys = [one.name for one in of.primary_key]
    changed = {name: insert.excluded[name] for name in columns if name not in keys}
    if how == "once" or not changed:
        return insert.on_conflict_do_nothing(index_elements=keys)
    where = insert.excluded[newer] > plain.c[newer] if newer else None
    return insert.on_conflict_do_update(index_elements=keys, set_=changed, where=where)


@lru_cache(maxsize=REMOVALS_MAX)
def removal(of: Table, columns: tuple[str, ...]) -> Delete:
    """What takes the rows with some values of these columns out; the values are passed by their names."""
    return delete(of).where(*(of.c[name] == bindparam(name) for name in columns))
