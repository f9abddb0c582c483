"""One writer for a database."""

from collections.abc import Callable

import pytest

from verbund.log.store import Store


@pytest.mark.programs
def test_second_process_may_not_write_to_the_same_postgresql(postgres: str) -> None:
    from tests.postgres import create_database

    url = create_database(postgres, "claimed")
    first, second = Store(url), Store(url)
    assert first.claim()
    assert first.claim()
    assert not second.claim()
    first.close()
    assert second.claim()
    second.close()


def test_store_can_be_claimed(database: Callable[[str], str]) -> None:
    store = Store(database("free"))
    assert store.claim()
    store.close()
