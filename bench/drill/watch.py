"""What people can do, noted in their own pages: when a message was typed, read; when picture, sound or film moved on.

A *beat* is a moment at which a function worked. Nobody clicks: the page types by itself.
"""

import itertools
import threading
import time
from typing import Any

import httpx
from playwright.sync_api import Page

from verbund.ops.client import Declined, Person

#: How often a function is tried; what is longer than this between two beats is an interruption.
CADENCE_MS = {"messages": 500, "sign_in": 1_000, "film": 200, "call": 300, "open": 0}
STAGGER_S, TRY_S = 0.25, 1.5
#: Types a numbered message at once and then every half second, as fingers would.
TYPE = """([mark, every]) => {
    window.typed = [];
    clearInterval(window.typing);
    const value = Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, 'value').set;
    const type = () => {
        const box = document.querySelector('textarea');
        if (!box) return;
        const text = `${mark} ${window.typed.length}`;
        value.call(box, text);
        box.dispatchEvent(new Event('input', { bubbles: true }));
        box.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, cancelable: true }));
        window.typed.push(Date.now());
    };
    type();
    window.typing = setInterval(type, every);
}"""
STOP_TYPING = "() => (clearInterval(window.typing), window.typed)"
#: Notes when each numbered message was first seen.
READ = """(mark) => {
    window.read = {};
    window.reading?.disconnect();
    const wanted = new RegExp(`${mark} (\\\\d+)`, 'g');
    const look = (node) => {
        for (const [, number] of (node.textContent ?? '').matchAll(wanted)) window.read[number] ??= Date.now();
    };
    window.reading = new MutationObserver((changes) => {
        for (const change of changes) {
            if (change.type === 'characterData') look(change.target);
            for (const node of change.addedNodes) look(node);
        }
    });
    window.reading.observe(document, { subtree: true, childList: true, characterData: true });
}"""
#: A beat whenever the film has moved on; in `still` the longest time that it did not, 0 below two looks.
FILM = """() => {
    window.beats = [];
    window.still = 0;
    clearInterval(window.watching);
    let at = -1;
    let still = 0;
    let looked = Date.now();
    window.watching = setInterval(() => {
        const film = document.querySelector('video');
        const now = Date.now();
        // A page that had no turn to look knows of one step only.
        still = film && film.currentTime !== at ? 0 : still + Math.min(now - looked, 100);
        window.still = Math.max(window.still, still > 100 ? still : 0);
        if (still === 0) (at = film.currentTime), window.beats.push(now);
        looked = now;
    }, 50);
}"""
#: A beat whenever sound of somebody has come, over whichever connection.
CALL = """() => {
    window.beats = [];
    const heard = new WeakMap();
    setInterval(async () => {
        for (const one of window.connections ?? []) {
            if (one.connectionState !== 'connected') continue;
            let packets = 0;
            for (const stat of (await one.getStats()).values())
                if (stat.type === 'inbound-rtp' && stat.kind === 'audio') packets += stat.packetsReceived;
            if (packets > (heard.get(one) ?? 0)) window.beats.push(Date.now());
            heard.set(one, packets);
        }
    }, 150);
}"""


class Messages:
    """Anna's page types, Ben's page reads."""

    def __init__(self, writer: Page, reader: Page) -> None:
        self._writer, self._reader, self._mark = writer, reader, ""
        self.typed: list[int] = []

    def begin(self, mark: str) -> None:
        self._mark = mark
        self._reader.evaluate(READ, mark)
        self._writer.evaluate(TYPE, [mark, CADENCE_MS["messages"]])

    def stop(self) -> None:
        self.typed = [int(at) for at in self._writer.evaluate(STOP_TYPING)]

    def read(self, wait_s: float) -> list[dict[str, int]]:
        """[{at: typed, read: seen by the other or 0}], after waiting for the last of them."""
        deadline = time.monotonic() + wait_s
        while len(read := self._reader.evaluate("() => window.read")) < len(self.typed):
            if time.monotonic() > deadline:
                break
            time.sleep(0.1)
        return [{"at": at, "read": int(read.get(str(number), 0))} for number, at in enumerate(self.typed)]

    def texts(self) -> list[str]:
        """What was typed since the beginning."""
        return [f"{self._mark} {number}" for number in range(len(self.typed))]


class Door:
    """Somebody signs in by the key of a known device, again and again, wherever a provider answers."""

    def __init__(self, person: Person, addresses: list[str]) -> None:
        self._person, self._addresses = person, addresses
        self.beats: list[int] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="door", daemon=True)

    def start(self) -> "Door":
        self._thread.start()
        return self

    def stop(self) -> list[int]:
        self._over.set()
        self._thread.join()
        return self.beats

    def _run(self) -> None:
        while not self._over.is_set():
            began = time.monotonic()
            if any(self._enters(address) for address in self._addresses):
                self.beats.append(now_ms())
            self._over.wait(max(0.0, CADENCE_MS["sign_in"] / 1000 - (time.monotonic() - began)))

    def _enters(self, address: str) -> bool:
        return entered(self._person, address, TRY_S) is not None


def entered(person: Person, address: str, timeout_s: float) -> str | None:
    """A token at this provider by the device's key alone; None where nobody answers, or says no."""
    there = Person(address, person.name, person.key, secure=person.secure)
    there.http.timeout = httpx.Timeout(timeout_s)
    try:
        there.come_in(person.account)
    except (httpx.HTTPError, Declined):
        return None
    finally:
        there.close()
    return there.token


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def longest(beats: list[int], begin: int, end: int, cadence_ms: int) -> int:
    """The longest time without a beat, beyond the rhythm in which it was tried."""
    inside = [begin, *sorted(at for at in beats if begin <= at <= end), end]
    return max(0, max(later - earlier for earlier, later in itertools.pairwise(inside)) - cadence_ms)


def told(messages: list[dict[str, int]]) -> dict[str, Any]:
    """Of messages: the beats, the longest wait from typing to reading, how many were never read."""
    waits = [one["read"] - one["at"] for one in messages if one["read"]]
    return {
        "beats": sorted(one["read"] for one in messages if one["read"]),
        "longest_ms": max(waits, default=0), "unread": sum(1 for one in messages if not one["read"]),
    }  # fmt: skip
