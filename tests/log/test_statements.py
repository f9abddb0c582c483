"""What tests share: a statement is compiled once for all their stores, and finds what is in each."""

from collections.abc import Callable

from sqlalchemy import literal, select, text

from tests.statements import COMPILED
from verbund.log.store import Store


def test_a_statement_is_compiled_once_for_two_stores(database: Callable[[str], str]) -> None:
    compiled = [len(COMPILED)]
    for name in ("first", "second"):
        store = Store(database(name))
        with store.engine.begin() as connection:
            connection.execute(text("CREATE TABLE told (word TEXT)"))
            connection.execute(text("INSERT INTO told VALUES (:word)"), {"word": name})
        with store.read() as connection:
            # The label is nobody else's, so that no other test compiled it before.
            found = select(text("word"), literal(name).label("named_by_this_test")).select_from(text("told"))
            assert connection.execute(found).one() == (name, name)
        compiled.append(len(COMPILED))
        with store.engine.begin() as connection:
            connection.exec_driver_sql("DROP TABLE told")  # a database of PostgreSQL has others after this
        store.close()
    assert compiled[0] < compiled[1] == compiled[2]
