"""Edges: status, headers and bytes of the blob routes, against a real server process."""

import random

import pytest

from tests.blobs.conftest import OTHER_SPACE, SPACE, Person, Server, hash_text, plan_of
from verbund.blobs.limits import CHUNK_BYTES

SCRIPT = b"<script>alert(document.domain)</script>"


def some_bytes(seed: int, size: int = 100_000) -> bytes:
    return random.Random(seed).randbytes(size)


def test_upload_comes_back_byte_exact(anna: Person, ben: Person) -> None:
    raw = some_bytes(1, 2 * CHUNK_BYTES + 12345)
    blob = anna.upload(raw)
    answer = ben.get(blob)
    assert (answer.status_code, answer.content) == (200, raw)
    assert answer.headers["content-length"] == str(len(raw))
    assert answer.headers["etag"] == f'"{blob}"'


def test_empty_file_is_a_file(anna: Person) -> None:
    answer = anna.get(anna.upload(b""))
    assert (answer.status_code, answer.content) == (200, b"")


def test_user_bytes_are_never_run(anna: Person) -> None:
    for raw, declared in (
        (SCRIPT, "text/html"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>', "image/svg+xml"),
        (b"alert(1)//", "text/javascript"),
        (b"not a picture", "image/png"),
        (b"nobody knows", ""),
    ):
        answer = anna.get(anna.upload(raw, media_type=declared))
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["content-disposition"] == "attachment"
        assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "private, max-age=31536000, immutable"


def test_name_of_a_download_is_no_header(anna: Person) -> None:
    blob = anna.upload(some_bytes(2))
    answer = anna.get(blob, name='Büro "x"\r\nSet-Cookie: a=b/../c.pdf')
    assert answer.headers["content-disposition"] == (
        "attachment; filename*=UTF-8''B%C3%BCro%20%22x%22%0D%0ASet-Cookie%3A%20a%3Db_.._c.pdf"
    )
    assert "set-cookie" not in answer.headers


def test_stranger_sees_nothing(anna: Person, stranger: Person) -> None:
    blob = anna.upload(some_bytes(3))
    unknown = hash_text(b"nobody has this")
    answers = [
        stranger.get(blob),
        stranger.get(blob, OTHER_SPACE),
        stranger.get(unknown, OTHER_SPACE),
        stranger.get(blob, hash_text(b"no such space")),
        stranger.get(blob, "no-id"),
        stranger.get(blob, "%00"),
        anna.get(unknown),
        anna.get("not-a-hash"),
        anna.get("%00%ff"),
        stranger.have(plan_of(b"x")),
        stranger.commit(plan_of(b"x")),
        stranger.send(b"x"),
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1


def test_have_is_no_oracle_for_foreign_blobs(anna: Person, stranger: Person, ben: Person) -> None:
    """The whole conversation about a blob that another space holds equals the one about a blob that nobody holds."""
    held, unheld = some_bytes(4, CHUNK_BYTES + 5), some_bytes(5, CHUNK_BYTES + 5)
    anna.upload(held)

    def conversation(raw: bytes) -> list[tuple[int, str]]:
        plan = plan_of(raw)
        answers = [
            stranger.commit(plan, OTHER_SPACE),
            stranger.have(plan, OTHER_SPACE),
            stranger.have(plan, OTHER_SPACE, source=SPACE),
            stranger.commit(plan, OTHER_SPACE),
            stranger.send(raw[:CHUNK_BYTES], OTHER_SPACE),
            stranger.have(plan, OTHER_SPACE),
            stranger.get(plan["hash"], OTHER_SPACE),
            ben.have(plan, OTHER_SPACE),
        ]
        return [(answer.status_code, answer.text) for answer in answers]

    assert conversation(held) == conversation(unheld)


def test_unfinished_chunks_are_their_uploaders_alone(anna: Person, ben: Person) -> None:
    raw = some_bytes(6, 2 * CHUNK_BYTES)
    plan = plan_of(raw)
    anna.have(plan)
    anna.send(raw[:CHUNK_BYTES])
    assert anna.have(plan).json() == {"missing": [1], "complete": False}
    assert ben.have(plan).json() == {"missing": [0, 1], "complete": False}


def test_who_reads_both_spaces_need_not_upload_again(anna: Person, ben: Person, stranger: Person) -> None:
    raw = some_bytes(7)
    plan = plan_of(raw, "text/plain")
    anna.upload(raw, media_type="text/plain")
    assert ben.have(plan, OTHER_SPACE).json()["complete"] is False
    assert ben.have(plan, OTHER_SPACE, source=SPACE).json() == {"missing": [], "complete": True}
    assert stranger.get(plan["hash"], OTHER_SPACE).content == raw


def test_altered_chunk_is_refused_and_can_be_sent_again(anna: Person) -> None:
    raw = some_bytes(8)
    plan = plan_of(raw)
    anna.have(plan)
    altered = anna.send(raw[:-1] + b"!", chunk=hash_text(raw))
    assert (altered.status_code, altered.json()["code"]) == (422, "blobs.chunk_wrong")
    assert anna.have(plan).json()["missing"] == [0]
    assert anna.send(raw).status_code == 204
    assert anna.commit(plan).status_code == 200


def test_chunk_that_nobody_announced_is_refused(anna: Person) -> None:
    answer = anna.send(some_bytes(9))
    assert (answer.status_code, answer.json()["code"]) == (409, "blobs.not_started")


@pytest.mark.parametrize("announced", [True, False])
def test_oversized_chunk_is_refused(anna: Person, announced: bool) -> None:
    raw = bytes(CHUNK_BYTES + 1)
    anna.have(plan_of(raw[:10]))

    def pieces() -> "list[bytes]":
        return [raw[at : at + 65536] for at in range(0, len(raw), 65536)]

    content = raw if announced else iter(pieces())
    answer = anna.http.put(f"/blobs/{SPACE}/chunks/{hash_text(raw[:10])}", content=content)
    assert (answer.status_code, answer.json()["code"]) == (413, "blobs.chunk_too_large")


def test_wrong_total_is_refused_and_forgotten(anna: Person) -> None:
    raw = some_bytes(10)
    plan = {**plan_of(raw), "hash": hash_text(b"something else")}
    anna.have(plan)
    anna.send(raw)
    answer = anna.commit(plan)
    assert (answer.status_code, answer.json()["code"]) == (422, "blobs.hash_wrong")
    assert anna.get(plan["hash"]).status_code == 404
    assert anna.have(plan).json()["missing"] == [0]


def test_commit_before_all_is_there_is_refused(anna: Person) -> None:
    raw = some_bytes(11, 2 * CHUNK_BYTES)
    plan = plan_of(raw)
    anna.have(plan)
    anna.send(raw[CHUNK_BYTES:])
    answer = anna.commit(plan)
    assert (answer.status_code, answer.json()["code"]) == (409, "blobs.chunks_missing")
    assert answer.json()["missing"] == 1


@pytest.mark.parametrize(
    "change",
    [
        {"size": -1},
        {"size": CHUNK_BYTES + 1},
        {"chunks": []},
        {"chunks": ["../../etc/passwd"]},
        {"hash": "../../../etc/passwd"},
        {"type": "text/html\r\nx: y"},
        {"type": "video/"},
        {"type": "a/" + "b" * 200},
    ],
)
def test_malformed_plans_are_refused(anna: Person, change: dict[str, object]) -> None:
    plan = {**plan_of(some_bytes(12)), **change}
    assert anna.have(plan).json()["code"] == "base.malformed"
    assert anna.commit(plan).json()["code"] == "base.malformed"


def test_same_chunk_in_many_places_is_sent_once(anna: Person) -> None:
    raw = bytes(5 * CHUNK_BYTES) + b"end"
    plan = plan_of(raw)
    assert anna.have(plan).json()["missing"] == [0, 1, 2, 3, 4, 5]
    anna.send(raw[:CHUNK_BYTES])
    assert anna.have(plan).json()["missing"] == [5]
    anna.send(b"end")
    assert anna.commit(plan).status_code == 200
    assert hash_text(anna.get(plan["hash"]).content) == plan["hash"]


def test_ranges_conditions_and_head(anna: Person) -> None:
    raw = some_bytes(13)
    blob = anna.upload(raw)
    etag = f'"{blob}"'
    part = anna.get(blob, headers={"range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, raw[100:200])
    assert part.headers["content-range"] == f"bytes 100-199/{len(raw)}"
    assert anna.get(blob, headers={"range": "bytes=-10"}).content == raw[-10:]
    beyond = anna.get(blob, headers={"range": f"bytes={len(raw)}-"})
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{len(raw)}")
    assert anna.get(blob, headers={"range": "bytes=0-1", "if-range": etag}).status_code == 206
    assert anna.get(blob, headers={"range": "bytes=0-1", "if-range": '"other"'}).content == raw
    fresh = anna.get(blob, headers={"if-none-match": f'W/"x", {etag}'})
    assert (fresh.status_code, fresh.content) == (304, b"")
    head = anna.http.head(f"/blobs/{SPACE}/{blob}")
    assert (head.status_code, head.headers["content-length"], head.content) == (200, str(len(raw)), b"")


def test_reader_who_leaves_early_disturbs_nobody(server: Server, anna: Person) -> None:
    blob = anna.upload(some_bytes(14, 3 * CHUNK_BYTES))
    for _ in range(20):
        with anna.http.stream("GET", f"/blobs/{SPACE}/{blob}") as answer:
            assert next(answer.iter_raw(1000))
    assert anna.get(blob, headers={"range": "bytes=0-9"}).status_code == 206
    assert server.process is not None
    assert server.process.poll() is None
