"""The essential chapters in Firefox ESR: set up, be joined, talk, go on while the server is away."""

import time
from pathlib import Path

import pytest

from tests.flows.firefox import FIREFOX, Firefox
from tests.flows.server import PASSWORD, Server, texts
from verbund.ops.client import Person

pytestmark = [pytest.mark.browser, pytest.mark.skipif(FIREFOX is None, reason="firefox-esr is not installed")]
ENTER = "\ue007"
ARRIVE_TIMEOUT_S = 60.0
HELD = "return navigator.serviceWorker?.controller != null"


def test_essentials_in_firefox(tmp_path: Path) -> None:
    server = Server(tmp_path / "werkhof").start()
    firefox = Firefox(tmp_path / "profile")
    try:
        firefox.go(f"{server.address}/willkommen#{server.setup}")
        firefox.type("Name der Firma", "Tischlerei Lindner")
        firefox.click("Weiter")
        firefox.type("Ihr Name", "Anna Lindner")
        firefox.click("Weiter")
        firefox.type("Anmeldename", "anna")
        firefox.type("Passwort", PASSWORD)
        firefox.click("Verbund öffnen")
        firefox.sees("Drei Schritte")
        firefox.click("Neuer Bereich")
        firefox.type("Name", "Werkstatt")
        firefox.click("Anlegen")
        firefox.sees("Hier beginnt")
        space = firefox.run("return location.pathname").rpartition("/")[2]
        ben = join(firefox, server, space)
        firefox.go(f"{server.address}/raum/{space}")
        ben.say(space, "Moin Anna")
        firefox.sees("Moin Anna")
        firefox.type("Nachricht an Allgemein", f"Guten Morgen 🪵{ENTER}")
        firefox.until("return [...document.querySelectorAll('article')].some((one) => one.innerText.includes('Guten'))")
        firefox.until(HELD)
        server.kill()
        firefox.go(f"{server.address}/raum/{space}")
        firefox.sees("Moin Anna")
        firefox.type("Nachricht an Allgemein", f"offline eins{ENTER}")
        firefox.sees("offline eins")
        firefox.type("Nachricht an Allgemein", f"offline zwei{ENTER}")
        firefox.sees("offline zwei")
        server.start()
        ben.say(space, "wieder da")
        firefox.sees("wieder da")
        arrive(ben, space, "offline zwei")
        said = texts(ben, space)
        assert [said.count(one) for one in ("Guten Morgen 🪵", "offline eins", "offline zwei")] == [1, 1, 1]
        assert said.index("offline eins") < said.index("offline zwei")
        ben.close()
    finally:
        firefox.close()
        server.stop()


def arrive(person: Person, space: str, text: str) -> None:
    """Wait until the server has a message."""
    deadline = time.monotonic() + ARRIVE_TIMEOUT_S
    while text not in texts(person, space):
        assert time.monotonic() < deadline, f"{text} did not arrive"
        time.sleep(0.2)


def join(firefox: Firefox, server: Server, space: str) -> Person:
    """Ben follows the link that Anna made in Firefox: one ticket for the firm, one for the space."""
    firefox.go(f"{server.address}/raum/{space}/einstellungen")
    firefox.click("Einladen")
    firefox.click("Link erzeugen")
    link = firefox.until("return document.querySelector('dialog[open] input[readonly]')?.value")
    address, _, parts = link.partition("#")
    each = parts.split(".")
    tickets = {each[at]: f"{address}#{'.'.join(each[at : at + 3])}" for at in range(0, len(each), 3)}
    workshop = tickets.pop(space)
    [firm] = tickets.values()
    ben = Person(server.address, "Ben Krause")
    ben.join(firm, "ben", PASSWORD)
    ben.enter(workshop)
    return ben
