"""What all tests share."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.postgres import cluster, create_database

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """A running PostgreSQL; see tests/postgres.py."""
    with cluster() as prefix:
        yield prefix


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.programs)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], str]:
    """name → URL of an empty database; every test that asks for it runs on both."""
    if request.param == "sqlite":
        return lambda name: f"sqlite:///{tmp_path / f'{name}.db'}"
    prefix = request.getfixturevalue("postgres")
    return lambda name: create_database(prefix, f"{name}-{next(_numbers)}")
