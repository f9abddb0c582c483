"""The blobs inside the whole product: real accounts, spaces, messages and cookies, over the public interface."""

import io
import random
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from PIL import Image

from tests.flows.server import Server
from verbund.ops.client import Declined, Person

PASSWORD = "ein langes Passwort für Tests"


@pytest.fixture
def address(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path / "data").start()
    yield server
    server.stop()


@pytest.fixture
def anna(address: Server) -> Iterator[Person]:
    with closing(Person(address.address, "Anna")) as person:
        person.found(address.setup, "Tischlerei Lindner", "anna", PASSWORD)
        yield person


@pytest.fixture
def ben(address: Server, anna: Person) -> Iterator[Person]:
    with closing(Person(address.address, "Ben")) as person:
        person.join(anna.invite(anna.organisation), "ben", PASSWORD)
        yield person


def post_file(person: Person, space: str, file: dict[str, object]) -> str:
    return person.say(space, "Hier ist sie", files=[file], blobs=[file["hash"]])  # type: ignore[arg-type]


def test_file_of_a_message_is_its_spaces_alone_until_it_is_withdrawn(anna: Person, ben: Person) -> None:
    workshop, office = anna.create("Werkstatt", "private"), anna.create("Büro", "private")
    ben.enter(anna.invite(office))
    raw = random.Random(1).randbytes(50_000)
    file = anna.upload(workshop, raw, "plan.pdf")
    message = post_file(anna, workshop, file)
    path = f"/blobs/{workshop}/{file['hash']}"
    assert anna.http.get(path).content == raw
    assert ben.http.get(path).status_code == 404
    assert ben.http.get(f"/blobs/{office}/{file['hash']}").status_code == 404
    with pytest.raises(Declined, match=r"blobs\.not_held"):
        post_file(ben, office, file)
    anna.refresh()
    anna.post(workshop, "chat.message_withdrawn.1", {"message": message, "by": "author"}, re=[message])
    assert anna.http.get(path).status_code == 404


def test_without_a_session_nothing_is_read(anna: Person) -> None:
    space = anna.create("Werkstatt")
    path = f"/blobs/{space}/{anna.upload(space, b'x', 'x.txt')['hash']}"
    anna.http.cookies.clear()
    assert anna.http.get(path).status_code == 401


def test_bytes_leave_exactly_as_they_are(anna: Person) -> None:
    """No compression, no policy of the app's pages: length, ranges and sandbox are the file's own."""
    space = anna.create("Werkstatt")
    raw = b"A line that compresses well.\n" * 5_000
    path = f"/blobs/{space}/{anna.upload(space, raw, 'notes.txt')['hash']}"
    answer = anna.http.get(path, headers={"accept-encoding": "gzip"})
    assert answer.content == raw
    assert "content-encoding" not in answer.headers
    assert answer.headers["content-length"] == str(len(raw))
    assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
    part = anna.http.get(path, headers={"accept-encoding": "gzip", "range": "bytes=10-20009"})
    assert (part.status_code, part.content) == (206, raw[10:20010])
    beyond = anna.http.get(path, headers={"range": "bytes=999999-"})
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{len(raw)}")
    assert beyond.json()["code"] == "blobs.range_unsatisfiable"


def test_pasted_picture_has_a_preview(anna: Person) -> None:
    space = anna.create("Werkstatt")
    out = io.BytesIO()
    Image.new("RGB", (2000, 1000), (10, 120, 30)).save(out, "PNG")
    file = anna.upload(space, out.getvalue(), "bild.png")
    answer = anna.http.get(f"/blobs/{space}/{file['hash']}", params={"as": "preview", "w": 640})
    assert answer.headers["content-type"] == "image/webp"
    assert Image.open(io.BytesIO(answer.content)).size == (640, 320)


def test_uploads_from_a_foreign_page_are_refused(anna: Person) -> None:
    space = anna.create("Werkstatt")
    for method, path in (("POST", "have"), ("POST", "commit"), ("PUT", f"chunks/{space}")):
        answer = anna.http.request(method, f"/blobs/{space}/{path}", headers={"origin": "https://evil.example"})
        assert answer.status_code == 403
