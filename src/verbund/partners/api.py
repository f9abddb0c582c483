"""HTTP between providers: who this one is, and bytes for partners that hold the space."""

import asyncio
from typing import Any

import httpx
from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, SkipValidation
from litestar.response import Stream

from verbund.base.clock import Clock
from verbund.base.ids import SpaceId
from verbund.base.settings import Settings
from verbund.blobs.ranges import Span, parse_range
from verbund.partners.deliveries import PATH, PIECE_BYTES, Piece
from verbund.partners.holding import pieces
from verbund.partners.requests import Received, check
from verbund.partners.schemas import Identity

TheClock = NamedDependency[SkipValidation[Clock]]
Own = NamedDependency[SkipValidation[Identity]]


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
    path = await services.parts["partners"].holding.find(provider, SpaceId(space), name.lstrip("/"))
    size = (await asyncio.to_thread(path.stat)).st_size
    span = parse_range(request.headers.get("range"), size)
    headers = {"accept-ranges": "bytes", "cache-control": "no-store"}
    if span is not None:
        headers["content-range"] = f"bytes {span.first}-{span.last}/{size}"
    told = span or Span(0, size - 1)
    return Stream(
        pieces(path, told), status_code=206 if span else 200, media_type="application/octet-stream",
        headers=headers | {"content-length": str(told.length)},
    )  # fmt: skip


def received(request: Request[Any, Any, Any], settings: Settings) -> Received:
    """A request as another provider signed it: to the address that this one has, whatever a proxy made of it."""
    raw = request.scope.get("raw_path") or request.scope["path"].encode()
    query = request.scope.get("query_string") or b""
    target = raw.split(b"?")[0] + (b"?" + query if query else b"")
    headers = httpx.Headers(list(request.scope["headers"]))
    return Received(request.method, str(httpx.URL(settings.origin)).rstrip("/") + target.decode("latin-1"), headers)


@post(f"{PATH}/{{ticket:str}}", summary="Bytes that a partner was asked to bring", status_code=204,
      request_max_body_size=PIECE_BYTES)  # fmt: skip
async def deliver(
    ticket: FromPath[str], first: FromQuery[int], size: FromQuery[int], request: Request[Any, Any, Any],
    settings: Settings, clock: TheClock, services: NamedDependency[Any],
) -> None:  # fmt: skip
    """The piece of a file that begins at `first`, of `size` bytes in all; the request is signed by who brings it."""
    body = await request.body()
    asker = check(received(request, settings), clock.now_ms(), body)
    await services.parts["partners"].delivered(asker.provider, ticket, Piece(first, size, body))


ROUTES = [hello, read_bytes, deliver]
