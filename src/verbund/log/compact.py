"""Types of columns that say more with fewer bytes. Outside the database everything stays text; so do queries.

A row of a message is written, logged, carried over and read again: its bytes are most of what it costs.
"""

from collections.abc import Callable
from typing import Any

from sqlalchemy import BigInteger, Column, ColumnClause, Integer, LargeBinary, String, Table, select, type_coerce
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator

from verbund.base.ids import pack, unpack
from verbund.log.store import metadata

#: A word (an id, a kind) and the number that stands for it in the columns of type `Word`. Numbers begin with 1.
word = Table(
    "word",
    metadata,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("text", String, nullable=False, unique=True),
)


class number_of(FunctionElement[int]):  # noqa: N801  # a function of SQL
    """The number that stands for a word, of a text or a column; 0 where none does: unlike everything, not unknown."""

    inherit_cache = True
    type = BigInteger()


@compiles(number_of)
def _compiled(element: Any, compiler: Any, **options: Any) -> str:
    text = compiler.process(element.clauses, **options)
    # In one line, or SQLAlchemy finds no place for the words of a list.
    return f"coalesce((SELECT number FROM word WHERE text = {text}), 0)"  # noqa: S608


class Alike(TypeDecorator[str]):
    """Columns of these types are compared with values and with their like alone: the others hold something else."""

    impl: Any = String

    class Comparator(TypeDecorator.Comparator[str]):
        """Says so, where it is the column that stands first."""

        def operate(self, op: Any, *other: Any, **options: Any) -> Any:
            for one in other:
                if isinstance(one, ColumnClause) and type(one.type) is not type(self.type):
                    raise TypeError(f"{self.expr} compared with {one}")
            return super().operate(op, *other, **options)

    comparator_factory = Comparator


class Word(Alike):
    """A word that many rows share, kept as its number."""

    impl: Any = BigInteger
    cache_ok = True

    def bind_expression(self, bindparam: Any) -> Any:
        return number_of(type_coerce(bindparam, String))

    def column_expression(self, column: Any) -> Any:
        return select(word.c.text).where(word.c.number == column).correlate_except(word).scalar_subquery()


def numbers_of(texts: Any) -> Any:
    """Of a select of texts the numbers that stand for them."""
    return select(word.c.number).where(word.c.text.in_(texts))


def texts_of(numbers: Any) -> Any:
    """Of a select of a column of this type the texts."""
    return select(word.c.text).where(word.c.number.in_(numbers))


class Digest(Alike):
    """An id made of 32 bytes. They sort as their text does."""

    impl: Any = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: Any, _dialect: Any) -> Any:
        return None if value is None else packed(value)

    def process_result_value(self, value: Any, _dialect: Any) -> Any:
        return None if value is None else unpack(bytes(value))


class Stamp(Alike):
    """A stamp of the hybrid clock, 8 bytes."""

    impl: Any = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: Any, _dialect: Any) -> Any:
        return None if value is None else stamped(value)

    def process_result_value(self, value: Any, _dialect: Any) -> Any:
        return None if value is None else bytes(value).hex()


def packed(text: str) -> bytes:
    """As it is stored; of what is no id nothing, which is like no id."""
    try:
        return pack(text)
    except ValueError:
        return b""


def stamped(text: str) -> bytes:
    """As it is stored; of what is no stamp nothing, which comes before all."""
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""


def converters(table: Any, columns: tuple[str, ...]) -> dict[str, Callable[[Any], bytes] | None]:
    """Column → how its value is stored, for those of these types; None for what is given a number."""
    found: dict[str, Callable[[Any], bytes] | None] = {}
    for column in columns:
        sort = table.c[column].type
        if isinstance(sort, Word):
            found[column] = None
        elif isinstance(sort, Digest):
            found[column] = packed
        elif isinstance(sort, Stamp):
            found[column] = stamped
    return found
