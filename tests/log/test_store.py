"""One writer for a database."""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from verbund.log.store import LOOKS_AT_ONCE, Store, writing


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


def test_who_writes_waits_when_it_begins_and_who_reads_does_not(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'shared.db'}")
    with writing(store.engine) as first, writing(store.engine) as second:
        second.exec_driver_sql("PRAGMA busy_timeout=0")
        second.rollback()
        first.begin()
        with store.read() as reader:
            assert reader.exec_driver_sql("SELECT 1").scalar_one() == 1
        with pytest.raises(OperationalError, match="locked"):
            second.begin()
        first.rollback()
        second.begin()
    store.close()


def test_connection_that_wrote_reads_again_when_it_is_lent_to_somebody_else(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'shared.db'}")
    with writing(store.engine) as before:
        lent = before.connection.dbapi_connection
    with writing(store.engine) as writer:
        assert writer.connection.dbapi_connection is lent
    with store.read() as one, writing(store.engine) as writer:
        assert one.connection.dbapi_connection is lent
        one.exec_driver_sql("SELECT 1")
        writer.begin()
    store.close()


async def test_short_looks_share_a_few_threads_that_end_with_the_store(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'looked.db'}")
    looking = threading.Barrier(LOOKS_AT_ONCE + 1)

    def look(number: int) -> tuple[int, threading.Thread]:
        with store.read() as connection:
            found = connection.exec_driver_sql("SELECT ?", (number,)).scalar_one()
        if number < LOOKS_AT_ONCE:
            looking.wait()  # so many are at it at once
        return found, threading.current_thread()

    asked = [asyncio.create_task(store.look(look, number)) for number in range(20)]
    await asyncio.to_thread(looking.wait)
    answers = await asyncio.gather(*asked)
    threads = {thread for _, thread in answers}
    assert [found for found, _ in answers] == list(range(20))
    assert len(threads) == LOOKS_AT_ONCE
    store.close()
    assert not any(thread.is_alive() for thread in threads)
