"""Answers that are packed: only for whoever takes them so, only what is worth it, and what it says of them is true."""

import gzip
from pathlib import Path
from typing import Any

from tests.accounts.people import running
from verbund.web.compression import PACKED_BYTES_MIN, packing

START: dict[str, Any] = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-length", b"4000"), (b"etag", b"x")],
}


async def told(*messages: dict[str, Any]) -> tuple[dict[bytes, bytes], list[bytes]]:
    """What leaves: headers, and the bodies."""
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    sending = packing(send)
    for one in messages:
        await sending(one)
    assert [one["type"] for one in sent] == [one["type"] for one in messages], "nothing is lost, nothing comes twice"
    headers = dict(sent[0]["headers"])
    assert len(headers) == len(sent[0]["headers"]), "nothing is said twice"
    return headers, [one["body"] for one in sent[1:]]


def body(raw: bytes, more: bool = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": raw, "more_body": more}


async def test_long_answer_is_packed_and_says_so() -> None:
    raw = b"Holz " * 800
    headers, (packed,) = await told(START, body(raw))
    assert gzip.decompress(packed) == raw
    assert headers[b"content-length"] == str(len(packed)).encode()
    assert headers[b"content-encoding"] == b"gzip"
    assert headers[b"etag"] == b"x"


async def test_what_is_short_packed_already_or_comes_in_parts_goes_as_it_is() -> None:
    short, long = b"x" * (PACKED_BYTES_MIN - 1), b"x" * 4000
    packed = {**START, "headers": [*START["headers"], (b"Content-Encoding", b"br")]}
    for messages in ((START, body(short)), (packed, body(long)), (START, body(long, True), body(long))):
        headers, bodies = await told(*messages)
        assert bodies == [one["body"] for one in messages[1:]]
        assert headers[b"content-length"] == b"4000"


async def test_app_gets_its_start_packed_and_a_program_that_takes_nothing_packed_does_not(tmp_path: Path) -> None:
    async with running(tmp_path) as place:
        anna, _ = await place.firm()
        for accepted, encoding in (("gzip, br", "gzip"), ("identity", None)):
            answer = await anna.http.get("/api/me", headers={"accept-encoding": accepted})
            assert answer.status_code == 200
            assert answer.headers.get("content-encoding") == encoding
            assert answer.json()["account"]["id"] == anna.account
