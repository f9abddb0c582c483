"""A release whose page does not open: the browser goes back to the one before by itself."""

import re
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.flows.browser import WAIT_MS, Person, chromium
from tests.flows.server import PASSWORD, Firm, Server
from tests.flows.test_partners import eventually

pytestmark = pytest.mark.browser
BUILD = Path(__file__).parents[2] / "app" / "build"
WELL = """async (limit) => {
    const end = Date.now() + limit;
    while (Date.now() < end) {
        const held = await (await caches.open('verbund-trial')).match('/');
        if (held && (await held.json()).isWell) return true;
        await new Promise((then) => setTimeout(then, 50));
    }
    return false;
}"""
CODE = "performance.getEntriesByType('resource').filter((one) => one.name.endsWith('.js')).length"
#: A room of the sidebar is a script of its own, at least.
ROOMS = 4
LOOK = "async () => { await (await navigator.serviceWorker.getRegistration()).update(); }"


def release_that_does_not_open(app: Path) -> None:
    """The page's script is another than the one that its policy allows: a real way of a deployment to go wrong."""
    for name, pattern, new in (
        ("service-worker.js", re.compile(r"\b1\d{12}\b"), "1999999999999"),
        ("_app/version.json", re.compile(r"\b1\d{12}\b"), "1999999999999"),
        ("index.html", re.compile("const element"), "const  element"),
    ):
        file = app / name
        text, count = pattern.subn(new, file.read_text("utf-8"))
        assert count > 0, name
        file.unlink()  # the copy's; what is built stays
        file.write_text(text, "utf-8")
        for suffix in (".br", ".gz"):
            (app / (name + suffix)).unlink(missing_ok=True)


def load_without_worker(person: Person) -> None:
    """As a page that was just being opened while the first worker began: it is there and does not serve the page."""
    session = person.context.new_cdp_session(person.page)
    with person.page.expect_navigation():
        session.send("Page.reload", {"ignoreCache": True})


def test_broken_release_gives_way_to_the_one_before(tmp_path: Path) -> None:
    app = tmp_path / "app"
    shutil.copytree(BUILD, app)
    server = Server(tmp_path / "werkhof", app=str(app)).start()
    firm = Firm(server)
    try:
        with chromium() as browser:
            anna = Person(browser, "anna", server.address)
            anna.sign_in("anna", PASSWORD)
            anna.waits_for_shell()
            loaded = anna.page.evaluate(CODE)
            anna.context.set_offline(True)
            # The other rooms' code comes ahead, out of the shell that this browser keeps.
            eventually(lambda: bool(anna.page.evaluate(CODE) >= loaded + ROOMS))
            anna.context.set_offline(False)
            assert anna.page.evaluate(WELL, WAIT_MS)
            load_without_worker(anna)
            anna.waits_for_shell()
            release_that_does_not_open(app)
            anna.page.evaluate(LOOK)
            frame = anna.page.get_by_role("navigation").first
            anna.button("Übernehmen").click()
            expect(frame).to_have_count(0, timeout=WAIT_MS)
            anna.page.reload()
            expect(frame).to_have_count(0)
            anna.page.reload()
            expect(frame).to_be_visible(timeout=WAIT_MS)
            anna.go(f"/raum/{firm.workshop}")
            anna.says("geht trotzdem")
            anna.sees("geht trotzdem")
            anna.close()
    finally:
        firm.close()
        server.stop()
