"""What is here of files that partners may ask for: found by the space and a name, read in pieces."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

from verbund.base.ids import ProviderId, SpaceId
from verbund.base.refusal import Refusal, Unknown
from verbund.blobs.ranges import Span
from verbund.partners.here import Here

PIECE_BYTES = 256 * 1024
Shelf = Callable[[SpaceId, str], Path | None]


class Holding:
    """The shelves of this provider, as partners may use them: `blob/<hash>`, `film/<film>/<plan>/<file>`."""

    def __init__(self, shelves: Mapping[str, Shelf], here: Here) -> None:
        self._shelves, self._here = shelves, here

    async def find(self, asker: ProviderId, space: SpaceId, name: str) -> Path:
        """Raises Unknown, also where the asker does not hold the space."""
        kind, _, rest = name.partition("/")
        if kind not in self._shelves or not self._here.is_shared(asker, space):
            raise Unknown()
        return await asyncio.to_thread(_found, self._shelves[kind], space, rest)


async def pieces(path: Path, span: Span, piece_bytes: int = PIECE_BYTES) -> AsyncIterator[bytes]:
    with await asyncio.to_thread(path.open, "rb", 0) as file:
        await asyncio.to_thread(file.seek, span.first)
        left = span.length
        while left > 0:
            piece = await asyncio.to_thread(file.read, min(piece_bytes, left))
            if not piece:
                return
            left -= len(piece)
            yield piece


def _found(shelf: Shelf, space: SpaceId, name: str) -> Path:
    try:
        path = shelf(space, name)
    except Refusal as refusal:
        raise Unknown() from refusal
    if path is None or not path.is_file():
        raise Unknown()
    return path
