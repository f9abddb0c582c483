"""How long from the click on a channel in the sidebar until its messages are painted."""

from playwright.sync_api import Browser, Page

from bench.app.people import WAIT_MS, sign_in, wait_until_quiet
from tests.flows.browser import SHELL_HELD

SHOWN = 50

#: Clicks, and answers with the milliseconds until the frame after the one that has SHOWN messages.
OPEN = """async ([href, shown]) => {
  const link = document.querySelector(`nav a.entry[href="${href}"]`);
  const count = () => document.querySelectorAll('article[data-message]').length;
  const begun = performance.now();
  link.click();
  await new Promise((resolve) => {
    const look = () => requestAnimationFrame(count() >= shown ? resolve : look);
    look();
  });
  return performance.now() - begun;
}"""


def cold(browser: Browser, address: str, path: str) -> float:
    """A browser that never saw the space: signed in, the page loaded anew on Heute, then the click."""
    page = opened(browser, address)
    took = click(page, path)
    page.context.close()
    return took


def warm(browser: Browser, address: str, path: str, samples: int) -> list[float]:
    """The space was opened before in this page; in between one is on Heute."""
    page = opened(browser, address)
    click(page, path)
    found = []
    for _ in range(samples):
        wait_until_quiet(page)
        page.locator('nav a.entry[href="/"]').first.click()
        page.locator("article[data-message]").first.wait_for(state="detached", timeout=WAIT_MS)
        wait_until_quiet(page)
        found.append(click(page, path))
    page.context.close()
    return found


def opened(browser: Browser, address: str) -> Page:
    """Heute, loaded a second time, so that the app itself is there already."""
    page = browser.new_context(locale="de-DE", viewport={"width": 1280, "height": 800}).new_page()
    sign_in(page, address)
    assert page.evaluate(SHELL_HELD, WAIT_MS), "no service worker took over"
    page.goto(address)
    wait_until_quiet(page)
    return page


def click(page: Page, path: str) -> float:
    took: float = page.evaluate(OPEN, [path, SHOWN])
    return took
