"""The call and the film of the story, through the screens that people use: a real Janus, a real ffmpeg."""

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.flows.browser import WAIT_MS, Person, Watched, chromium
from tests.flows.server import PASSWORD, Firm, Server
from tests.flows.test_access import STILL
from tests.media.films import make

pytestmark = [pytest.mark.browser, pytest.mark.programs]
#: A film is prepared while the browsers play it, on the same processors.
FILM_MS = 180_000
FILM_S = 60
LEAVE_AT_S = 40
#: However slow the machine is.
LASTED = re.compile(r"unter einer Minute|\d+ Min")
#: A picture that comes: it has a size, and its time goes on.
PICTURE_GOES_ON = """async (limit) => {
    const end = Date.now() + limit;
    const pause = () => new Promise((then) => setTimeout(then, 100));
    const others = () => [...document.querySelectorAll('[aria-label^="Bühne"] video')];
    const begun = new Map();
    while (Date.now() < end) {
        for (const video of others().filter((one) => one.videoWidth > 0 && !begun.has(one)))
            begun.set(video, video.currentTime);
        const going = [...begun].filter(([video, since]) => video.isConnected && video.currentTime > since);
        if (going.length >= %d) return going.length;
        await pause();
    }
    return 0;
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    running = Server(tmp_path / "werkhof", meet="auto").start()
    yield running
    running.stop()


@pytest.fixture
def firm(server: Server) -> Iterator[Firm]:
    firm = Firm(server)
    yield firm
    firm.close()


def pictures(person: Person, count: int) -> None:
    """So many moving pictures are on the stage."""
    assert person.page.evaluate(PICTURE_GOES_ON % count, WAIT_MS), f"{person.name} does not see {count} pictures"


def control(person: Person, name: str) -> Locator:
    """A button of the call's bar, which the pointer wakes."""
    stage = person.page.get_by_role("region", name="Bühne des Videoanrufs")
    stage.hover(position={"x": 30, "y": 200})
    found: Locator = stage.get_by_role("toolbar", name="Steuerung des Anrufs").get_by_role("button", name=name)
    return found


def test_call_from_the_conversation_until_it_says_how_long_it_was(browser: Browser, server: Server, firm: Firm) -> None:
    anna, ben = Watched(browser, "Anna", server.address), Watched(browser, "Ben", server.address)
    room = f"/raum/{firm.workshop}"
    anna.sign_in("anna", PASSWORD, room)
    ben.sign_in("ben", PASSWORD, "/personen")
    anna.link("Videoanruf").first.click()
    expect(anna.page.get_by_role("heading", name="Bereit für den Videoanruf?")).to_be_visible(timeout=WAIT_MS)
    anna.button("Beitreten").click()
    ben.sees("Anna Lindner ruft an")
    ben.page.get_by_role("status").get_by_role("link", name="Teilnehmen").click()
    ben.button("Beitreten").click()
    for person in (anna, ben):
        pictures(person, 2)

    control(anna, "Mikrofon ausschalten").click()
    muted = ben.page.locator("figure", has_text="Anna Lindner")
    expect(muted.locator("figcaption svg").first).to_be_visible(timeout=WAIT_MS)
    control(anna, "Mikrofon einschalten").click()
    expect(muted.locator("figcaption svg")).to_have_count(0, timeout=WAIT_MS)

    control(ben, "Bildschirm teilen").click()
    ben.sees("Ihr Bildschirm wird geteilt")
    anna.sees("Bildschirm von Ben Krause")
    pictures(anna, 3)
    control(ben, "Teilen beenden").click()
    anna.sees_not("Bildschirm von Ben Krause")

    control(anna, "Auflegen").click()
    anna.page.wait_for_url(re.compile(re.escape(room)))
    control(ben, "Auflegen").click()
    for person in (anna, ben):
        expect(person.message("Videoanruf")).to_contain_text(LASTED, timeout=WAIT_MS)
        expect(person.message("Videoanruf")).to_contain_text("Anna")
        assert person.complaints == []
        assert person.outside == []
        person.close()


def position(person: Person) -> int:
    """Whole seconds, as the scrub bar tells them."""
    return int(person.page.get_by_role("slider", name="Stelle im Film").get_attribute("aria-valuenow") or 0)


def plays_beyond(person: Person, seconds: int) -> None:
    deadline = time.monotonic() + FILM_MS / 1000
    while position(person) < seconds:
        assert time.monotonic() < deadline, position(person)
        person.page.wait_for_timeout(100)


def test_film_from_the_dialog_until_the_other_browser_knows_where_one_was(
    browser: Browser, server: Server, firm: Firm, tmp_path: Path
) -> None:
    source = ["-f", "lavfi", "-i", f"testsrc2=size=320x180:rate=6:duration={FILM_S}"]
    sound = ["-f", "lavfi", "-i", f"sine=frequency=330:duration={FILM_S}"]
    path = make(tmp_path / "rundgang.mkv", *source, *sound, "-c:v", "mpeg4", "-q:v", "4", "-c:a", "flac")
    anna = Watched(browser, "Anna", server.address, **STILL)  # the library plays as long as somebody is there
    ben = Watched(browser, "Ben", server.address)
    anna.sign_in("anna", PASSWORD, "/mediathek")
    ben.sign_in("ben", PASSWORD, "/mediathek")
    ben.sees("Hier beginnt die Mediathek")
    anna.button("Ersten Film hinzufügen").click()
    dialog = anna.page.get_by_role("dialog")
    dialog.locator("input[type=file]").set_input_files(path)
    dialog.get_by_label("Titel").fill("Rundgang durch die Werkstatt")
    dialog.get_by_role("button", name="Hochladen").click()
    tile = anna.page.locator("[data-film]").first
    expect(tile).to_contain_text(re.compile(r"Wird aufbereitet|Schon ansehbar"), timeout=FILM_MS)

    ben.page.locator("[data-film][data-state=playable], [data-film][data-state=ready]").first.wait_for(timeout=FILM_MS)
    ben.page.get_by_role("link", name="Ansehen").first.click()
    plays_beyond(ben, 2)
    expect(tile).to_have_attribute("data-state", "ready", timeout=FILM_MS)
    ben.page.keyboard.press("6")
    plays_beyond(ben, LEAVE_AT_S)
    ben.page.keyboard.press("k")
    expect(ben.button("Abspielen (k)")).to_have_count(1)
    left = position(ben)
    ben.page.keyboard.press("Escape")
    expect(ben.page.get_by_role("heading", name="Weiterschauen")).to_be_visible(timeout=WAIT_MS)

    other = Watched(browser, "Ben woanders", server.address)
    other.sign_in("ben", PASSWORD, "/mediathek")
    row = other.page.locator("section", has=other.page.get_by_role("heading", name="Weiterschauen"))
    expect(row.get_by_text(re.compile(r"Weiter bei 0:[345]\d"))).to_be_visible(timeout=WAIT_MS)
    row.locator("[data-film]").click()
    plays_beyond(other, left - 1)
    for person in (anna, ben, other):
        assert person.complaints == []
        assert person.outside == []
        person.close()
