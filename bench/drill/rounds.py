"""The rounds of the drill: two people at two real providers; their own one dies or falls silent, nobody clicks."""

import os
import random
import signal
import time
from typing import Any, NamedTuple

from playwright.sync_api import Browser, Page

from tests.flows.browser import Person
from tests.flows.pair import Pair, at_work
from tests.flows.server import texts
from tests.flows.test_partners import at_partner, eventually, vector_at

WAIT_S = 30.0
LOOK_S = 0.01
#: So long people have been at work when it happens, at random: before and after a second connection waits.
AT_WORK_S = (2.0, 16.0)
#: Notes when which socket said what; the product knows nothing of it.
WATCH = """
window.heard = [];
window.WebSocket = class extends WebSocket {
    constructor(...given) {
        super(...given);
        this.addEventListener('message', ({ data }) => {
            const found = /^{"f":"(hello|ack)"/.exec(data);
            if (found) window.heard.push({ what: found[1], at: Date.now(), url: this.url });
        });
    }
};
"""
SEEN = """(text) => new Promise((seen) => {
    const look = () => document.body.innerText.includes(text) && (watch.disconnect(), seen(Date.now()));
    const watch = new MutationObserver(look);
    watch.observe(document.body, { subtree: true, childList: true, characterData: true });
    setTimeout(() => (watch.disconnect(), seen(null)), 30000);
    look();
})"""


class People(NamedTuple):
    """Anna writes, Ben reads."""

    anna: Person
    ben: Person


def come(browser: Browser, pair: Pair) -> People:
    """Both sign in at Werkhof, in browsers that note what their sockets hear."""
    people = People(at_work(browser, pair, "anna"), at_work(browser, pair, "ben"))
    for person in people:
        person.page.add_init_script(WATCH)
    return people


def at_home(people: People, pair: Pair) -> None:
    """Everything is equal, both are connected to their own provider."""
    eventually(pair.equal)
    for person in people:
        person.page.reload()
        heard(person.page, "hello", pair.werkhof.address, 0)
        person.page.locator("textarea").first.wait_for()


def interrupted(people: People, pair: Pair, what: int, text: str, chance: random.Random) -> dict[str, Any]:
    """Send Werkhof this signal just before Anna presses Enter: ms until Südnetz took it, until Ben reads it."""
    at_work_s = chance.uniform(*AT_WORK_S)
    time.sleep(at_work_s)
    people.anna.page.locator("textarea").first.fill(text)
    began = now_ms()
    os.kill(pair.werkhof.pid, what)
    people.anna.page.keyboard.press("Enter")
    read_at = people.ben.page.evaluate(SEEN, text)
    taken_at = heard(people.anna.page, "ack", pair.suednetz.address, began)
    assert read_at is not None, f"{text}: Ben never read it"
    return {"accepted_ms": taken_at - began, "read_ms": read_at - began, "at_work_s": round(at_work_s, 1)}


def opened(people: People, pair: Pair, text: str) -> int:
    """Anna opens the app anew while Werkhof is gone: ms until she reads and is connected."""
    began = now_ms()
    people.anna.page.reload(wait_until="commit")
    read_at = people.anna.page.evaluate(SEEN, text)
    assert read_at is not None, "the app did not open"
    return int(max(read_at, heard(people.anna.page, "hello", pair.suednetz.address, began)) - began)


def kill(people: People, pair: Pair, number: int, chance: random.Random) -> dict[str, Any]:
    """One death: measured, then the app is opened anew, then Werkhof comes back."""
    at_home(people, pair)
    text = f"Abschied {number} von Werkhof"
    found = interrupted(people, pair, signal.SIGKILL, text, chance)
    found["cold_open_ms"] = opened(people, pair, text)
    pair.werkhof.kill()
    pair.werkhof.start()
    return found


def silence(people: People, pair: Pair, number: int, chance: random.Random) -> dict[str, Any]:
    """Werkhof is stopped in the middle, and goes on later."""
    at_home(people, pair)
    try:
        return interrupted(people, pair, signal.SIGSTOP, f"Stille {number} bei Werkhof", chance)
    finally:
        os.kill(pair.werkhof.pid, signal.SIGCONT)


def heard(page: Page, what: str, address: str, since_ms: int) -> int:
    """When a socket to this provider first heard it."""
    deadline, url = time.monotonic() + WAIT_S, address.replace("http", "ws", 1) + "/"
    while time.monotonic() < deadline:
        for one in page.evaluate("window.heard || []"):
            if one["what"] == what and one["url"].startswith(url) and one["at"] >= since_ms:
                return int(one["at"])
        time.sleep(LOOK_S)
    raise AssertionError(f"no {what} from {address}")


def lost(pair: Pair, wanted: list[str]) -> int:
    """How many of the texts that were taken are not there in the end."""
    eventually(pair.equal)
    held = at_partner(pair.suednetz, pair.workshop)
    assert held == vector_at(pair.firm.anna, pair.workshop)
    return len(set(wanted) - set(texts(pair.firm.ben, pair.workshop)))


def now_ms() -> int:
    return time.time_ns() // 1_000_000
