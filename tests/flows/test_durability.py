"""What was acknowledged is there after kill -9, once and in order."""

import threading

from tests.flows.server import Firm, Server, texts
from verbund.ops.client import Declined, Person


def test_nothing_acknowledged_is_lost_when_the_server_is_killed(server: Server, firm: Firm) -> None:
    acknowledged: dict[str, list[str]] = {"anna": [], "ben": []}

    def write(person: Person, name: str) -> None:
        for number in range(500):
            try:
                person.say(firm.workshop, f"{name} {number}")
            except (Declined, OSError, Exception):  # noqa: BLE001  # the server is shot under our feet
                return
            acknowledged[name].append(f"{name} {number}")

    writers = [
        threading.Thread(target=write, args=(firm.anna, "anna")),
        threading.Thread(target=write, args=(firm.ben, "ben")),
    ]
    for writer in writers:
        writer.start()
    while sum(map(len, acknowledged.values())) < 40:
        writers[0].join(0.01)
    server.kill()
    for writer in writers:
        writer.join()
    server.start()
    firm.anna.refresh()
    found: list[str] = []
    key = None
    while True:
        params = {"limit": 100} | ({"before": key} if key else {})
        page = firm.anna.call("GET", f"/api/spaces/{firm.workshop}/messages", params=params)
        found = [message["text"] for message in page["messages"]] + found
        if not page["more_before"]:
            break
        key = page["messages"][0]["t"] + page["messages"][0]["id"]
    for name, sent in acknowledged.items():
        kept = [text for text in found if text.startswith(name)]
        assert kept[: len(sent)] == sent
        assert len(kept) == len(set(kept))
    firm.anna.say(firm.workshop, "weiter")
    assert texts(firm.anna, firm.workshop)[-1] == "weiter"
