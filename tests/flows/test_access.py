"""Every screen of the frame for everybody: no findings of axe, nothing wider than a small phone, light and dark."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, expect

from tests.flows.browser import Person, Watched, chromium
from tests.flows.server import Server
from tests.flows.test_story import invite, make_space, set_up

pytestmark = pytest.mark.browser
AXE = Path("app/node_modules/axe-core/axe.min.js")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
#: What fades or turns is in between; what goes on for ever (a wheel, a skeleton) is not waited for.
SETTLED = """(async () => {
    const ends = (one) => one.playState === 'running' && Number.isFinite(one.effect?.getComputedTiming().endTime);
    while (document.getAnimations().some(ends))
        await Promise.allSettled(document.getAnimations().filter(ends).map((one) => one.finished));
})()"""
#: What is cut off at a side, though nobody can scroll to it: a page that stands still is no wider for it.
CUT_OFF = """() => [...document.querySelectorAll('button, a, input, select, textarea, h1, h2, p')].filter((one) => {
    const box = one.getBoundingClientRect();
    if (box.width === 0 || !one.checkVisibility({ visibilityProperty: true, opacityProperty: true })) return false;
    if (box.left >= -1 && box.right <= document.documentElement.clientWidth + 1) return false;
    for (let up = one; up !== null; up = up.parentElement) {
        const style = getComputedStyle(up);
        if (['auto', 'scroll'].includes(style.overflowX) || style.clipPath !== 'none') return false;
    }
    return true;
}).map((one) => `${one.tagName} ${one.ariaLabel ?? one.textContent.trim().slice(0, 40)}`)"""
#: Which of them look at colours.
COLOURS = ["color-contrast", "link-in-text-block"]
LOOKS: tuple[tuple[Literal["light", "dark"], list[str]], ...] = (("light", RULES), ("dark", COLOURS))
STILL: dict[str, Any] = {"reduced_motion": "reduce"}
SMALL_PHONE = {"width": 360, "height": 740}
DESK = {"width": 1440, "height": 900}
PASSWORD = "lange genug und nirgends sonst"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


def findings(person: Person, rules: list[str]) -> list[Any]:
    """What axe finds on the page: rule and places. It runs beside the content policy, which lets nothing in."""
    session = person.context.new_cdp_session(person.page)
    session.send("Runtime.evaluate", {"expression": SETTLED, "awaitPromise": True})
    known = session.send("Runtime.evaluate", {"expression": "typeof axe", "returnByValue": True})
    if known["result"]["value"] == "undefined":
        session.send("Runtime.evaluate", {"expression": AXE.read_text() + ";0"})
    wanted = json.dumps({"runOnly": rules, "resultTypes": ["violations"]})
    ask = f"axe.run({wanted}).then(({{violations}}) => JSON.stringify(violations.map("
    ask += "one => [one.id, ...one.nodes.map(node => node.target.join(' ') + ': ' + node.failureSummary)])))"
    answer = session.send("Runtime.evaluate", {"expression": ask, "awaitPromise": True, "returnByValue": True})
    session.detach()
    found: list[Any] = json.loads(answer["result"]["value"])
    return found


def check(person: Person, where: str, rules: list[str] = RULES) -> None:
    assert findings(person, rules) == [], where
    wide = person.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, f"{where} is {wide} px too wide"
    assert person.page.evaluate(CUT_OFF) == [], where


def check_looks(person: Person, where: str) -> None:
    """Light and dark, where nothing changes but colours."""
    for looks, rules in LOOKS:
        person.page.emulate_media(color_scheme=looks)
        check(person, f"{where}, {looks}", rules)


def check_rooms(person: Person, space: str, people: str) -> None:
    """The rooms of the frame, each once its content is there."""
    rooms = {
        "/": "Guten ",
        f"/raum/{space}": "Hier beginnt",
        f"/raum/{space}/einstellungen": "Bereich verlassen",
        "/personen": people,
        "/gespraeche": "Direkt",
        "/mehr": "Abmelden",
        "/konto": "Dieses Gerät",
        "/konto/notfallkarte": "Notfallkarte anlegen",
        "/konto/geraet": "Wartet auf das neue Gerät",
        "/gibt-es-nicht": "Hier ist nichts",
    }
    for path, text in rooms.items():
        person.walk(path)
        expect(person.page.get_by_role("main").get_by_text(text).first).to_be_visible()
        check(person, path)


def test_every_screen_is_for_everybody(browser: Browser, tmp_path: Path) -> None:
    server = Server(tmp_path / "werkhof").start()
    try:
        anna = Watched(browser, "anna", server.address, viewport=DESK, **STILL)
        for path, text in (
            ("/anmelden", "Anmeldename"),
            ("/passwort", "Passwort vergessen"),
            ("/willkommen", "Es fehlt der Link"),
            ("/notfall", "Kartennummer"),
            ("/geraet", "Dieses Gerät hinzufügen"),
        ):
            anna.go(path)
            anna.sees(text)
            check(anna, path)
        set_up(anna, server)
        anna.sees("Drei Schritte")
        check(anna, "first day")
        make_space(anna, "Werkstatt")
        space = anna.page.url.split("/raum/")[1]
        anna.page.keyboard.press("Control+k")
        expect(anna.page.get_by_role("combobox")).to_be_focused()
        check(anna, "the field for everything")
        anna.page.keyboard.press("Escape")
        check_rooms(anna, space, "Noch ist niemand sonst hier")

        stranger = Watched(browser, "stranger", server.address, viewport=SMALL_PHONE, **STILL, color_scheme="dark")
        stranger.go(invite(anna, space))
        stranger.sees("lädt Sie ein")
        check(stranger, "invitation")
        stranger.page.get_by_label("Ihr Name").fill("Ben Krause")
        stranger.page.get_by_label("Passwort", exact=True).last.fill(PASSWORD)
        stranger.button("Beitreten").click()
        stranger.sees("Hier beginnt")
        check_rooms(stranger, space, "Anna Lindner")
        assert anna.complaints == stranger.complaints == []
        assert anna.outside == stranger.outside == []
    finally:
        server.stop()
