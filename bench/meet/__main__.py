"""`make bench-meet`: two Chromiums, one server, JOINS joins; writes bench/results/meet.json and a plot beside it.

Anna is in the call and stays; Ben, in a browser of his own, opens the page before joining, clicks "Beitreten", and the
clock runs in his page from that click to the first picture of Anna that his browser hands to the compositor
(requestVideoFrameCallback). Then he leaves, and begins again. All of the product is in between.
"""

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from bench.meet.plot import plot
from tests.meet.host import CHROMIUM, FLAGS, PASSWORD, ROOT, Server
from verbund.ops.client import Person

JOINS = 20
WARM_JOINS = 2
WAIT_MS = 60_000
RESULTS = ROOT / "bench" / "results"
APP = ROOT / "app" / "build"
JOIN_FIRST_FRAME_MS_BAR = 1000

#: Clicks, then waits for the first picture of somebody else; milliseconds, and the parts of the way.
JOIN = """async (other) => {
  const button = [...document.querySelectorAll('button')].find((one) => one.textContent.trim() === 'Beitreten');
  const begun = performance.now();
  button.click();
  const video = await new Promise((resolve) => {
    const look = () => {
      const found = document.querySelector(`figure[data-person="${other}"][data-kind="camera"] video`);
      found ? resolve(found) : requestAnimationFrame(look);
    };
    look();
  });
  const shown = performance.now();
  await new Promise((resolve) => video.requestVideoFrameCallback(resolve));
  return { track_ms: shown - begun, first_frame_ms: performance.now() - begun };
}"""


def main() -> int:
    """0 when the bar is met."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    for old in ("meet.json", "meet.svg"):
        (RESULTS / old).unlink(missing_ok=True)
    if not (APP / "index.html").exists():
        sys.stderr.write("Die App ist nicht gebaut: zuerst `make setup`. / The app is not built: `make setup` first.\n")
        return 2
    with tempfile.TemporaryDirectory() as folder:
        samples = measure(Path(folder))
    times = [one["first_frame_ms"] for one in samples]
    figures = {
        "join_first_frame_ms_p50": round(statistics.median(times), 1),
        "join_first_frame_ms_max": round(max(times), 1),
        "join_track_ms_p50": round(statistics.median(one["track_ms"] for one in samples), 1),
    }
    run = {"n": JOINS, "warm": WARM_JOINS, "seed": None, "command": "make bench-meet", "load": os.getloadavg()[0]}
    runs = [{**run, "versions": versions(), "samples": samples}]
    (RESULTS / "meet.json").write_text(json.dumps({"figures": figures, "runs": runs}, indent=1) + "\n")
    (RESULTS / "meet.svg").write_text(plot(times, JOIN_FIRST_FRAME_MS_BAR))
    table(figures)
    return 0 if figures["join_first_frame_ms_p50"] <= JOIN_FIRST_FRAME_MS_BAR else 1


def measure(folder: Path) -> list[dict[str, float]]:
    """The samples of JOINS joins, after WARM_JOINS that do not count."""
    server = Server(folder / "data", APP)
    server.start()
    try:
        anna, ben = Person(server.address, "Anna Lindner"), Person(server.address, "Ben Krause")
        firm = anna.found(server.setup_token(), "Tischlerei Lindner", "anna", PASSWORD)
        ben.join(anna.invite(firm), "ben", PASSWORD)
        with sync_playwright() as playwright:
            browsers = [playwright.chromium.launch(executable_path=CHROMIUM, headless=False, args=FLAGS) for _ in "ab"]
            try:
                return joins(browsers, server.address, firm, anna.account)
            finally:
                for browser in browsers:
                    browser.close()
    finally:
        server.stop()


def joins(browsers: list[Browser], address: str, firm: str, anna: str) -> list[dict[str, float]]:
    host, guest = (signed_in(browser, address, name) for browser, name in zip(browsers, ("anna", "ben"), strict=True))
    ready(host, address, firm)
    host.get_by_role("button", name="Beitreten").click()
    host.get_by_label("Bühne des Videoanrufs").wait_for(timeout=WAIT_MS)
    samples: list[dict[str, float]] = []
    for number in range(WARM_JOINS + JOINS):
        ready(guest, address, firm)
        sample: dict[str, float] = guest.evaluate(JOIN, anna)
        if number >= WARM_JOINS:
            samples.append({name: round(value, 1) for name, value in sample.items()})
        guest.keyboard.press("l")
        guest.wait_for_url("**/raum/**", timeout=WAIT_MS)
    return samples


def signed_in(browser: Browser, address: str, handle: str) -> Page:
    page = browser.new_context(locale="de-DE", viewport={"width": 1280, "height": 800}).new_page()
    page.goto(f"{address}/anmelden")
    fields = page.locator("input:visible")
    fields.nth(0).fill(handle, timeout=WAIT_MS)
    fields.nth(1).fill(PASSWORD)
    fields.nth(1).press("Enter")
    page.wait_for_url(lambda url: "anmelden" not in url, timeout=WAIT_MS)
    return page


def ready(page: Page, address: str, firm: str) -> None:
    """Before joining, the camera in the mirror."""
    page.goto(f"{address}/anruf/{firm}")
    page.locator(".mirror video").wait_for(timeout=WAIT_MS)
    page.locator("button:not([disabled])", has_text="Beitreten").wait_for(timeout=WAIT_MS)


def versions() -> dict[str, str]:
    """What was measured on."""
    said: dict[str, Any] = {
        "chromium": [CHROMIUM, "--version"], "janus": ["janus", "--version"], "kernel": ["uname", "-r"],
    }  # fmt: skip
    found = {
        name: subprocess.run(command, capture_output=True, text=True, check=False) for name, command in said.items()
    }
    told = {name: (done.stdout or done.stderr).strip().splitlines() for name, done in found.items()}
    return {"python": platform.python_version(), **{name: lines[0] if lines else "" for name, lines in told.items()}}


def table(figures: dict[str, float]) -> None:
    """What was found, as a table on the screen."""
    width = max(len(name) for name in figures)
    lines = [f"{name:<{width}}  {value:>9.1f}" for name, value in figures.items()]
    bar = f"{'bar for join_first_frame_ms_p50':<{width}}  {JOIN_FIRST_FRAME_MS_BAR:>9.1f}"
    sys.stdout.write("\n".join([*lines, bar, f"{RESULTS / 'meet.json'}".replace(f"{ROOT}/", "")]) + "\n")


if __name__ == "__main__":
    sys.exit(main())
