"""Bringing the store of an earlier release forward.

A change of tables is a file in versions/ (alembic). How: handbook/howto/change-a-table.md.
"""

from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from verbund.log.search import ensure_index
from verbund.log.store import metadata, writing

#: The newest revision: the name of the last file in versions/.
HEAD = "0002"
FOLDER = Path(__file__).parent


def bring_forward(engine: Engine) -> None:
    """Make the tables of a new installation, or change those of an older release. Repeatable."""
    with engine.connect() as connection:
        tables = set(inspect(connection).get_table_names())
        held = _revision(connection) if "alembic_version" in tables else None
    if "core" not in tables:
        metadata.create_all(engine)
        _stamp(engine)
    elif held != HEAD:
        _upgrade(engine, held is None)
    # As a writer: a reader that begins to write beside a running server is turned away at once.
    with writing(engine) as connection, connection.begin():
        ensure_index(connection)


def _revision(connection: Connection) -> str | None:
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _stamp(engine: Engine) -> None:
    """Write down that this store is as new as this release."""
    from alembic import command

    with engine.begin() as connection:
        command.stamp(_config(connection), HEAD)


def _upgrade(engine: Engine, unmarked: bool) -> None:
    from alembic import command

    with engine.begin() as connection:
        config = _config(connection)
        if unmarked:
            command.stamp(config, "0001")
        command.upgrade(config, "head")


def _config(connection: Connection):  # type: ignore[no-untyped-def]  # alembic is loaded only when it is needed
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.attributes["connection"] = connection
    return config
