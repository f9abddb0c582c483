"""Two firms on one provider: neither sees anything of the other, whatever ids it walks."""

from collections.abc import Callable, Iterator

import pytest

from tests.flows.server import PASSWORD, Firm, Server
from verbund.ops.client import Declined, Person

PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(64)


@pytest.fixture
def firms(servers: Callable[..., Server]) -> Iterator[tuple[Firm, Firm]]:
    server = servers("werkhof")
    first = Firm(server)
    second = Firm(server, "Steuerbüro Nord", setup=second_link(server), suffix="2")
    yield first, second
    first.close()
    second.close()


def second_link(server: Server) -> str:
    """The operator makes a link for another firm on the command line, while the provider runs."""
    return server.command("setup-link").strip().rsplit("#", 1)[-1]


def test_neither_firm_sees_the_other(firms: tuple[Firm, Firm]) -> None:
    here, there = firms
    secret = there.anna.say(there.workshop, "Mandantengeheimnis Zinnober")
    blob = there.anna.upload(there.workshop, PICTURE, "geheim.png")["hash"]
    for space in (there.workshop, there.anna.organisation, there.anna.account):
        for path in ("", "/messages", "/members", "/log", "/head", "/channels", "/invitations", "/call", "/films"):
            answer = here.anna.http.get(f"/api/spaces/{space}{path}")
            assert answer.status_code in (404, 405), (path, answer.text)
    assert here.anna.http.get(f"/blobs/{there.workshop}/{blob}").status_code == 404
    assert here.anna.http.get(f"/blobs/{here.workshop}/{blob}").status_code == 404
    assert here.anna.call("GET", "/api/search", params={"q": "Zinnober"}) == {"hits": []}
    assert secret not in here.anna.http.get("/api/me").text
    assert there.anna.call("GET", "/api/search", params={"q": "Zinnober"})["hits"][0]["id"] == secret


def test_stranger_cannot_write_into_the_other_firm(firms: tuple[Firm, Firm]) -> None:
    here, there = firms
    before = there.anna.call("GET", f"/api/spaces/{there.workshop}/head")["vector"]
    parcel = here.anna.parcel(
        there.workshop, "chat.message_posted.1",
        {"text": "ich bin auch da", "channel": None, "mentions": [], "files": [], "blobs": [], "reply_to": None},
        ah=[there.workshop],
    )[1]  # fmt: skip
    with pytest.raises(Declined, match=r"base\.unknown"):
        here.anna.submit([parcel])
    body = {"account": here.anna.account, "role": "owner"}
    intruder = here.anna.parcel(there.workshop, "authority.member_added.1", body, ah=[there.workshop])[1]
    with pytest.raises(Declined):
        here.anna.submit([intruder])
    assert there.anna.call("GET", f"/api/spaces/{there.workshop}/head")["vector"] == before


def test_guest_sees_the_one_space_and_nothing_else(firms: tuple[Firm, Firm]) -> None:
    here, _ = firms
    room = here.anna.create("Projekt Schule Nord", "private")
    guest = Person(here.anna.address, "Frau Bergmann")
    guest.join(here.anna.invite(room, role="guest"), "bergmann", PASSWORD)
    spaces = {
        space["id"] for space in guest.call("GET", "/api/me")["spaces"] if space["sort"] not in ("account", "personal")
    }
    assert spaces == {room}
    for space in (here.workshop, here.anna.organisation):
        with pytest.raises(Declined, match=r"404 base\.unknown"):
            guest.call("GET", f"/api/spaces/{space}/messages")
    with pytest.raises(Declined):
        guest.invite(room)
    with pytest.raises(Declined):
        guest.join_team(here.workshop)
    guest.close()
