"""What a signed-in first load transfers, as the browser counts it; the service worker's store is left out.

The browser asks for gzip alone, so that the figure does not depend on what else it and the server could agree on.
"""

from typing import Any

from playwright.sync_api import Browser, Page

from bench.app.people import WAIT_MS, sign_in, wait_until_quiet

#: What counts as the app; answers of the interface and pictures of people do not.
KINDS = ("Document", "Stylesheet", "Script", "Font")


def first_loads(browser: Browser, address: str, places: dict[str, str], samples: int) -> list[dict[str, Any]]:
    """`samples` loads of each place (figure → path): kB of the bodies, bytes with headers, bytes by kind."""
    context = browser.new_context(locale="de-DE", viewport={"width": 1280, "height": 800}, service_workers="block")
    page = context.new_page()
    sign_in(page, address)
    found = [
        {"figure": figure, **load(page, address + path)} for _ in range(samples) for figure, path in places.items()
    ]
    context.close()
    return found


def load(page: Page, url: str) -> dict[str, Any]:
    """One load with an empty cache."""
    page.goto("about:blank")
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.setExtraHTTPHeaders", {"headers": {"Accept-Encoding": "gzip"}})
    session.send("Network.clearBrowserCache")
    counted = Counted()
    session.on("Network.responseReceived", counted.received)
    session.on("Network.dataReceived", counted.data)
    session.on("Network.loadingFinished", counted.finished)
    page.goto(url, timeout=WAIT_MS)
    wait_until_quiet(page)
    session.detach()
    # The network domain tells a document's bytes before its request has this name: the page itself knows them.
    document = page.evaluate("performance.getEntriesByType('navigation')[0].encodedBodySize")
    return counted.sums(int(document))


class Counted:
    """Bytes per request."""

    def __init__(self) -> None:
        self.kinds: dict[str, str] = {}
        self.bodies: dict[str, int] = {}
        self.wires: dict[str, int] = {}
        self.encodings: set[str] = set()

    def received(self, event: dict[str, Any]) -> None:
        self.kinds[event["requestId"]] = event["type"]
        headers = {name.lower(): value for name, value in event["response"]["headers"].items()}
        self.encodings.add(headers.get("content-encoding", ""))

    def data(self, event: dict[str, Any]) -> None:
        request = event["requestId"]
        self.bodies[request] = self.bodies.get(request, 0) + event["encodedDataLength"]

    def finished(self, event: dict[str, Any]) -> None:
        self.wires[event["requestId"]] = int(event["encodedDataLength"])

    def sums(self, document: int) -> dict[str, Any]:
        assert self.encodings <= {"", "gzip"}, f"the server did not answer with gzip: {self.encodings}"
        of = {kind: [one for one, sort in self.kinds.items() if sort == kind] for kind in KINDS}
        kinds = {kind.lower(): sum(self.bodies.get(one, 0) for one in ones) for kind, ones in of.items()}
        kinds["document"] = document
        wire = sum(self.wires.get(one, 0) for ones in of.values() for one in ones)
        files = sum(len(ones) for ones in of.values())
        return {"value": sum(kinds.values()) / 1000, "wire_bytes": wire, "files": files, "kinds": kinds}
