"""Tests beside each other: which go into one lane, and which begin first.

Much of the suite waits (for a browser, a program, a disk), so there is a lane more than there are cores. A file's tests
stay together. What plays or records in real time would be late beside itself: that all goes through one lane.
"""

import os

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

#: Calls and films in browsers, which have to keep time: one after the other.
IN_REAL_TIME = (
    "tests/meet/",
    "tests/media/test_in_browsers.py",
    "tests/media/test_at_partner.py",
    "tests/flows/test_story_rooms.py",
)
LANES_BESIDE_CORES = 1


class Lanes(LoadScopeScheduling):
    """Whole files, in the order in which they were collected."""

    def __init__(self, config: pytest.Config, log: Producer | None = None) -> None:
        config.option.loadscopereorder = False
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        return "real time" if nodeid.startswith(IN_REAL_TIME) else nodeid.split("::", 1)[0]


def count() -> int:
    return len(os.sched_getaffinity(0)) + LANES_BESIDE_CORES


def longest_first(items: list[pytest.Item]) -> None:
    """So that no lane is left alone with a long story at the end."""
    stories = {item.path for item in items if item.get_closest_marker("browser")}
    engines = {item.path for item in items if item.get_closest_marker("programs")} - stories

    def rank(item: pytest.Item) -> int:
        if item.nodeid.startswith(IN_REAL_TIME):
            return 0
        return 1 if item.path in stories else 2 if item.path in engines else 3

    items.sort(key=rank)
