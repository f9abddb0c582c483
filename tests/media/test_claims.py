"""Which provider prepares a film: where it came in, unless that one is silent; a claim holds for a while only."""

from collections.abc import Callable

import pytest
from sqlalchemy import insert

from verbund.base.ids import ProviderId
from verbund.log import tables as log_tables
from verbund.log.store import Store
from verbund.media import queries, tables

NOW_MS = 1_800_000_000_000
HERE, THERE = ProviderId("here"), ProviderId("there")


@pytest.mark.parametrize(
    ("came_in_at", "age_ms", "claimed_until_ms", "prepared_here"),
    [
        (HERE, 0, None, True),
        (THERE, 0, None, False),
        (THERE, queries.FOREIGN_MS + 1, None, True),
        (HERE, 0, NOW_MS + 60_000, False),
        (HERE, 0, NOW_MS - 1, True),
        (THERE, queries.FOREIGN_MS + 1, NOW_MS + 60_000, False),
        (HERE, 0, NOW_MS + queries.CLAIM_MS_MAX + 1, True),
        (THERE, queries.FOREIGN_MS + 1, 2**53 - 1, True),
    ],
)
def test_who_prepares(
    database: Callable[[str], str], came_in_at: ProviderId, age_ms: int, claimed_until_ms: int | None,
    prepared_here: bool,
) -> None:  # fmt: skip
    store = Store(database("claims"))
    store.create_all()
    film = {
        "id": "film", "space": "space", "author": "anna", "t": "0", "at": NOW_MS - age_ms, "position": 1,
        "title": "Treppe", "source": "blob",
    }  # fmt: skip
    sublog = {"space": "space", "provider": came_in_at, "incarnation": 1, "number": 1, "seq": 1, "chain": b""}
    entry = {"position": 1, "sublog": 1, "seq": 1, "core": 1, "chain": b"", "at": NOW_MS - age_ms, "void": 0}
    with store.engine.begin() as connection:
        for table, row in ((tables.film, film), (log_tables.sublog, sublog), (log_tables.entry, entry)):
            connection.execute(insert(table).values(row))
        if claimed_until_ms is not None:
            claim = {"film": "film", "space": "space", "provider": THERE, "until": claimed_until_ms, "stamp": "1"}
            connection.execute(insert(tables.claim).values(claim))
        found = [row.id for row in queries.waiting(connection, HERE, NOW_MS, 3)]
    store.close()
    assert found == (["film"] if prepared_here else [])
