"""HTTP between providers: who this one is, and bytes for partners that hold the space."""

import asyncio
from base64 import urlsafe_b64decode
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import msgspec
from litestar import Request, get
from litestar.di import NamedDependency
from litestar.params import FromPath, SkipValidation
from litestar.response import Stream

from verbund.base.clock import Clock
from verbund.base.ids import SpaceId
from verbund.base.refusal import Refusal, Unknown
from verbund.base.settings import Settings
from verbund.blobs.ranges import Span, parse_range
from verbund.partners.identity import NotProven, check_question
from verbund.partners.schemas import Asked, Identity

PIECE_BYTES = 256 * 1024
PROOF_CHARS_MAX = 4_000
SCHEME = "Verbund "
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
    """`blob/<hash>`, `film/<film>/<plan>/<file>`; the question in the header is signed by the asking provider."""
    provider, _, question = check_question(_asked(request), settings.origin, clock.now_ms())
    wanted, held = SpaceId(space), name.lstrip("/")
    if question.path != f"/partners/bytes/{space}/{held}":
        raise NotProven()
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


def _asked(request: Request[Any, Any, Any]) -> Asked:
    shown = request.headers.get("authorization", "")
    if not shown.startswith(SCHEME) or len(shown) > PROOF_CHARS_MAX:
        raise NotProven()
    try:
        return msgspec.json.decode(urlsafe_b64decode(shown.removeprefix(SCHEME)), type=Asked)
    except (ValueError, msgspec.MsgspecError) as error:
        raise NotProven() from error


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
