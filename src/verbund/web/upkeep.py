"""Work on a store that does not serve: rebuild."""

from sqlalchemy import func, select

from verbund.log import tables
from verbund.web import capabilities
from verbund.web.composition import Services


async def refold(services: Services) -> int:
    """Fold the whole log again; the number of entries."""
    services.lock.take()
    capabilities.prepare(services.store)
    services.log.start()
    try:
        await capabilities.introduce(services)
        await services.log.refold()
        with services.store.read() as connection:
            return int(connection.execute(select(func.count()).select_from(tables.entry)).scalar() or 0)
    finally:
        await services.log.stop()
        services.lock.release()
