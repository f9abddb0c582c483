"""A person at a browser: Debian's Chromium, German, driven as a hand would."""

import atexit
import functools
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect, sync_playwright

CHROMIUM = "/usr/bin/chromium"
#: The same engine without a window around it: two thirds of the processor time for whoever signs in.
WINDOWLESS = "/usr/bin/chromium-headless-shell"
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream", "--autoplay-policy=no-user-gesture-required", "--mute-audio",
    "--disable-renderer-backgrounding", "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows", "--allow-loopback-in-peer-connection",
)  # fmt: skip
#: Encoding pictures in several sizes is what a call costs a machine without a camera; who only looks whether they come
#: needs few, and small ones. These are sent in two sizes.
CAMERA_WIDTH, CAMERA_HEIGHT, CAMERA_FPS, CAMERA_FRAMES = 640, 360, 8, 4
#: However slow the machine is: what is right comes at once on a quiet one.
WAIT_MS = 90_000
expect.set_options(timeout=WAIT_MS)
#: Playwright's own waiting evaluates strings in the page, which the content policy forbids.
SHELL_HELD = """async (limit) => {
    const end = Date.now() + limit;
    while (!navigator.serviceWorker.controller && Date.now() < end) await new Promise((then) => setTimeout(then, 50));
    return navigator.serviceWorker.controller !== null;
}"""
#: How far the service worker came, and how many files each cache holds.
REGISTERED = """async () => {
    const found = await navigator.serviceWorker.getRegistrations();
    const told = found.map((one) => `${one.scope}: ${['installing', 'waiting', 'active'].map(
        (state) => `${state} ${one[state]?.state ?? 'none'}`).join(', ')}`);
    const kept = await Promise.all((await caches.keys()).map(
        async (name) => `${name} ${(await (await caches.open(name)).keys()).length}`));
    return [...told, ...kept].join('; ');
}"""
FOLLOW_LINK = """(path) => {
    const link = Object.assign(document.createElement('a'), { href: path });
    document.querySelector('main').append(link);
    link.click();
    link.remove();
}"""
#: Keeps the page's connections for media where `CONNECTIONS` finds them.
KEEP_CONNECTIONS = """(() => {
    const Native = window.RTCPeerConnection;
    window.connections = [];
    window.RTCPeerConnection = class extends Native {
        constructor(...given) { super(...given); window.connections.push(this); }
    };
})()"""
CONNECTIONS = """async () => {
    const told = [];
    for (const one of window.connections ?? []) {
        const flows = [];
        if (one.connectionState !== 'closed')
            for (const found of (await one.getStats()).values())
                if (/bound-rtp$/.test(found.type))
                    flows.push([found.type, found.kind, found.mid, found.bytesSent ?? found.bytesReceived].join(' '));
        told.push([one.connectionState, one.iceConnectionState, one.signalingState, ...flows].join(', '));
    }
    return told.join('\\n');
}"""


@functools.cache
def small_camera() -> str:
    """The flag for a camera that shows a bar walking over grey; the file goes with the process."""
    folder = tempfile.TemporaryDirectory()
    atexit.register(folder.cleanup)
    film = Path(folder.name) / "camera.y4m"
    with film.open("wb") as file:
        file.write(f"YUV4MPEG2 W{CAMERA_WIDTH} H{CAMERA_HEIGHT} F{CAMERA_FPS}:1 Ip A1:1 C420jpeg\n".encode())
        for at in range(CAMERA_FRAMES):
            row = bytearray(b"\x60" * CAMERA_WIDTH)
            step = CAMERA_WIDTH // CAMERA_FRAMES
            row[at * step : (at + 1) * step] = b"\xc0" * step
            colours = b"\x80" * (CAMERA_WIDTH * CAMERA_HEIGHT // 2)
            file.write(b"FRAME\n" + bytes(row) * CAMERA_HEIGHT + colours)
    return f"--use-file-for-fake-video-capture={film}"


class Kept:
    """Browsers that stay for whoever asks for the same one next: starting one and what drives it takes a second of
    processor time. What drives them has this thread's loop: it ends before anything else that needs one."""

    #: In the tests; None: each browser ends with whoever started it.
    here: ClassVar["Kept | None"] = None

    def __init__(self) -> None:
        self._playwright: Playwright | None = None
        self._browsers: dict[tuple[str, ...], Browser] = {}
        self._lent = 0

    @contextmanager
    def lend(self, program: str, flags: tuple[str, ...]) -> Iterator[Browser]:
        """What is open in it when it is given back, but was not when it was lent, is closed."""
        browser = self._browsers.get((program, *flags))
        if browser is None or not browser.is_connected():
            self._playwright = self._playwright or sync_playwright().start()
            browser = self._playwright.chromium.launch(executable_path=program, args=flags)
            self._browsers[program, *flags] = browser
        before = browser.contexts
        self._lent += 1
        try:
            yield browser
        finally:
            self._lent -= 1
            for context in [one for one in browser.contexts if one not in before]:
                Person.open[:] = [one for one in Person.open if one.context != context]
                context.close()

    def end(self) -> None:
        """All of them, unless somebody is at one."""
        if self._lent or self._playwright is None:
            return
        for browser in self._browsers.values():
            browser.close()
        self._browsers.clear()
        self._playwright.stop()
        self._playwright = None


@contextmanager
def chromium(*flags: str, whole: bool = False) -> Iterator[Browser]:
    """One browser; people get contexts of their own in it. `whole`: as people have it, for the essential."""
    program = CHROMIUM if whole or not Path(WINDOWLESS).exists() else WINDOWLESS
    all_flags = (*FLAGS, *(() if whole else (small_camera(),)), *flags)
    if Kept.here is not None:
        with Kept.here.lend(program, all_flags) as browser:
            yield browser
        return
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=all_flags)
        yield browser
        browser.close()


class Person:
    """Somebody at a page. What the page complains of is kept: a story ends with no complaint."""

    #: Everybody whose page is open: for the pictures of a story that failed.
    open: ClassVar[list["Person"]] = []
    #: A story failed while this page was open: nobody goes on with it.
    is_doubtful = False

    def __init__(self, browser: Browser, name: str, address: str, **context: Any) -> None:
        options: dict[str, Any] = {"locale": "de-DE", "viewport": {"width": 1280, "height": 800}, **context}
        self.name, self.address = name, address
        self.context: BrowserContext = browser.new_context(**options)
        self.context.set_default_timeout(WAIT_MS)
        self.context.add_init_script(KEEP_CONNECTIONS)
        self.complaints: list[str] = []
        self.page: Page = self._tab()
        Person.open.append(self)

    def _tab(self) -> Page:
        page = self.context.new_page()
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        return page

    def comes_back(self, path: str) -> None:
        """In another tab instead of this one, as who is signed in already: a third of what coming for the first time
        costs."""
        self.page.close()
        self.page = self._tab()
        self.go(path)

    def go(self, path: str) -> None:
        self.page.goto(path if path.startswith("http") else self.address + path)

    def walk(self, path: str) -> None:
        """There by a link, as people go: a quarter of what loading the page costs."""
        self.page.evaluate(FOLLOW_LINK, path)

    def button(self, name: str, exact: bool = True) -> Any:
        return self.page.get_by_role("button", name=name, exact=exact)

    def link(self, name: str) -> Any:
        return self.page.get_by_role("link", name=name)

    def sees(self, text: str) -> None:
        expect(self.page.get_by_text(text).first).to_be_visible(timeout=WAIT_MS)

    def sees_not(self, text: str) -> None:
        expect(self.page.get_by_text(text)).to_have_count(0, timeout=WAIT_MS)

    def sign_in(self, handle: str, password: str, path: str = "/") -> None:
        """By password, as on a browser that was never here; ends at `path`, or where the door sent them away from."""
        self.go(path)
        self.page.get_by_label("Anmeldename").fill(handle)
        self.page.get_by_label("Passwort", exact=True).fill(password)
        self.button("Anmelden").click()
        expect(self.page.get_by_role("navigation").first).to_be_visible(timeout=WAIT_MS)

    def waits_for_shell(self) -> None:
        """From here on the app opens without a network."""
        held = self.page.evaluate(SHELL_HELD, WAIT_MS)
        assert held, f"no service worker took over: {self.page.evaluate(REGISTERED)}, {self.complaints}"

    def says(self, text: str) -> None:
        """Write into the composer and send."""
        box = self.page.locator("textarea").first
        box.click()
        box.fill(text)
        box.press("Enter")

    def message(self, text: str) -> Any:
        """The message that has this text."""
        return self.page.get_by_role("article").filter(has_text=text).last

    def close(self) -> None:
        Person.open.remove(self)
        self.context.close()


class Watched(Person):
    """Somebody whose page is watched for what it asks elsewhere.

    To hear of every request is a tenth of what coming for the first time costs: only for whom it is looked at.
    """

    def __init__(self, browser: Browser, name: str, address: str, **context: Any) -> None:
        self.outside: list[str] = []
        super().__init__(browser, name, address, **context)

    def _tab(self) -> Page:
        page = super()._tab()
        page.on("request", lambda request: self._requested(request.url))
        return page

    def _requested(self, url: str) -> None:
        if not url.startswith((self.address, "blob:", "data:", self.address.replace("http", "ws"))):
            self.outside.append(url)
