"""What is committed in protocol/ is what the source says, and what really goes over the socket is what it says."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from websockets.sync.client import ClientConnection, connect

from tests.contract.source import ROOT
from tests.flows.server import PASSWORD, Server
from verbund.base.ids import SpaceId
from verbund.ops.client import Person
from verbund.ops.protocol import texts, write
from verbund.web.answers import Outgoing
from verbund.web.documents import documents

FRAME_TIMEOUT_S = 10
FRAMES_MAX = 50


@pytest.fixture(scope="module")
def written() -> dict[str, str]:
    return texts(documents())


def test_the_committed_files_are_fresh(written: dict[str, str]) -> None:
    stale = write(ROOT / "protocol", written, only_check=True)
    assert stale == [], "`make fix` writes them anew; look at the difference: a changed event is a new kind"


def test_the_same_source_gives_the_same_files(written: dict[str, str]) -> None:
    assert texts(documents()) == written


def test_a_stale_file_is_found_and_renewed(written: dict[str, str], tmp_path: Path) -> None:
    assert set(write(tmp_path, written, only_check=True)) == set(written)
    assert not any(tmp_path.iterdir())
    write(tmp_path, written, only_check=False)
    assert write(tmp_path, written, only_check=True) == []
    (tmp_path / "events.json").write_text("{}\n", "utf-8")
    assert write(tmp_path, written, only_check=True) == ["events.json"]


def test_no_id_of_the_machine_that_wrote_it_is_in_it(written: dict[str, str]) -> None:
    assert "verbund-" not in written["openapi.json"]


def test_every_route_says_what_it_does(written: dict[str, str]) -> None:
    paths: dict[str, dict[str, Any]] = json.loads(written["openapi.json"])["paths"]
    assert paths
    silent = [
        f"{method} {path}"
        for path, methods in paths.items()
        for method, one in methods.items()
        if not (one.get("summary") or one.get("description"))
    ]
    assert not silent


@pytest.fixture
def anna(tmp_path: Path) -> Iterator[Person]:
    server = Server(tmp_path / "data").start()
    try:
        with closing(Person(server.address, "Anna")) as person:
            person.found(server.setup, "Tischlerei Lindner", "anna", PASSWORD)
            yield person
    finally:
        server.stop()


def frames_until(socket: ClientConnection, tag: str) -> list[Any]:
    """Every frame up to and with the first of this name, read strictly."""
    found = []
    while len(found) < FRAMES_MAX:
        raw = socket.recv(FRAME_TIMEOUT_S)
        found.append(msgspec.json.decode(raw, type=Outgoing))
        if json.loads(raw)["f"] == tag:
            return found
    raise AssertionError(f"no {tag} among {found}")


def live(person: Person) -> ClientConnection:
    cookie = "; ".join(f"{name}={value}" for name, value in person.http.cookies.items())
    address = person.address.replace("http", "ws", 1) + "/live"
    return connect(address, additional_headers={"cookie": cookie}, origin=person.address, compression=None)


def test_frames_are_what_protocol_says(anna: Person) -> None:
    space: SpaceId = anna.organisation
    anna.say(space, "was vorher war")
    with live(anna) as socket:

        def ask(answer: str, **frame: Any) -> list[Any]:
            socket.send(json.dumps(frame))
            return frames_until(socket, answer)

        assert frames_until(socket, "hello")[0].account == anna.account
        assert ask("pong", f="ping")
        backlog = ask("caught", f="follow", s={space: {}})
        assert backlog[-1].v
        _, parcel = anna.parcel(space, "chat.message_posted.1", {"text": "über den Socket"})
        told = ask("ack", f="submit", n=7, p=[msgspec.to_builtins(parcel)])
        assert (told[-1].n, told[-1].r[0].st) == (7, "accepted")
        _, parcel = anna.parcel(space, "chat.message_posted.1", {"text": "mit falscher Unterschrift"})
        torn = msgspec.to_builtins(parcel) | {"s": "A" * 86}
        told = ask("ack", f="submit", n=8, p=[torn])
        assert (told[-1].n, told[-1].r[0].st) == (8, "refused")
        answer = ask("reply", f="call", n=9, m="nobody.knows", d={})[-1]
        assert (answer.n, answer.e.code) == (9, "base.unknown")
        assert ask("gone", f="follow", s={"A" * 43: {}})
        socket.send("not a frame")
        assert frames_until(socket, "error")[-1].e.code
