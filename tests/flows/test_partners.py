"""Two real providers keep one space: the replica has the same entries, and more comes as it is written."""

import time
from collections.abc import Callable

import httpx

from tests.flows.server import Firm, Server
from tests.ports import free_port
from verbund.base.keys import DeviceKey
from verbund.ops.client import Person
from verbund.partners.identity import identity
from verbund.partners.requests import sign

WAIT_S = 60.0


def eventually(check: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not check():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.2)


def name_partner(person: Person, space: str, partner: Server, name: str = "Südnetz") -> None:
    shown = person.http.get(f"{partner.address}/api/partners/hello").json()
    body = {
        "provider": shown["provider"], "alg": shown["alg"], "key": shown["key"], "name": name,
        "url": partner.address,
    }  # fmt: skip
    person.post(space, "authority.provider_added.1", body)  # type: ignore[arg-type]


def test_space_lives_at_two_providers(servers: Callable[..., Server]) -> None:
    port = free_port()
    werkhof = servers("werkhof", port)
    suednetz = servers("suednetz", partners=f"http://localhost:{port}")
    firm = Firm(werkhof)
    firm.anna.say(firm.workshop, "vor der Partnerschaft 🪵")
    for space in (firm.anna.organisation, firm.workshop):
        name_partner(firm.anna, space, suednetz)
    firm.ben.say(firm.workshop, "danach")
    eventually(lambda: at_partner(suednetz, firm.workshop) == vector_at(firm.anna, firm.workshop))
    firm.anna.refresh()
    firm.anna.say(firm.workshop, "und noch etwas")
    eventually(lambda: at_partner(suednetz, firm.workshop) == vector_at(firm.anna, firm.workshop))
    assert same_messages(werkhof, suednetz, firm.workshop)
    firm.close()


def test_provider_that_was_killed_comes_back_equal(servers: Callable[..., Server]) -> None:
    port = free_port()
    werkhof = servers("werkhof", port)
    suednetz = servers("suednetz", partners=f"http://localhost:{port}")
    firm = Firm(werkhof)
    name_partner(firm.anna, firm.anna.organisation, suednetz)
    eventually(lambda: at_partner(suednetz, firm.workshop) != {})
    for killed in (suednetz, werkhof):
        killed.kill()
        if killed is suednetz:
            firm.anna.refresh()
            firm.anna.say(firm.workshop, "geht auch allein")
        killed.start()
        firm.anna.refresh()
        firm.anna.say(firm.workshop, "wieder da")
        wanted = at_partner(werkhof, firm.workshop)
        eventually(lambda wanted=wanted: covers(at_partner(suednetz, firm.workshop), wanted))  # type: ignore[misc]
    # Whoever is there says for the other that the room follows the firm: both may have written.
    eventually(lambda: at_partner(suednetz, firm.workshop) == at_partner(werkhof, firm.workshop))
    assert same_messages(werkhof, suednetz, firm.workshop)
    firm.close()


def test_partner_that_no_space_names_gets_nothing(server: Server, firm: Firm) -> None:
    url = f"{server.address}/partners/bytes/{firm.workshop}/blob/{firm.workshop}"
    assert firm.anna.http.get(url).status_code == 401
    root, device = DeviceKey.generate(), DeviceKey.generate()
    for signer, status in ((DeviceKey.generate(), 401), (root, 401), (device, 404)):
        asked = httpx.Request("GET", url)
        sign(identity(root, device, 1), signer, asked, time.time_ns() // 1_000_000)
        assert firm.anna.http.get(url, headers=asked.headers).status_code == status
    assert firm.anna.http.get(f"{url}x", headers=asked.headers).status_code == 401


def vector_at(person: Person, space: str) -> dict[str, int]:
    vector: dict[str, int] = person.call("GET", f"/api/spaces/{space}/head")["vector"]
    return vector


def at_partner(partner: Server, space: str) -> dict[str, int]:
    """The partner's vector of a space, read from its store: nobody of the firm has an account there."""
    import sqlite3

    with sqlite3.connect(f"file:{partner.data / 'verbund.db'}?mode=ro", uri=True) as connection:
        rows = connection.execute("SELECT provider, incarnation, seq FROM sublog WHERE space = ?", (space,))
        found = {f"{provider}.{incarnation}": seq for provider, incarnation, seq in rows}
    connection.close()
    return found


def covers(held: dict[str, int], wanted: dict[str, int]) -> bool:
    """Whether everything is there; more may have come meanwhile."""
    return all(held.get(key, 0) >= seq for key, seq in wanted.items())


def same_messages(one: Server, other: Server, space: str) -> bool:
    """The folded rows of both stores, without what is local to each (position)."""
    import sqlite3

    found = []
    for server in (one, other):
        connection = sqlite3.connect(f"file:{server.data / 'verbund.db'}?mode=ro", uri=True)
        query = (
            "SELECT core.id, of.text, author.text, chat.t, chat.text, edit, withdrawn FROM chat_message AS chat"
            " JOIN core USING (position) JOIN word AS here ON here.number = chat.space"
            " JOIN word AS of ON of.number = channel JOIN word AS author ON author.number = chat.author"
            " WHERE here.text = ? ORDER BY chat.t, core.id"
        )
        found.append(connection.execute(query, (space,)).fetchall())
        connection.close()
    return len(found[0]) > 0 and found[0] == found[1]
