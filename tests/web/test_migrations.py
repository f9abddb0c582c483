"""The store of the previous release opens in this one, and has this one's tables."""

import asyncio
import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, inspect, select

from verbund.base.settings import Settings
from verbund.chat.tables import message
from verbund.log.store import metadata
from verbund.web import capabilities
from verbund.web.composition import Services
from verbund.web.migrations import HEAD, bring_forward
from verbund.web.upkeep import refold

RELEASES = sorted((Path(__file__).parent / "releases").glob("*.sql"))
#: The index of words is made by the database from search_item; alembic does not know it.
OWN = "search_index"
#: Tables of other tests, which are in the same process.
OTHERS = "test_"


def differences(url: str) -> list[object]:
    """How the tables of a store differ from those of this release."""
    engine = create_engine(url)
    with engine.connect() as connection:
        options = {"include_object": lambda _, name, *__: not (name or "").startswith((OWN, OTHERS))}
        found = compare_metadata(MigrationContext.configure(connection, opts=options), metadata)
    engine.dispose()
    return list(found)


def test_there_is_a_store_of_a_release() -> None:
    assert RELEASES


@pytest.mark.parametrize("release", RELEASES, ids=lambda file: file.stem)
def test_store_of_a_release_opens_and_folds_again(release: Path, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "verbund.db") as connection:
        connection.executescript(release.read_text("utf-8"))
    connection.close()
    services = Services(Settings(data=str(tmp_path)), capabilities)
    assert asyncio.run(refold(services)) > 0
    with services.store.read() as read:
        assert read.execute(select(message.c.text)).scalars().all() == ["Grüße aus der ersten Fassung 🪵"]
        assert inspect(read).has_table(OWN)
    services.store.close()
    assert differences(f"sqlite:///{tmp_path / 'verbund.db'}") == []


def test_new_store_is_marked_and_brought_forward_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'new.db'}"
    engine = create_engine(url)
    bring_forward(engine)
    bring_forward(engine)
    with engine.connect() as connection:
        assert MigrationContext.configure(connection).get_current_revision() == HEAD
    engine.dispose()
    assert differences(url) == []
