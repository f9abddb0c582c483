"""What all tests share."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.postgres import cluster, create_database

#: A real browser on a machine that others use too is late now and then. What fails twice in a row is wrong; what needed
#: its second try stands in pytest's summary (R), so that it can be made calmer.
BROWSER_RERUNS = 1
RERUN_AFTER_S = 2
_numbers = itertools.count(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.flaky(reruns=BROWSER_RERUNS, reruns_delay=RERUN_AFTER_S))


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
