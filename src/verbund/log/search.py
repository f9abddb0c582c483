"""Words: what is searchable, in one index over all spaces, with the rights' filter inside it.

Words are folded and stemmed here, so that every database finds the same: case, umlauts (ü, ue and u with dots apart are
one), German and English stems (Snowball).
"""

import re
import threading
import unicodedata
from collections.abc import Collection, Iterable
from functools import lru_cache
from itertools import chain
from typing import NamedTuple

import Stemmer
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Integer,
    String,
    Table,
    column,
    delete,
    event,
    select,
    table,
    text,
)

from verbund.base.ids import SpaceId, unb64
from verbund.log import tables
from verbund.log.gathered import Into
from verbund.log.store import metadata
from verbund.log.tx import Tx

WORDS_MAX = 1_000
STEMS_CACHED_MAX = 20_000
QUERY_WORDS_MAX = 10
SPACES_MAX = 500
RESULTS_MAX = 50
#: Pages of the index that are merged in one step of a purge: some ten milliseconds of the writer.
PURGE_PAGES = 200
WORD_CHARS_MAX = 40
PREFIX_CHARS_MIN = 2
_WORD = re.compile(r"[^\W_]+")
#: The same where all is lower ASCII, as nearly always once it is folded; a set of letters is twice as fast.
_ASCII_WORD = re.compile(r"[a-z0-9]+")
_UMLAUTS = {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "æ": "ae", "ø": "oe"}
#: Latin-1 in small letters and digits, with blanks for everything else.
_LATIN = bytes(ord(one.lower()) if one.isalnum() else ord(" ") for one in map(chr, range(256)))
_stemmers = threading.local()

#: `position` is that of the core it came from, which has its id and space.
item = Table(
    "search_item",
    metadata,
    Column("position", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("kind", String, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("words", String, nullable=False),
)

_REMOVED = "INSERT INTO search_index(search_index, rowid, words) VALUES ('delete', old.position, old.words)"
_FTS5 = "fts5(words, content='search_item', content_rowid='position', detail='none', columnsize=0, tokenize='ascii')"
_SQLITE = (
    f"CREATE VIRTUAL TABLE IF NOT EXISTS search_index USING {_FTS5}",
    f"CREATE TRIGGER IF NOT EXISTS search_removed AFTER DELETE ON search_item BEGIN {_REMOVED}; END",
)
#: FTS5 as the writer sees it; without a trigger for what is added, for that costs more than the words.
_rows = table("search_index", column("rowid"), column("words"))
_ITEM, _ROW = Into(item, "position", "kind", "at", "words"), Into(_rows, "rowid", "words")
_POSTGRES = "CREATE INDEX IF NOT EXISTS search_item_words ON search_item USING gin (to_tsvector('simple', words))"


def ensure_index(connection: Connection) -> None:
    """Make and fill the index over what is searchable where it is missing, as after a change of tables. Repeatable."""
    if connection.dialect.name != "sqlite":
        connection.exec_driver_sql(_POSTGRES)
        return
    for statement in _SQLITE:
        connection.exec_driver_sql(statement)
    if connection.exec_driver_sql("SELECT 1 FROM search_index_idx LIMIT 1").first() is None:
        connection.exec_driver_sql("INSERT INTO search_index(search_index) VALUES ('rebuild')")


def _create_index(_table: Table, connection: Connection, **_: object) -> None:
    ensure_index(connection)


event.listen(item, "after_create", _create_index)


class Hit(NamedTuple):
    """Something found: what kind of thing, its id and space, when (ms)."""

    id: str
    space: SpaceId
    kind: str
    at: int


def index(tx: Tx, position: int, space: SpaceId, kind: str, at: int, words: str) -> None:
    """Make something findable by its words. `position` is that of the core which is found; it must be new here."""
    tx.insert_later(_index, (position, kind, at, space, words))


def _index(tx: Tx, gathered: list[tuple[int, str, int, SpaceId, str]]) -> None:
    for position, kind, at, space, words in gathered:
        stems = " ".join((_place(space), *dict.fromkeys(_indexed(words))))
        tx.insert_values(_ITEM, position, kind, at, stems)
        if tx.sqlite:
            tx.insert_values(_ROW, position, stems)


def forget(tx: Tx, position: int) -> None:
    """Make something unfindable, by the position it was indexed with."""
    tx.remove(item, position=position)


def purge(tx: Tx, begins: bool) -> bool:
    """One step on the way to an index in which nothing is left of what was forgotten; `begins` with the first. Whether
    there is more to do. FTS5 keeps the words of removed rows until their segments are merged."""
    if not tx.sqlite:
        return False
    before = _changes(tx)
    pages = -PURGE_PAGES if begins else PURGE_PAGES
    tx.execute(text("INSERT INTO search_index(search_index, rank) VALUES ('merge', :pages)"), {"pages": pages})
    return _changes(tx) - before >= 2


def _changes(tx: Tx) -> int:
    return int(tx.execute(text("SELECT total_changes()")).scalar_one())


def clear(tx: Tx, space: SpaceId | None) -> None:
    """Make everything unfindable, or what stands in this space."""
    core = tables.core.c
    inside = item.c.position.in_(select(core.position).where(core.space == space))
    tx.execute(delete(item) if space is None else delete(item).where(inside))


def find(
    connection: Connection, query: str, spaces: Collection[SpaceId], limit: int = 20, kinds: Collection[str] = ()
) -> list[Hit]:
    """What has all these words (the last one may be half typed), in these spaces only; newest first."""
    words = _words(query)[:QUERY_WORDS_MAX]
    places = sorted(spaces)[:SPACES_MAX]
    if not words or not places:
        return []
    sqlite = connection.dialect.name == "sqlite"
    match = _fts5(words, places) if sqlite else _tsquery(words, places)
    where = (
        "search_item.position IN (SELECT rowid FROM search_index WHERE search_index MATCH :match)"
        if sqlite
        else "to_tsvector('simple', words) @@ to_tsquery('simple', :match)"
    )
    core = tables.core.c
    # A place in the index is a short form of the space's id; the full id decides.
    rows = connection.execute(
        select(core.id, core.space, item.c.kind, item.c.at)
        .join(tables.core, core.position == item.c.position)
        .where(text(where).bindparams(match=match))
        .order_by(item.c.at.desc())
        .limit(RESULTS_MAX * 4)
    )
    allowed = set(places)
    hits = (Hit(*row) for row in rows)
    return [hit for hit in hits if hit.space in allowed and (not kinds or hit.kind in kinds)][: min(limit, RESULTS_MAX)]


def stems_of(words: str) -> list[str]:
    """The German and English stems of a text, folded, each once; of at most WORDS_MAX words."""
    return list(dict.fromkeys(chain.from_iterable(map(str.split, map(_both_stems, _distinct(words))))))


def _indexed(words: str) -> Iterable[str]:
    """What a text is found by. Letters of Latin-1 fold each by itself, so the words are cut first and remembered."""
    try:
        letters = words.encode("latin-1").translate(_LATIN).split()
    except UnicodeEncodeError:
        return map(_both_stems, _distinct(words))
    return map(_latin_stems, [one[:WORD_CHARS_MAX] for one in letters[:WORDS_MAX]])


@lru_cache(maxsize=STEMS_CACHED_MAX)
def _latin_stems(letters: bytes) -> str:
    return " ".join(map(_both_stems, _distinct(letters.decode("latin-1"))))


def _distinct(words: str) -> dict[str, None]:
    found = dict.fromkeys(_words(words)[:WORDS_MAX])
    if max(map(len, found), default=0) > WORD_CHARS_MAX:
        return dict.fromkeys(word[:WORD_CHARS_MAX] for word in found)
    return found


@lru_cache(maxsize=STEMS_CACHED_MAX)
def _both_stems(word: str) -> str:
    """German and English, or the one that both are. Remembered: most words of a message are the same few thousand."""
    german, english = _stemmer("german").stemWord(word), _stemmer("english").stemWord(word)
    return german if german == english else f"{german} {english}"


def _words(text: str) -> list[str]:
    folded = _folded(text)
    return (_ASCII_WORD if folded.isascii() else _WORD).findall(folded)


def _folded(words: str) -> str:
    lower = words.lower()
    plain = _spelled_out(lower)
    if plain.isascii():
        return plain
    plain = _spelled_out(unicodedata.normalize("NFC", lower))
    if plain.isascii():
        return plain
    return "".join(mark for mark in unicodedata.normalize("NFKD", plain) if not unicodedata.combining(mark))


def _spelled_out(words: str) -> str:
    if not words.isascii():
        for letter, letters in _UMLAUTS.items():
            words = words.replace(letter, letters)
    return words


def _stemmer(language: str) -> Stemmer.Stemmer:
    stemmer = getattr(_stemmers, language, None)
    if stemmer is None:
        stemmer = Stemmer.Stemmer(language)
        setattr(_stemmers, language, stemmer)
    return stemmer


@lru_cache(maxsize=SPACES_MAX)
def _place(space: SpaceId) -> str:
    return "x" + unb64(space)[:8].hex()


def _forms(word: str) -> list[str]:
    return sorted({word[:WORD_CHARS_MAX], *stems_of(word)})


def _fts5(words: list[str], spaces: list[SpaceId]) -> str:
    def either(forms: list[str], prefix: bool) -> str:
        star = "*" if prefix else ""
        return "(" + " OR ".join(f'"{form}"{star}' for form in forms) + ")"

    parts = [either(_forms(word), _prefix(word, position, words)) for position, word in enumerate(words)]
    return " AND ".join([either([_place(space) for space in spaces], False), *parts])


def _tsquery(words: list[str], spaces: list[SpaceId]) -> str:
    def either(forms: list[str], prefix: bool) -> str:
        star = ":*" if prefix else ""
        return "(" + " | ".join(f"'{form}'{star}" for form in forms) + ")"

    parts = [either(_forms(word), _prefix(word, position, words)) for position, word in enumerate(words)]
    return " & ".join([either([_place(space) for space in spaces], False), *parts])


def _prefix(word: str, position: int, words: list[str]) -> bool:
    return position == len(words) - 1 and len(word) >= PREFIX_CHARS_MIN
