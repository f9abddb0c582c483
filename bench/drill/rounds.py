"""The rounds of the drill: two people at two real providers; their own one dies or falls silent, nobody clicks."""

import os
import random
import signal
import sqlite3
import time
from collections.abc import Iterable
from contextlib import closing
from typing import Any, NamedTuple

from playwright.sync_api import Browser, Page

from tests.flows.browser import Person
from tests.flows.pair import Pair, at_work
from tests.flows.server import Server
from tests.flows.test_partners import eventually

WAIT_S = 30.0
#: What did not happen within that counts as so long.
NEVER_MS = 30_000
LOOK_S = 0.01
#: So long people have been at work when it happens, at random: before and after a second connection waits (5 to 10 s).
AT_WORK_S = (1.0, 12.0)
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
    watch.observe(document, { subtree: true, childList: true, characterData: true });
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
        assert heard(person.page, "hello", pair.werkhof.address, 0), f"{person.name} does not come home"
        person.page.locator("textarea").first.wait_for()


def interrupted(people: People, pair: Pair, what: int, text: str, chance: random.Random) -> dict[str, Any]:
    """Send Werkhof this signal just before Anna presses Enter: ms until Südnetz took it, until Ben reads it."""
    at_work_s = chance.uniform(*AT_WORK_S)
    time.sleep(at_work_s)
    people.anna.page.locator("textarea").first.fill(text)
    began = now_ms()
    os.kill(pair.werkhof.pid, what)
    people.anna.page.keyboard.press("Enter")
    read_at = people.ben.page.evaluate(SEEN, text) or began + NEVER_MS
    taken_at = heard(people.anna.page, "ack", pair.suednetz.address, began) or began + NEVER_MS
    return {"accepted_ms": taken_at - began, "read_ms": read_at - began, "at_work_s": round(at_work_s, 1)}


def opened(people: People, pair: Pair, text: str) -> int:
    """Anna opens the app anew while Werkhof is gone: ms until she reads and is connected."""
    began = now_ms()
    people.anna.page.reload(wait_until="commit")
    read_at = people.anna.page.evaluate(SEEN, text)
    here_at = heard(people.anna.page, "hello", pair.suednetz.address, began)
    return max(read_at, here_at) - began if read_at and here_at else NEVER_MS


def kill(people: People, pair: Pair, text: str, chance: random.Random) -> dict[str, Any]:
    """One death: measured, then the app is opened anew, then Werkhof comes back."""
    at_home(people, pair)
    found = interrupted(people, pair, signal.SIGKILL, text, chance)
    found["cold_open_ms"] = opened(people, pair, text)
    pair.werkhof.kill()
    pair.werkhof.start()
    return found


def silence(people: People, pair: Pair, text: str, chance: random.Random) -> dict[str, Any]:
    """Werkhof is stopped in the middle, and goes on later."""
    at_home(people, pair)
    try:
        return interrupted(people, pair, signal.SIGSTOP, text, chance)
    finally:
        os.kill(pair.werkhof.pid, signal.SIGCONT)


def heard(page: Page, what: str, address: str, since_ms: int) -> int:
    """When a socket to this provider first heard it; 0 when it does not within WAIT_S."""
    deadline, url = time.monotonic() + WAIT_S, address.replace("http", "ws", 1) + "/"
    while time.monotonic() < deadline:
        for one in page.evaluate("window.heard || []"):
            if one["what"] == what and one["url"].startswith(url) and one["at"] >= since_ms:
                return int(one["at"])
        time.sleep(LOOK_S)
    return 0


def missing(servers: Iterable[Server], space: str, texts: Iterable[str]) -> int:
    """How many of these are not at every provider, or there twice."""
    wanted = set(texts)
    found = []
    for server in servers:
        found.append([text for text in said_at(server, space) if text in wanted])
    return sum(len(wanted - set(held)) + len(held) - len(set(held)) for held in found)


def said_at(server: Server, space: str) -> list[str]:
    """Every message of a space, as this provider's store has it: who reads a page sees the newest hundred only."""
    found = (
        "SELECT chat.text FROM chat_message AS chat JOIN word AS here ON here.number = chat.space"
        " WHERE here.text = ? AND chat.text IS NOT NULL"
    )
    with closing(sqlite3.connect(f"file:{server.data / 'verbund.db'}?mode=ro", uri=True)) as store:
        return [text for (text,) in store.execute(found, (space,))]


def now_ms() -> int:
    return time.time_ns() // 1_000_000
