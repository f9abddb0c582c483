"""Looking at entries before the writer's turn."""

import asyncio

from verbund.log.ahead import Ahead, Examined
from verbund.partners.actions import Take

FEW = 8


async def examined_of(ahead: Ahead, take: Take) -> list[Examined]:
    """Beside the writer; a few are not worth the way to another thread."""
    if take.entries_count <= FEW:
        return [Examined(one, None) for one in take.unpacked()]
    return await asyncio.to_thread(lambda: ahead.examine(take.unpacked()))
