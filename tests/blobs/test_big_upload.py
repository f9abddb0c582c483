"""A big file in little memory, with kill -9 in the middle, byte-exact.

VERBUND_TEST_UPLOAD_MIB=2048 makes it the 2 GB of the promise; by default it is smaller and the bound tighter.
"""

import os
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from hashlib import sha256
from typing import Any

import httpx

from tests.blobs.conftest import SPACE, Person, Server, hash_text
from verbund.base.ids import b64
from verbund.blobs.limits import CHUNK_BYTES, MIB

UPLOAD_MIB = int(os.environ.get("VERBUND_TEST_UPLOAD_MIB", "300"))
TAIL = b"not a whole chunk"
CHUNKS = UPLOAD_MIB * MIB // CHUNK_BYTES
#: What the transfer of any file may add to the server's memory; the whole must stay below 256 MB.
GROWTH_KIB_MAX = 64 * 1024
WHOLE_KIB_MAX = 256 * 1000 * 1000 // 1024
PARALLEL = 4


def chunk(index: int) -> bytes:
    return TAIL if index == CHUNKS else random.Random(index).randbytes(CHUNK_BYTES)


def plan() -> dict[str, Any]:
    whole, chunks = sha256(), []
    for index in range(CHUNKS + 1):
        raw = chunk(index)
        whole.update(raw)
        chunks.append(hash_text(raw))
    size = CHUNKS * CHUNK_BYTES + len(TAIL)
    return {"hash": b64(whole.digest()), "size": size, "chunks": chunks, "type": "video/mp4"}


def send_all(person: Person, indexes: list[int]) -> None:
    with ThreadPoolExecutor(PARALLEL) as pool:
        for answer in pool.map(lambda index: person.send(chunk(index)), indexes):
            assert answer.status_code == 204, answer.text


def send_until_killed(person: Person, server: Server, indexes: list[int]) -> None:
    """Kill the server while chunks are on their way to it."""
    with ThreadPoolExecutor(PARALLEL) as pool:
        sent = [pool.submit(person.send, chunk(index)) for index in indexes]
        sent[len(sent) // 2].result()
        server.kill()
        for one in sent:
            one.exception()


def download_hash(person: Person, blob: str) -> str:
    found = sha256()
    with person.http.stream("GET", f"/blobs/{SPACE}/{blob}") as answer:
        for piece in answer.iter_raw():
            found.update(piece)
    return b64(found.digest())


def test_big_upload_survives_kills_in_little_memory(own_server: Callable[..., Server]) -> None:
    server = own_server()
    anna, file = server.person("anna"), plan()
    resting_kib = server.peak_kib()
    missing = anna.have(file).json()["missing"]
    assert missing == list(range(CHUNKS + 1))
    send_all(anna, missing[: CHUNKS // 3])
    send_until_killed(anna, server, missing[CHUNKS // 3 : CHUNKS // 2])

    server.start()
    anna = server.person("anna")
    missing = anna.have(file).json()["missing"]
    assert set(missing).isdisjoint(range(CHUNKS // 3)), "what was acknowledged is asked for again"
    send_all(anna, missing)
    kill_during_commit(anna, server, file)

    server.start()
    anna = server.person("anna")
    assert anna.have(file).json()["missing"] == []
    assert anna.commit(file).status_code == 200
    assert download_hash(anna, file["hash"]) == file["hash"]
    tail = anna.get(file["hash"], headers={"range": "bytes=-17"})
    assert tail.content == TAIL
    assert server.peak_kib() - resting_kib < GROWTH_KIB_MAX
    assert server.peak_kib() < WHOLE_KIB_MAX
    on_disk = sum(path.stat().st_blocks * 512 for path in server.data.rglob("*") if path.is_file())
    assert on_disk < file["size"] * 1.05, "the file lies twice on the disk"


def kill_during_commit(person: Person, server: Server, file: dict[str, Any]) -> None:
    with ThreadPoolExecutor(1) as pool:
        committing = pool.submit(person.commit, file)
        with suppress(TimeoutError):
            committing.result(timeout=0.05)
        server.kill()
        assert committing.exception() is None or isinstance(committing.exception(), httpx.TransportError)
