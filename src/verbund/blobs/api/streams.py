"""Sending a file, or a span of it, in small pieces.

Memory does not grow with the file, and nobody can stall for ever.
"""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import IO

from litestar.response.base import ASGIResponse
from litestar.types import Receive, Scope, Send

from verbund.blobs.limits import PIECE_BYTES, SEND_TIMEOUT_S
from verbund.blobs.ranges import Span


class FileResponse(ASGIResponse):
    """The bytes `span` of a file; for HEAD only what is said about them."""

    __slots__ = ("path", "span")

    def __init__(self, path: Path, span: Span, *, headers: dict[str, str], status_code: int, is_head: bool) -> None:
        headers = {**headers, "content-length": str(span.length)}
        super().__init__(headers=headers, status_code=status_code, is_head_response=is_head)
        self.path, self.span = path, span

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """Open first, so that a file that is not there is an error and no half answer."""
        with await asyncio.to_thread(self.path.open, "rb", 0) as file:
            await self.start_response(send)
            if self.is_head_response:
                await send({"type": "http.response.body", "body": b"", "more_body": False})
            else:
                await self._send_until_gone(file, receive, send)

    async def _send_until_gone(self, file: IO[bytes], receive: Receive, send: Send) -> None:
        gone = asyncio.ensure_future(_gone(receive))
        sending = asyncio.ensure_future(self._send(file, send))
        try:
            await asyncio.wait((gone, sending), return_when=asyncio.FIRST_COMPLETED)
        finally:
            gone.cancel()
            if not sending.done():
                sending.cancel()
            await asyncio.wait((gone, sending))
        if not sending.cancelled():
            with suppress(TimeoutError):
                sending.result()

    async def _send(self, file: IO[bytes], send: Send) -> None:
        file.seek(self.span.first)
        left = self.span.length
        if left == 0:
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        while left > 0:
            piece = await asyncio.to_thread(file.read, min(PIECE_BYTES, left))
            if not piece:
                raise EOFError(f"{self.path.name} is shorter than its row says")
            left -= len(piece)
            async with asyncio.timeout(SEND_TIMEOUT_S):
                await send({"type": "http.response.body", "body": piece, "more_body": left > 0})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
