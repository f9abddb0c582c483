"""HTTP between providers: who this one is, and bytes for partners that hold the space."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
from litestar import Request, get
from litestar.di import NamedDependency
from litestar.params import FromPath, SkipValidation
from litestar.response import Stream

from verbund.base.clock import Clock
from verbund.base.ids import SpaceId
from verbund.base.refusal import Refusal, Unknown
from verbund.base.settings import Settings
from verbund.blobs.ranges import Span, parse_range
from verbund.partners.requests import Received, check
from verbund.partners.schemas import Identity

PIECE_BYTES = 256 * 1024
TheClock = NamedDependency[SkipValidation[Clock]]
Own = NamedDependency[SkipValidation[Identity]]
Shelf = Callable[[SpaceId, str], Path | None]


@get("/api/partners/hello", summary="Who this provider is, for other providers")
async def hello(own_identity: Own) -> Identity:
    """Root key and certified device."""
    return own_identity


@get("/partners/bytes/{space:str}/{name:path}", summary="Bytes for a partner that holds the space")
async def read_bytes(
    space: FromPath[str], name: FromPath[str], request: Request[Any, Any, Any], settings: Settings, clock: TheClock,
    services: NamedDependency[Any],
) -> Stream:  # fmt: skip
    """`blob/<hash>`, `film/<film>/<plan>/<file>`; the request is signed by the asking provider."""
    provider, _, _ = check(received(request, settings), clock.now_ms())
    wanted, held = SpaceId(space), name.lstrip("/")
    if not services.parts["partners"].here.is_shared(provider, wanted):
        raise Unknown()
    shelves: dict[str, Shelf] = services.parts["shelves"]
    kind, _, rest = held.partition("/")
    if kind not in shelves:
        raise Unknown()
    path = await asyncio.to_thread(_find, shelves[kind], wanted, rest)
    size = (await asyncio.to_thread(path.stat)).st_size
    span = parse_range(request.headers.get("range"), size)
    headers = {"accept-ranges": "bytes", "cache-control": "no-store"}
    if span is not None:
        headers["content-range"] = f"bytes {span.first}-{span.last}/{size}"
    told = span or Span(0, size - 1)
    return Stream(
        _pieces(path, told), status_code=206 if span else 200, media_type="application/octet-stream",
        headers=headers | {"content-length": str(told.length)},
    )  # fmt: skip


def received(request: Request[Any, Any, Any], settings: Settings) -> Received:
    """A request as another provider signed it: to the address that this one has, whatever a proxy made of it."""
    raw = request.scope.get("raw_path") or request.scope["path"].encode()
    query = request.scope.get("query_string") or b""
    target = raw.split(b"?")[0] + (b"?" + query if query else b"")
    headers = httpx.Headers(list(request.scope["headers"]))
    return Received(request.method, str(httpx.URL(settings.origin)).rstrip("/") + target.decode("latin-1"), headers)


def _find(shelf: Shelf, space: SpaceId, name: str) -> Path:
    try:
        path = shelf(space, name)
    except Refusal as refusal:
        raise Unknown() from refusal
    if path is None or not path.is_file():
        raise Unknown()
    return path


async def _pieces(path: Path, span: Span) -> AsyncIterator[bytes]:
    with await asyncio.to_thread(path.open, "rb", 0) as file:
        await asyncio.to_thread(file.seek, span.first)
        left = span.length
        while left > 0:
            piece = await asyncio.to_thread(file.read, min(PIECE_BYTES, left))
            if not piece:
                return
            left -= len(piece)
            yield piece


ROUTES = [hello, read_bytes]
