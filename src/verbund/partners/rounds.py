"""What runs as long as the provider does."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

AGAIN_S = 2.0
log = logging.getLogger(__name__)


async def for_ever(run: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """A fault in one round must not end the exchange for good without a word."""
    while True:
        try:
            await run()
        except Exception:
            log.exception("%s failed, begins again", run.__qualname__)
        await asyncio.sleep(AGAIN_S)
