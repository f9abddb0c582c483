"""A server with the blobs alone: the real routes, store, log and process, with people and rooms that a test names.

`python -m tests.blobs.host '{"data": …, "port": …, "rooms": {space: [account]}, "limits": {…}}'`. The caller is
whoever the header `x-account` says; sessions have tests of their own.
"""

import json
import resource
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import uvicorn
from blockbuster import BlockBuster
from litestar import Litestar, Request, Response
from litestar.di import Provide
from sqlalchemy import Connection

from verbund.base.clock import Clock, SystemClock
from verbund.base.ids import AccountId, ProviderId, SpaceId
from verbund.base.keys import DeviceKey
from verbund.base.refusal import Refusal
from verbund.blobs.api import ROUTES
from verbund.blobs.limits import Limits
from verbund.blobs.service import Blobs
from verbund.log.log import Log
from verbund.log.registry import Registry
from verbund.log.service import LogService
from verbund.log.store import Store

ANNA, BEN, STRANGER = AccountId("anna"), AccountId("ben"), AccountId("stranger")


class Rooms:
    """Who is where, as the test says: {space: [account]}."""

    def __init__(self, rooms: Mapping[str, list[str]]) -> None:
        self._rooms = rooms

    def may_read(self, _connection: Connection, space: SpaceId, account: AccountId) -> bool:
        return account in self._rooms.get(space, ())

    may_add = may_read


class Person(msgspec.Struct):
    account: AccountId


def make_log(url: str, clock: Clock) -> LogService:
    """A log that knows no kinds: the blobs only need its store and its writer."""
    store = Store(url)
    store.create_all()
    key = DeviceKey.generate()
    nobody: Any = None
    return LogService(store, Log(clock, Registry(), nobody, nobody, ProviderId(key.public.provider), 1), key)


def make_blobs(data: Path, log: LogService, clock: Clock, rooms: Mapping[str, list[str]], limits: Limits) -> Blobs:
    return Blobs(data, log, log.store, Rooms(rooms), clock, limits)


def refused(_request: Request[Any, Any, Any], refusal: Refusal) -> Response[Any]:
    return Response(
        {"code": refusal.code, "detail": refusal.sentence("de"), **refusal.fields},
        status_code=refusal.status,
        media_type="application/problem+json",
        headers=getattr(refusal, "headers", None),
    )


def make_app(data: Path, rooms: Mapping[str, list[str]], limits: Limits) -> Litestar:
    clock = SystemClock()
    data.mkdir(parents=True, exist_ok=True)
    log = make_log(f"sqlite:///{data / 'verbund.db'}", clock)
    blobs = make_blobs(data, log, clock, rooms, limits)

    async def caller(request: Request[Any, Any, Any]) -> Person:
        return Person(AccountId(request.headers["x-account"]))

    async def the_blobs() -> Blobs:
        return blobs

    async def start() -> None:
        log.start()
        await blobs.start()

    async def stop() -> None:
        await blobs.stop()
        await log.stop()
        log.store.close()

    return Litestar(
        ROUTES,
        dependencies={"caller": Provide(caller), "blobs": Provide(the_blobs)},
        exception_handlers={Refusal: refused},
        on_startup=[start],
        on_shutdown=[stop],
        openapi_config=None,
    )


def main() -> None:
    given = json.loads(sys.argv[1])
    if "file_bytes_max" in given:
        resource.setrlimit(resource.RLIMIT_FSIZE, (given["file_bytes_max"],) * 2)
    app = make_app(Path(given["data"]), given["rooms"], msgspec.convert(given.get("limits", {}), Limits))
    BlockBuster("verbund.blobs").activate()  # a blocking call of ours in the loop's thread becomes a 500
    uvicorn.run(app, host="127.0.0.1", port=given["port"], log_level="warning")


if __name__ == "__main__":
    main()
