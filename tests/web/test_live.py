"""/live against a real server: who gets in, what comes, and what hostile or slow browsers get."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.sync.client import ClientConnection, connect

from tests.flows.server import Firm, Server
from verbund.ops.client import Person

WAIT_S = 30.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder: Path = tmp_path_factory.mktemp("live")
    running = Server(folder / "werkhof").start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def firm(server: Server) -> Iterator[Firm]:
    firm = Firm(server)
    yield firm
    firm.close()


def open_live(person: Person, origin: str | None = None) -> ClientConnection:
    cookie = "; ".join(f"{name}={value}" for name, value in person.http.cookies.items())
    return connect(
        person.address.replace("http", "ws") + "/live", origin=origin or person.address,  # type: ignore[arg-type]
        additional_headers={"Cookie": cookie}, compression=None, max_size=None, open_timeout=WAIT_S,
    )  # fmt: skip


def send(live: ClientConnection, frame: dict[str, Any]) -> None:
    live.send(msgspec.json.encode(frame).decode())


def until(live: ClientConnection, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The next frame of this sort."""
    while True:
        frame: dict[str, Any] = msgspec.json.decode(live.recv(timeout=WAIT_S))
        if wanted(frame):
            return frame


def kind(name: str) -> Callable[[dict[str, Any]], bool]:
    return lambda frame: frame["f"] == name


def closed_with(live: ClientConnection) -> str:
    """The last word before the end."""
    reason = ""
    with contextlib.suppress(ConnectionClosed):
        while True:
            frame = msgspec.json.decode(live.recv(timeout=WAIT_S))
            if frame["f"] == "bye":
                reason = frame["code"]
    return reason


def test_message_reaches_a_follower_once_and_in_order(firm: Firm) -> None:
    with open_live(firm.ben) as live:
        assert until(live, kind("hello"))["account"] == firm.ben.account
        send(live, {"f": "follow", "s": {firm.workshop: {}}})
        vector = until(live, kind("caught"))["v"]
        ids = [firm.anna.say(firm.workshop, f"Nachricht {number}") for number in range(5)]
        got: list[str] = []
        while len(got) < len(ids):
            frame = until(live, kind("entries"))
            got += [entry["id"] for entry in frame["e"] if entry["id"] in ids]
        assert got == ids
    with open_live(firm.ben) as again:
        send(again, {"f": "follow", "s": {firm.workshop: vector}})
        missed = []
        while (frame := until(again, lambda one: one["f"] in ("entries", "caught")))["f"] == "entries":
            missed += [entry["id"] for entry in frame["e"]]
        assert missed == ids


def test_submit_over_the_socket_is_acknowledged_and_refused(firm: Firm) -> None:
    with open_live(firm.anna) as live:
        body = {"text": "über den Draht", "channel": None, "mentions": [], "files": [], "blobs": [], "reply_to": None}
        firm.anna.refresh()
        core, parcel = firm.anna.parcel(firm.workshop, "chat.message_posted.1", body)
        send(live, {"f": "submit", "n": 7, "p": [msgspec.to_builtins(parcel)]})
        answer = until(live, kind("ack"))
        assert answer == {"f": "ack", "n": 7, "r": [{"id": core, "st": "accepted"}]}
        _, empty = firm.anna.parcel(firm.workshop, "chat.message_posted.1", {**body, "text": "  "})
        send(live, {"f": "submit", "n": 8, "p": [msgspec.to_builtins(empty)]})
        refused = until(live, kind("ack"))["r"][0]
        assert (refused["st"], refused["code"]) == ("refused", "chat.empty")
        assert refused["detail"].startswith("Diese Nachricht ist leer")


def test_other_origin_and_no_cookie_are_turned_away(firm: Firm, server: Server) -> None:
    with pytest.raises(InvalidHandshake):
        open_live(firm.anna, origin="https://boese.example")
    stranger = Person(server.address, "niemand")
    with open_live(stranger) as live, pytest.raises(ConnectionClosed) as closed:
        live.recv(timeout=WAIT_S)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4401
    stranger.close()


def test_stranger_follows_nothing(firm: Firm, server: Server) -> None:
    guest = Person(server.address, "Gast")
    room = firm.anna.create("Nebenraum", "private")
    guest.join(firm.anna.invite(room, role="guest"), "gast", "lange genug und nirgends sonst")
    with open_live(guest) as live:
        send(live, {"f": "follow", "s": {firm.workshop: {}}})
        assert until(live, kind("gone"))["sp"] == firm.workshop
        firm.anna.say(firm.workshop, "nicht für Gäste")
        send(live, {"f": "signal", "sp": firm.workshop, "k": "typing", "d": {}})
        send(live, {"f": "ping"})
        assert until(live, lambda frame: frame["f"] in ("pong", "entries", "signal"))["f"] == "pong"
    guest.close()


@pytest.mark.parametrize(
    "raw",
    ["", "{", "[]", "null", '{"f":"nothing"}', '{"f":"submit","n":1,"p":[{}]}', '{"f":"follow","s":[]}', "[" * 50_000,
     '{"f":"submit","n":1,"p":[{"c":"' + "x" * 5000 + '","s":"","sa":null,"b":null}]}',
     '{"f":"call","n":1,"m":"no.such"}',
     '{"f":"follow","s":{"' + "A" * 43 + '":{"kaputt":1}}}'],
)  # fmt: skip
def test_odd_frames_are_answered_and_the_socket_lives(firm: Firm, raw: str) -> None:
    with open_live(firm.anna) as live:
        live.send(raw)
        assert until(live, lambda frame: frame["f"] in ("error", "ack", "reply", "gone"))
        send(live, {"f": "ping"})
        until(live, kind("pong"))


def test_frame_of_a_megabyte_ends_the_socket_and_nothing_else(firm: Firm) -> None:
    with open_live(firm.anna) as live:
        live.send("x" * 1_000_000)
        assert closed_with(live) == ""
    assert firm.anna.call("GET", "/api/health") == {"status": "ok"}


def test_flood_of_frames_is_cut(firm: Firm) -> None:
    with open_live(firm.anna) as live:
        with contextlib.suppress(ConnectionClosed):
            for _ in range(2_000):
                live.send('{"f":"ping"}')
        assert closed_with(live) == "base.too_fast"


def test_device_that_is_signed_out_loses_its_socket(firm: Firm, server: Server) -> None:
    emil = Person(server.address, "Emil")
    emil.join(firm.anna.invite(firm.anna.organisation), "emil", "lange genug und nirgends sonst")
    with open_live(emil) as live:
        until(live, kind("hello"))
        emil.call("DELETE", "/api/sessions/current")
        assert closed_with(live) == "accounts.signed_out"
    emil.close()
