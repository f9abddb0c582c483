"""What the operator does from the command line: rebuild, links that are made while the provider serves, keys."""

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from sqlalchemy import func, select

from verbund.base.clock import SystemClock
from verbund.base.settings import Settings
from verbund.log import sealer, tables
from verbund.log.cache import Cache
from verbund.log.store import writing
from verbund.log.tx import Tx
from verbund.partners.headkey import HeadKey
from verbund.partners.heads import DAY_MS
from verbund.web import capabilities
from verbund.web.composition import Services
from verbund.web.installation import AlreadyRunning, open_installation

Result = TypeVar("Result")


async def refold(services: Services) -> int:
    """Fold the whole log again; the number of entries."""

    async def work() -> int:
        await services.log.refold()
        with services.store.read() as connection:
            return int(connection.execute(select(func.count()).select_from(tables.entry)).scalar() or 0)

    return await alone(services, work)


async def seal(services: Services, everything: bool) -> tuple[int, int, int]:
    """Seal what is old enough, or everything that fills a segment; then give the space back. (segments, bytes of the
    database before, after)."""
    days = 0 if everything else services.settings.seal_after_days

    async def work() -> tuple[int, int, int]:
        before = services.store.size()
        count = await sealer.seal(services.log, services.clock.now_ms() - days * sealer.DAY_MS)
        services.store.compact()
        return count, before, services.store.size()

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


def head_key_report(settings: Settings, renew: bool, stolen: bool) -> list[str]:
    """What the key of the heads is now, renewed before if so wanted; the running server takes it up by itself."""
    held, now = HeadKey(settings.folder, open_installation(settings.folder).certify), SystemClock().now_ms()
    _, shown = held.renew(now, stolen) if renew or stolen else held.present(now)
    days = (shown.until - now) // DAY_MS
    lines = [
        f"Schlüssel {shown.key}",
        f"gilt noch {days} Tage und wird von selbst erneuert. / valid for {days} more days, renewed by itself.",
    ]
    if stolen:
        lines.append(
            "Was der alte unterschrieb, zählt nicht mehr; alles wird neu unterschrieben. / "
            "What the old one signed counts no longer; everything is signed anew."
        )
    return lines


def write_beside(services: Services, work: Callable[[Tx], Result]) -> Result:
    """Write local state (never facts: they have one writer) from a process beside the one that serves."""
    capabilities.prepare(services.store)
    inner = services.log.core
    with writing(services.store.engine) as connection, connection.begin():
        tx = Tx(connection, inner.clock, inner.directory, Cache())
        result = work(tx)
        tx.flush()
    services.store.close()
    return result
