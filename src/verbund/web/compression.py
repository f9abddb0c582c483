"""Answers of the API, packed (gzip) for whoever takes them so; those that come in parts go as they are."""

import zlib
from typing import Any

PACKED_BYTES_MIN = 1024
LEVEL = 5
#: zlib's window for a gzip header and trailer (RFC 1952).
GZIP_WINDOW = 16 + zlib.MAX_WBITS


def packing(send: Any) -> Any:
    """`send`, where the start of an answer waits for its body: it says how long that is."""
    started: dict[str, Any] | None = None

    async def sending(message: dict[str, Any]) -> None:
        nonlocal started
        if message["type"] == "http.response.start":
            started = message
            return
        if started is not None:
            start, started = started, None
            body = message.get("body", b"")
            if len(body) >= PACKED_BYTES_MIN and not message.get("more_body") and not _is_packed(start):
                body = _pack(body)
                message = {**message, "body": body}
                start = {**start, "headers": _headers(start, len(body))}
            await send(start)
        await send(message)

    return sending


def _pack(body: bytes) -> bytes:
    packer = zlib.compressobj(LEVEL, zlib.DEFLATED, GZIP_WINDOW)
    return packer.compress(body) + packer.flush()


def _is_packed(start: dict[str, Any]) -> bool:
    return any(name.lower() == b"content-encoding" for name, _ in start["headers"])


def _headers(start: dict[str, Any], size: int) -> list[tuple[bytes, bytes]]:
    kept = [one for one in start["headers"] if one[0].lower() != b"content-length"]
    return [
        *kept, (b"content-encoding", b"gzip"), (b"vary", b"accept-encoding"), (b"content-length", str(size).encode()),
    ]  # fmt: skip
