"""A log on a real database file, with people who may write."""

from collections.abc import AsyncIterator, Callable

import pytest

from tests.log import notes
from verbund.base.clock import SystemClock
from verbund.base.ids import ProviderId
from verbund.base.keys import DeviceKey
from verbund.log.log import Log
from verbund.log.service import LogService
from verbund.log.store import Store


@pytest.fixture
def people() -> notes.People:
    return notes.People()


@pytest.fixture
def anna(people: notes.People) -> notes.Person:
    return notes.Person(1, people)


@pytest.fixture
def ben(people: notes.People) -> notes.Person:
    return notes.Person(2, people)


Databases = Callable[[str], str]


def make(databases: Databases, people: notes.People, name: int = 90, incarnation: int = 1) -> LogService:
    key = DeviceKey(name.to_bytes(32, "big"))
    store = Store(databases(str(name)))
    store.create_all()
    provider = ProviderId(key.public.provider)
    people.keys[key.device] = key.public
    log = Log(SystemClock(), notes.registry(), notes.Walls(), people, provider, incarnation)
    return LogService(store, log, key)


@pytest.fixture
async def logs(database: Databases, people: notes.People) -> AsyncIterator[Callable[[int], LogService]]:
    """number → a running log of its own with that number; all end with the test."""
    running: list[LogService] = []

    def start(name: int) -> LogService:
        service = make(database, people, name)
        service.start()
        running.append(service)
        return service

    yield start
    for service in running:
        await service.stop()
        service.store.close()


@pytest.fixture
async def log(logs: Callable[[int], LogService]) -> LogService:
    return logs(90)
