"""A log on a real database file, with people who may write."""

from collections.abc import AsyncIterator
from pathlib import Path

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


def make(folder: Path, people: notes.People, name: int = 90, incarnation: int = 1) -> LogService:
    key = DeviceKey(name.to_bytes(32, "big"))
    store = Store(f"sqlite:///{folder / f'{name}.db'}")
    store.create_all()
    provider = ProviderId(key.public.provider)
    people.keys[key.device] = key.public
    log = Log(SystemClock(), notes.registry(), notes.Walls(), people, provider, incarnation)
    return LogService(store, log, key)


@pytest.fixture
async def log(tmp_path: Path, people: notes.People) -> AsyncIterator[LogService]:
    service = make(tmp_path, people)
    service.start()
    yield service
    await service.stop()
    service.store.close()
