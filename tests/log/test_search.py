"""German words are found as people type them: umlauts, stems, half a word; and only in one's own spaces."""

from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from verbund.base.ids import SpaceId, digest
from verbund.log import search, tables
from verbund.log.service import LogService
from verbund.log.tx import Tx

HERE, THERE = SpaceId(digest(b"here")), SpaceId(digest(b"there"))
A, B, C = digest(b"a"), digest(b"b"), digest(b"c")
TEXT = "Die Treppengeländer für Frau Müller-Größe wurden gestern montiert. Meetings are running late! 🪵 Straße"


@pytest.fixture
async def log(logs: Callable[[int], LogService]) -> LogService:
    service = logs(90)

    def fill(tx: Tx) -> None:
        for position, space, identifier in ((1, HERE, A), (2, THERE, B), (3, HERE, C)):
            tx.insert(tables.core, {
                "position": position, "id": identifier, "space": space, "dev": "", "ds": position,
                "kind": "", "t": "", "state": 0, "raw": b"", "sig": b"",
            })  # fmt: skip
        search.index(tx, 1, HERE, "message", 10, TEXT)
        search.index(tx, 2, THERE, "message", 20, "Treppengeländer im anderen Haus")
        search.index(tx, 3, HERE, "film", 30, "Treppen ölen")

    await service.write(fill)
    return service


def found(log: LogService, query: str, *spaces: SpaceId) -> list[str]:
    with log.store.read() as connection:
        return [hit.id for hit in search.find(connection, query, spaces or (HERE,))]


@pytest.mark.parametrize(
    "query",
    ["Treppengeländer", "treppengelaender", "TREPPENGELÄNDERS", "Treppengel", "montieren", "montierte frau", "müller",
     "Mueller", "grösse", "groesse", "strasse", "meeting run", "Geländer Treppengeländer"[9:], "running"],
)  # fmt: skip
async def test_word_is_found_as_it_is_typed(log: LogService, query: str) -> None:
    assert found(log, query) == [A]


@pytest.mark.parametrize(
    "query", ["", "   ", "🪵", "'", '"', "a AND b OR", "NEAR(", "x" * 5000, "* :*", "Büro", "-müller("]
)
async def test_odd_queries_are_harmless(log: LogService, query: str) -> None:
    assert found(log, query) in ([], [A])


async def test_only_own_spaces_are_searched_newest_first(log: LogService) -> None:
    assert found(log, "treppen", HERE) == [C, A]
    assert found(log, "treppengeländer", HERE, THERE) == [B, A]
    assert found(log, "treppengeländer", SpaceId(digest(b"nowhere"))) == []


async def test_forgotten_is_not_found_and_changed_is_found_anew(log: LogService) -> None:
    await log.write(lambda tx: search.forget(tx, 1))
    assert found(log, "montiert") == []
    await log.write(lambda tx: search.forget(tx, 3))
    await log.write(lambda tx: search.index(tx, 3, HERE, "film", 30, "Oberflächen lackieren"))
    assert found(log, "ölen") == []
    assert found(log, "oberfläche lackieren") == [C]


@given(st.text(st.characters(codec="latin-1"), max_size=60))
@example("½ ¼b ª²µ ß ÄÖÜ äöü Straße_und¨mehr\xad\xa0ÿ")
@example("".join(f"a{chr(one)}b " for one in range(256)))
def test_words_of_latin_letters_are_those_of_any_text(words: str) -> None:
    assert set(" ".join(search._indexed(words)).split()) == set(search.stems_of(words))
