"""What all tests share."""

import functools
import gc
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from xdist.remote import Producer

from tests import lanes
from tests.flows.ready import AT, Ready
from tests.flows.server import Server
from tests.passwords import hash_cheaply
from tests.postgres import Pool, cluster
from tests.statements import compile_once
from verbund.web.main import GC_OBJECTS

#: A real browser on a machine that others use too is late now and then. What fails twice in a row is wrong; what needed
#: its second try stands in pytest's summary (R), with what it failed by, so that it can be made calmer.
BROWSER_RERUNS = 1
RERUN_AFTER_S = 2
RERUN_SAID_CHARS = 600
# How long an example takes says how busy the machine is.
settings.register_profile("verbund", settings.default, deadline=None)
settings.load_profile("verbund")
Server.ready = staticmethod(functools.cache(lambda: Ready(os.environ.get(AT, ""))))
hash_cheaply()
compile_once()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("browser"):
            keep_browsers()
            item.add_marker(pytest.mark.flaky(reruns=BROWSER_RERUNS, reruns_delay=RERUN_AFTER_S))
    lanes.longest_first(items)


def keep_browsers() -> None:
    from tests.flows.browser import Kept  # without a browser nobody needs it

    Kept.here = Kept.here or Kept()


def end_browsers() -> None:
    if (module := sys.modules.get("tests.flows.browser")) is not None and module.Kept.here is not None:
        module.Kept.here.end()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Whatever needs no browser may need the loop."""
    if not item.get_closest_marker("browser"):
        end_browsers()


def pytest_sessionfinish() -> None:
    end_browsers()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    report = yield
    if report.when != "teardown" and report.failed and item.get_closest_marker("browser"):
        from tests.flows.told import tell  # without a browser nobody needs it

        tell(item, report)
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Why something needed its second try: else nobody ever learns it."""
    for report in terminalreporter.stats.get("rerun", []):
        crash = getattr(report.longrepr, "reprcrash", None)
        if crash is not None:
            said = crash.message[:RERUN_SAID_CHARS].replace("\n", "\n    ")
            terminalreporter.write_line(f"{report.nodeid} failed first at {crash.path}:{crash.lineno}\n    {said}")


def pytest_collection_finish() -> None:
    """As `verbund serve` does: what is loaded now stays, and is not searched again for what may go."""
    gc.freeze()
    gc.set_threshold(GC_OBJECTS)


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    return lanes.count()


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> lanes.Lanes:
    return lanes.Lanes(config, log)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """A running PostgreSQL; see tests/postgres.py."""
    with cluster() as prefix:
        yield prefix


@pytest.fixture(scope="session")
def databases(postgres: str) -> Pool:
    return Pool(postgres)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.programs)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """name → URL of an empty database; every test that asks for it runs on both."""
    if request.param == "sqlite":
        yield lambda name: f"sqlite:///{tmp_path / f'{name}.db'}"
        return
    pool: Pool = request.getfixturevalue("databases")
    with pool.lending() as lend:
        yield lend
