"""Two real providers, real browsers: the page's own provider dies or falls silent, and nobody clicks anything.

Anna and Ben are at Werkhof; their firm's spaces live at Südnetz too. Südnetz has another host name, for cookies are
shared over the ports of one.
"""

import contextlib
import os
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.flows.browser import WAIT_MS, Person, chromium
from tests.flows.pair import Pair, colleagues, two_providers
from tests.flows.server import Server, texts
from tests.flows.test_partners import eventually
from verbund.base.ids import CoreId, pack

pytestmark = pytest.mark.browser
#: Home must have been well for a while before anybody goes back, and is looked for now and then only.
HOME_MS = 120_000
PLAN_BYTES = 500_000
FETCHED = """async (path) => {
    const answer = await fetch(path);
    return [answer.status, (await answer.arrayBuffer()).byteLength];
}"""
LINE = "Werkhof ist nicht erreichbar. Sie arbeiten bei Südnetz weiter."


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """One pair for both stories: each ends with both providers well."""
    with two_providers(tmp_path_factory.mktemp("pair")) as both:
        yield both


@pytest.fixture(scope="module")
def there(browser: Browser, house: Pair) -> Iterator[Callable[[str], Person]]:
    with colleagues(browser, house) as comes:
        yield comes


@pytest.fixture
def pair(house: Pair) -> Pair:
    return house.well()


@pytest.fixture
def anna(pair: Pair, there: Callable[[str], Person]) -> Person:
    return there("anna")


@pytest.fixture
def ben(pair: Pair, there: Callable[[str], Person]) -> Person:
    return there("ben")


def test_work_goes_on_at_the_partner_and_home_again(pair: Pair, anna: Person, ben: Person) -> None:
    anna.says("noch bei Werkhof")
    ben.sees("noch bei Werkhof")
    eventually(pair.equal)

    plan = attach_plan(pair)

    seen = said_to_werkhof_alone(pair, anna)

    pair.werkhof.kill()
    pair.suednetz.start()
    eventually(lambda: has(pair.suednetz, seen))
    anna.says("Werkhof ist tot, Anna lebt")
    ben.sees("Werkhof ist tot, Anna lebt")
    ben.says("Ben auch")
    anna.sees("Ben auch")
    for person in (anna, ben):
        expect(person.page.get_by_role("status").filter(has_text="Südnetz")).to_contain_text(LINE, timeout=WAIT_MS)

    anna.page.reload()
    anna.sees("Ben auch")
    assert anna.page.evaluate(FETCHED, plan) == [200, PLAN_BYTES]
    anna.says("nach dem Neuladen")
    ben.sees("nach dem Neuladen")

    pair.werkhof.start()
    eventually(pair.equal)
    expect(anna.page.get_by_text(LINE)).to_have_count(0, timeout=HOME_MS)
    anna.says("wieder zu Hause")
    ben.sees("wieder zu Hause")
    eventually(pair.equal)
    assert texts(pair.firm.ben, pair.workshop)[-7:] == [
        "noch bei Werkhof", "der Plan", "gerade noch gelesen", "Werkhof ist tot, Anna lebt", "Ben auch",
        "nach dem Neuladen", "wieder zu Hause",
    ]  # fmt: skip
    assert anna.complaints == ben.complaints == []


def said_to_werkhof_alone(pair: Pair, anna: Person) -> CoreId:
    """Somebody says something and is gone; Anna reads it, while Südnetz is away."""
    pair.suednetz.kill()
    said = pair.firm.ben.say(pair.workshop, "gerade noch gelesen")
    anna.sees("gerade noch gelesen")
    return said


def has(server: Server, core: CoreId) -> bool:
    with contextlib.closing(sqlite3.connect(f"file:{server.data / 'verbund.db'}?mode=ro", uri=True)) as connection:
        return connection.execute("SELECT 1 FROM core WHERE id = ?", (pack(core),)).fetchone() is not None


def attach_plan(pair: Pair) -> str:
    """A file that Südnetz has as well; its path."""
    pair.firm.anna.refresh()
    plan = pair.firm.anna.upload(pair.workshop, bytes(range(250)) * (PLAN_BYTES // 250), "plan.bin")
    pair.firm.anna.say(pair.workshop, "der Plan", files=[plan], blobs=[plan["hash"]])
    eventually(lambda: holds(pair.suednetz, plan["hash"]))
    return f"/blobs/{pair.workshop}/{plan['hash']}"


def holds(server: Server, blob: str) -> bool:
    """Whether the file lies there, whole."""
    with contextlib.closing(sqlite3.connect(f"file:{server.data / 'verbund.db'}?mode=ro", uri=True)) as connection:
        return connection.execute("SELECT 1 FROM blob WHERE hash = ?", (blob,)).fetchone() is not None


def test_silent_provider_is_left_too(pair: Pair, anna: Person, ben: Person) -> None:
    said = f"Werkhof schweigt seit {time.time_ns()}"  # what a first try said is still there in the second
    os.kill(pair.werkhof.pid, signal.SIGSTOP)
    anna.says(said)
    ben.sees(said)
    os.kill(pair.werkhof.pid, signal.SIGCONT)
    eventually(lambda: said in texts(pair.firm.ben, pair.workshop))
    assert texts(pair.firm.ben, pair.workshop).count(said) == 1
