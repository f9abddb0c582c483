"""A real server for calls, people of a firm, and pages that use the app's own media connections."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Browser, BrowserContext, Page

from tests.flows import server
from tests.flows.ready import Started
from tests.ports import free_port
from tests.processes import ancestors, processes
from verbund.ops.client import Person

ROOT = Path(__file__).resolve().parents[2]
WAIT_S = 60.0
POLL_S = 0.1
PASSWORD = "ein langes Kennwort 47"
INDEX = """<!doctype html><html lang="de"><head><meta charset="utf-8">
<meta http-equiv="content-security-policy" content="default-src 'self'; connect-src 'self' ws:">
<title>Anruf</title></head><body><script src="/page.js"></script></body></html>"""
CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream", "--allow-loopback-in-peer-connection",
    "--autoplay-policy=no-user-gesture-required", "--disable-renderer-backgrounding",
    "--disable-background-timer-throttling", "--disable-backgrounding-occluded-windows", "--mute-audio",
]  # fmt: skip


def until(what: str, check: Callable[[], Any]) -> Any:
    """What `check` returns once it is true; fails after WAIT_S."""
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end:
        found = check()
        if found:
            return found
        time.sleep(POLL_S)
    raise AssertionError(f"waited {WAIT_S} s for: {what}")


def build_page(folder: Path) -> None:
    """The test page as the app's own folder: same origin, strict policy."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "index.html").write_text(INDEX)
    subprocess.run(
        ["npx", "rolldown", str(ROOT / "tests/meet/page.ts"), "--format", "iife", "--file", str(folder / "page.js"),
         "--logLevel", "silent"],
        cwd=ROOT / "app", check=True, capture_output=True,
    )  # fmt: skip


class Server:
    """One provider as a process of its own; may be killed and started again on the same data."""

    def __init__(self, data: Path, app: Path, **settings: str) -> None:
        self.data, self.port = data, free_port()
        first = 43000 + (self.port % 50) * 100
        self._environment = {
            **os.environ, "VERBUND_APP": str(app), "VERBUND_MEDIA_PORT_FIRST": str(first),
            "VERBUND_MEDIA_PORT_LAST": str(first + 99),
            **{f"VERBUND_{key.upper()}": value for key, value in settings.items()},
        }  # fmt: skip
        self._log = data.parent / "server.log"
        self.process: subprocess.Popen[bytes] | Started | None = None

    @property
    def address(self) -> str:
        return f"http://localhost:{self.port}"

    def start(self) -> None:
        arguments = ["serve", "--data", str(self.data), "--port", str(self.port)]
        if server.Server.ready is not None:
            self.process = server.Server.ready().start(arguments, self._environment, self._log)
        else:
            with self._log.open("ab") as output:
                self.process = subprocess.Popen(
                    [sys.executable, "-m", "verbund.web.main", *arguments],
                    env=self._environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=ROOT,
                )  # fmt: skip
        until("the server answers", self._answers)

    def setup_token(self) -> str:
        found = until("the setup link", lambda: re.search(r"/willkommen#(\S+)", self._log.read_text()))
        return str(found[1])

    def kill(self, number: int = signal.SIGKILL) -> None:
        assert self.process is not None
        self.process.send_signal(number)
        self.process.wait(30)

    def stop(self) -> None:
        """End it, and the supervisor that outlives it."""
        if self.process is not None and self.process.poll() is None:
            self.kill(signal.SIGTERM)
        for pid in self.supervisors():
            os.kill(pid, signal.SIGTERM)
        until("Janus and its supervisor are gone", lambda: not self.supervisors() and not self.janus())

    def supervisors(self) -> list[int]:
        """Supervisors of this server's folder."""
        return supervisors_of(self.data / "meet")

    def janus(self) -> list[int]:
        """Janus processes that a supervisor of this server's folder started."""
        return janus_of(self.data / "meet")

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self._log.read_text()[-3000:]
        try:
            return httpx.get(f"{self.address}/api/health", timeout=5, trust_env=False, verify=False).status_code == 200
        except httpx.TransportError:
            return False


def supervisors_of(folder: Path) -> list[int]:
    module = [b"-m", b"verbund.meet.janus.supervisor"]
    return [pid for pid, words in processes() if words[1:3] == module and str(folder).encode() in words]


def janus_of(folder: Path) -> list[int]:
    supervisors = set(supervisors_of(folder))
    return [pid for pid, words in processes() if words[0].endswith(b"/janus") and ancestors(pid) & supervisors]


def person_page(browser: Browser, person: Person) -> tuple[BrowserContext, Page]:
    """A page of the server, signed in as this person."""
    context = browser.new_context(locale="de-DE")
    for cookie in person.http.cookies.jar:
        context.add_cookies([{"name": cookie.name, "value": cookie.value or "", "url": person.address}])
    page = context.new_page()
    page.goto(person.address)
    return context, page
