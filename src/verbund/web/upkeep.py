"""What the operator does from the command line: rebuild, and links that are made while the provider serves."""

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from sqlalchemy import func, select

from verbund.log import tables
from verbund.log.tx import Cache, Tx
from verbund.web import capabilities
from verbund.web.composition import Services
from verbund.web.installation import AlreadyRunning

Result = TypeVar("Result")


async def refold(services: Services) -> int:
    """Fold the whole log again; the number of entries."""

    async def work() -> int:
        await services.log.refold()
        with services.store.read() as connection:
            return int(connection.execute(select(func.count()).select_from(tables.entry)).scalar() or 0)

    return await alone(services, work)


async def alone(services: Services, work: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
    """Do this with the log open for writing, where no server runs. Raises AlreadyRunning."""
    services.lock.take()
    if not services.store.claim():
        raise AlreadyRunning()
    capabilities.prepare(services.store)
    services.log.start()
    try:
        await capabilities.introduce(services)
        return await work()
    finally:
        await services.log.stop()
        services.lock.release()


def write_beside(services: Services, work: Callable[[Tx], Result]) -> Result:
    """Write local state (never facts: they have one writer) from a process beside the one that serves."""
    capabilities.prepare(services.store)
    inner = services.log.core
    with services.store.engine.connect().execution_options(writer=True) as connection, connection.begin():
        tx = Tx(connection, inner.clock, inner.directory, Cache())
        result = work(tx)
        tx.flush()
    services.store.close()
    return result
