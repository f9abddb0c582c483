"""Who is measured: Anna's firm with one space of many messages, and how she signs in."""

import random

from playwright.sync_api import Page

from tests.flows.server import PASSWORD, Firm
from verbund.base.ids import SpaceId
from verbund.log.core import Parcel
from verbund.ops.client import Person

WAIT_MS = 60_000
BATCH = 64
SENTENCES = (
    "Die Treppe in der Gartenstraße ist fertig montiert, bitte morgen früh noch einmal ansehen.",
    "Habe die **Eiche** bestellt, kommt am Donnerstag.",
    "Kann jemand um drei den Wagen nehmen? Ich stehe noch im Stau auf der A7 und komme nicht weg.",
    "Aufmaß liegt unter https://www.example.org/aufmass/2026 – bitte *vor* dem Zuschnitt lesen.",
    "Passt 👍",
    "- Schrauben 5×60\n- Leim\n- Schleifpapier 120",
    "Der Kunde fragt, ob `RAL 7016` auch matt geht. Ich würde Ja sagen, kostet aber etwas mehr.",
    "Mahlzeit! Wer kommt mit zum Bäcker?",
)


def fill(firm: Firm, messages: int, seed: int) -> SpaceId:
    """`messages` messages of two people in one space, as both would send them."""
    space, draw = firm.workshop, random.Random(seed)
    turn = 0
    while turn * BATCH < messages:
        person = (firm.anna, firm.ben)[turn % 2]
        count = min(BATCH, messages - turn * BATCH)
        person.submit([message(person, space, draw.choice(SENTENCES), turn * BATCH + n) for n in range(count)])
        turn += 1
    return space


def message(person: Person, space: SpaceId, text: str, number: int) -> Parcel:
    return person.parcel(space, "chat.message_posted.1", {"text": f"{text} ({number})"})[1]


def sign_in(page: Page, address: str) -> None:
    """As Anna; ends on Heute."""
    page.goto(f"{address}/anmelden")
    fields = page.locator("input:visible")
    fields.nth(0).fill("anna", timeout=WAIT_MS)
    fields.nth(1).fill(PASSWORD)
    fields.nth(1).press("Enter")
    page.wait_for_url(lambda url: "anmelden" not in url, timeout=WAIT_MS)
    wait_until_quiet(page)


def wait_until_quiet(page: Page) -> None:
    """The frame stands, and nothing is loaded any more."""
    page.get_by_role("navigation").first.get_by_role("link").first.wait_for(timeout=WAIT_MS)
    page.wait_for_load_state("networkidle", timeout=WAIT_MS)
