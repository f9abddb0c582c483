"""HTTP of the blobs: parse, name the caller, hand over. User bytes leave as attachments that no browser runs."""

import asyncio
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

from litestar import Request, post, put
from litestar.di import NamedDependency
from litestar.enums import HttpMethod
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter, SkipValidation
from litestar.response.base import ASGIResponse
from litestar.status_codes import (
    HTTP_200_OK,
    HTTP_204_NO_CONTENT,
    HTTP_206_PARTIAL_CONTENT,
    HTTP_304_NOT_MODIFIED,
)

from verbund.base.ids import BlobHash, SpaceId, is_hash
from verbund.base.refusal import Malformed, Unknown
from verbund.blobs.api.streams import FileResponse
from verbund.blobs.limits import CHUNK_BYTES, NAME_CHARS_MAX, PLAN_BODY_BYTES_MAX
from verbund.blobs.pictures import served_type
from verbund.blobs.ranges import Span, is_fresh, parse_range, range_applies
from verbund.blobs.refusals import ChunkTooLarge
from verbund.blobs.rooms import Caller
from verbund.blobs.schemas import CommitAnswer, HaveAnswer, HaveRequest
from verbund.blobs.service import Blobs
from verbund.blobs.uploads import Plan

PREVIEW_TYPE = "image/webp"
_HARMLESS = {
    "content-security-policy": "sandbox; default-src 'none'",
    "x-content-type-options": "nosniff",
    "cross-origin-resource-policy": "same-origin",
}
_KEPT = {"cache-control": "private, max-age=31536000, immutable", "accept-ranges": "bytes"}

TheBlobs = NamedDependency[SkipValidation[Blobs]]
TheCaller = NamedDependency[SkipValidation[Caller]]
Asked = Annotated[str | None, QueryParameter(name="as")]
Name = Annotated[str | None, QueryParameter(max_length=NAME_CHARS_MAX)]


@post("/blobs/{space:str}/have", status_code=HTTP_200_OK, request_max_body_size=PLAN_BODY_BYTES_MAX)
async def have(space: FromPath[str], data: JSONBody[HaveRequest], blobs: TheBlobs, caller: TheCaller) -> HaveAnswer:
    """Begin an upload or go on with it: which chunks are missing."""
    found = await blobs.intake.have(caller.account, _space(space), data.plan, data.source)
    return HaveAnswer(found.missing, found.complete)


@put("/blobs/{space:str}/chunks/{chunk:str}", status_code=HTTP_204_NO_CONTENT, request_max_body_size=None)
async def receive_chunk(
    space: FromPath[str], chunk: FromPath[str], request: Request[Any, Any, Any], blobs: TheBlobs, caller: TheCaller
) -> None:
    """One chunk, raw, at most 4 MiB."""
    length = request.headers.get("content-length", "0")
    if length.isdecimal() and int(length) > CHUNK_BYTES:
        raise ChunkTooLarge()
    await blobs.intake.receive(caller.account, _space(space), chunk, request.stream())


@post("/blobs/{space:str}/commit", status_code=HTTP_200_OK, request_max_body_size=PLAN_BODY_BYTES_MAX)
async def commit(space: FromPath[str], data: JSONBody[Plan], blobs: TheBlobs, caller: TheCaller) -> CommitAnswer:
    """Every chunk is here: check the whole and keep it."""
    await blobs.intake.commit(caller.account, _space(space), data)
    return CommitAnswer(data.hash, data.size)


async def read_blob(
    space: FromPath[str],
    blob_hash: FromPath[str],
    request: Request[Any, Any, Any],
    blobs: TheBlobs,
    caller: TheCaller,
    as_what: Asked = None,
    w: FromQuery[int | None] = None,
    name: Name = None,
) -> ASGIResponse:
    """The bytes as an attachment called `name`; or with `as=preview` a small picture, at most `w` pixels wide."""
    if not is_hash(blob_hash):
        raise Unknown()
    found = await asyncio.to_thread(blobs.find, _space(space), BlobHash(blob_hash), caller.account)
    if as_what is None:
        path, etag = blobs.shelf.path(found.hash), f'"{found.hash}"'
        return _send(request, path, found.size, etag, served_type(found.type, found.picture), _attachment(name))
    if as_what != "preview" or w is None:
        raise Malformed()
    path = await blobs.previews.path(found.hash, found.size, found.picture, w)
    size = (await asyncio.to_thread(path.stat)).st_size
    return _send(request, path, size, f'"{found.hash}-{w}"', PREVIEW_TYPE, "inline")


def _space(text: str) -> SpaceId:
    if not is_hash(text):
        raise Unknown()
    return SpaceId(text)


def _send(
    request: Request[Any, Any, Any], path: Path, size: int, etag: str, media_type: str, disposition: str
) -> ASGIResponse:
    headers = {**_HARMLESS, **_KEPT, "content-disposition": disposition, "etag": etag}
    if is_fresh(request.headers.get("if-none-match"), etag):
        return ASGIResponse(status_code=HTTP_304_NOT_MODIFIED, headers=headers)
    headers["content-type"] = media_type
    span, status = _span(request, size, etag), HTTP_206_PARTIAL_CONTENT
    if span is None:
        span, status = Span(0, size - 1), HTTP_200_OK
    else:
        headers["content-range"] = f"bytes {span.first}-{span.last}/{size}"
    is_head = request.method == HttpMethod.HEAD
    return FileResponse(path, span, headers=headers, status_code=status, is_head=is_head)


def _span(request: Request[Any, Any, Any], size: int, etag: str) -> Span | None:
    if not range_applies(request.headers.get("if-range"), etag):
        return None
    return parse_range(request.headers.get("range"), size)


def _attachment(name: str | None) -> str:
    """Content-Disposition (RFC 6266); the name is percent-encoded, so nothing in it is a header."""
    if not name:
        return "attachment"
    return f"attachment; filename*=UTF-8''{quote(name.replace('/', '_'), safe='')}"


read = HTTPRouteHandler("/blobs/{space:str}/{blob_hash:str}", http_method=[HttpMethod.GET, HttpMethod.HEAD])(read_blob)
ROUTES = [have, receive_chunk, commit, read]
