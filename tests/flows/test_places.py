"""Two operators agree by a code; Anna, who owns the firm, chooses the partner on a screen; the spaces arrive there."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from playwright.sync_api import Browser, expect

from tests.flows.browser import WAIT_MS, Person, chromium
from tests.flows.server import PASSWORD, Firm, Server
from tests.flows.test_access import DESK, SMALL_PHONE, check
from tests.flows.test_partners import at_partner, covers, eventually, vector_at
from tests.ports import free_port

pytestmark = pytest.mark.browser
READ = "async (path) => (await fetch(path)).text()"
NAME = "Südnetz 🪵 & Söhne"


class Pair(NamedTuple):
    werkhof: Server
    suednetz: Server
    firm: Firm


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    """Two providers that do not know each other, and Anna's firm at the one."""
    port = free_port()
    elsewhere = f"http://127.0.0.1:{port}"
    werkhof = Server(tmp_path / "werkhof", name="Werkhof", place="Kassel", contact="technik@werkhof.example")
    suednetz = Server(tmp_path / "suednetz", port, name=NAME, place="Freiburg", url=elsewhere)
    werkhof.start()
    suednetz.start()
    firm = Firm(werkhof)
    firm.anna.say(firm.workshop, "von Anfang an dabei")
    yield Pair(werkhof, suednetz, firm)
    firm.close()
    werkhof.stop()
    suednetz.stop()


def agree(pair: Pair) -> None:
    """What the two operators type."""
    code = pair.werkhof.command("partner", "invite").split("\n")[0]
    shown = pair.suednetz.command("partner", "join", code)
    assert "Werkhof (Kassel)" in shown
    assert "technik@werkhof.example" in shown
    assert "Es fehlt noch" in pair.suednetz.command("partner", "agree", "Werkhof", "--by", "Bea Süd", "--yes")
    eventually(lambda: "Bea Süd" in pair.werkhof.command("partner", "list"))
    said = pair.werkhof.command("partner", "agree", NAME, "--by", "Anton Werk", "--yes")
    assert f"Vereinbart mit {NAME}" in said
    eventually(lambda: "Anton Werk" in pair.suednetz.command("partner", "list"))


def at_the_screen(browser: Browser, pair: Pair, handle: str = "anna", **context: object) -> Person:
    person = Person(browser, handle, pair.werkhof.address, reduced_motion="reduce", **context)
    person.sign_in(handle, PASSWORD, f"/raum/{pair.firm.anna.organisation}/daten")
    return person


def test_anna_chooses_where_her_firm_lives(browser: Browser, pair: Pair) -> None:
    anna = at_the_screen(browser, pair, viewport=DESK)
    anna.sees("Ohne Partner steht alles, wenn Werkhof ausfällt.")
    anna.sees("Noch kein Partner")
    check(anna, "no partner yet")

    agree(pair)
    anna.button("Auch hier aufbewahren").click()
    anna.sees("Fassung 1")
    text = anna.link("Vereinbarung lesen").get_attribute("href")
    assert "Entwurf, ersetzt keine Rechtsberatung" in anna.page.evaluate(READ, text)
    check(anna, "before the choice")
    anna.button(f"Bei {NAME} aufbewahren").click()
    both = f"Die Bereiche von Tischlerei Lindner liegen bei Werkhof (Kassel) und {NAME} (Freiburg)."
    anna.sees(both)
    anna.sees("Fällt einer aus, arbeiten alle beim anderen weiter.")
    wanted = vector_at(pair.firm.anna, pair.firm.workshop)
    eventually(lambda: covers(at_partner(pair.suednetz, pair.firm.workshop), wanted))
    anna.sees("Auf dem neuesten Stand")
    check(anna, "two providers")
    eventually(lambda: "verbunden, zuletzt gleich" in pair.werkhof.command("partner", "list"))

    anna.page.set_viewport_size(SMALL_PHONE)
    anna.page.emulate_media(color_scheme="dark")
    anna.page.reload()
    anna.sees(both)
    check(anna, "two providers on a phone in the dark")
    ben = at_the_screen(browser, pair, "ben")
    ben.sees("Das lässt sich gerade nicht zeigen")
    assert anna.complaints == ben.complaints == []
    for person in (anna, ben):
        person.close()


def test_an_ended_partnership_is_named_and_left(browser: Browser, pair: Pair) -> None:
    agree(pair)
    anna = at_the_screen(browser, pair, viewport=DESK)
    anna.button("Auch hier aufbewahren").click()
    anna.button(f"Bei {NAME} aufbewahren").click()
    anna.sees("Fällt einer aus, arbeiten alle beim anderen weiter.")

    asked = pair.werkhof.tries("partner", "end", NAME)
    assert asked.returncode == 1
    assert "Tischlerei Lindner" in asked.stdout
    assert "vereinbart" in pair.werkhof.command("partner", "list")
    assert "Vorläufig beendet" in pair.werkhof.command("partner", "end", NAME, "--yes")
    pair.werkhof.command("confirm")
    eventually(lambda: "vom Partner beendet" in pair.suednetz.command("partner", "list"))
    anna.sees("Die Betreiber haben ihre Partnerschaft beendet")
    anna.sees("Ohne Partner steht alles, wenn Werkhof ausfällt.")
    check(anna, "an ended partnership")
    anna.button("Hier nicht mehr").click()
    anna.button("Nicht mehr aufbewahren").click()
    anna.sees(f"Anna Lindner möchte die Daten nicht mehr bei {NAME} aufbewahren.")
    check(anna, "what waits a day")
    ben_agrees(pair)
    expect(anna.page.get_by_text("Die Betreiber haben ihre Partnerschaft beendet")).to_have_count(0, timeout=WAIT_MS)
    anna.sees("Die Bereiche von Tischlerei Lindner liegen bei Werkhof (Kassel).")
    assert anna.complaints == []
    anna.close()


def ben_agrees(pair: Pair) -> None:
    """Ben is an owner too, and does not let the firm wait."""
    anna, ben = pair.firm.anna, pair.firm.ben
    firm = anna.organisation
    anna.refresh()
    anna.post(firm, "authority.role_changed.1", {"account": ben.account, "role": "owner"})
    ben.refresh()
    eventually(lambda: ben.call("GET", f"/api/spaces/{firm}/motions") != [])
    (motion,) = ben.call("GET", f"/api/spaces/{firm}/motions")
    assert motion["abilities"] == ["stop", "second"]
    ben.post(firm, "authority.motion_seconded.1", {"motion": motion["id"]}, [motion["id"]])


def test_codes_that_do_not_fit_say_so(pair: Pair) -> None:
    code = pair.werkhof.command("partner", "invite").split("\n")[0]
    for wrong, said in (
        (code[:-4], "unvollständig oder verändert"),
        ("verbund-partner-1-😀", "unvollständig oder verändert"),
        ("x" * 5_000, "unvollständig oder verändert"),
    ):
        tried = pair.suednetz.tries("partner", "join", wrong)
        assert (tried.returncode, said in tried.stderr) == (1, True), wrong
    own = pair.werkhof.tries("partner", "join", code)
    assert "für den anderen Betreiber" in own.stderr
    pair.suednetz.command("partner", "join", code)
    again = pair.suednetz.command("partner", "join", code)
    assert "Werkhof (Kassel)" in again
    assert "Noch kein Partner" not in pair.suednetz.command("partner", "list")
    unknown = pair.suednetz.tries("partner", "end", "Gibt es nicht", "--yes")
    assert "gibt es nicht" in unknown.stderr
