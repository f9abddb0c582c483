"""One call over two real providers, each with a Janus of its own; two Chromiums; a whole provider dies in mid-call.

Nobody clicks anything after joining. What arrives is asked of the browser: the packets of what it receives.
"""

import contextlib
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from playwright.sync_api import Browser

from tests.flows.browser import Person, chromium
from tests.flows.pair import Pair
from tests.flows.server import PASSWORD, Firm, Server
from tests.flows.test_partners import at_partner, eventually, name_partner
from tests.meet.host import janus_of, supervisors_of, until
from tests.ports import free_port
from verbund.ops import client

pytestmark = [pytest.mark.browser, pytest.mark.programs]
FIRST_PORT, PORTS, RANGES = 20_000, 100, 100
#: kind → packets that came so far, over connections that are open.
ARRIVING = """async () => {
    const found = { audio: 0, video: 0 };
    for (const one of window.connections) {
        if (one.connectionState !== 'connected') continue;
        const report = await one.getStats();
        report.forEach((stat) => { if (stat.type === 'inbound-rtp') found[stat.kind] += stat.packetsReceived; });
    }
    return found;
}"""

#: Drawing is a quarter of what a call costs a machine without a graphics card; here it is looked at what arrives.
EASY: dict[str, Any] = {"viewport": {"width": 800, "height": 500}, "reduced_motion": "reduce"}
CLICK_SOON = """() => setTimeout(
    () => [...document.querySelectorAll('button')].find((one) => one.textContent.trim() === 'Beitreten').click(), 500
)"""


class House(NamedTuple):
    """Werkhof and Südnetz, which hold one firm's spaces and can do calls. Dora's account is at Südnetz."""

    pair: Pair
    dora: client.Person

    def running(self, who: client.Person) -> dict[str, Any] | None:
        """The call of the workshop, as this person's provider shows it."""
        found = who.call("GET", f"/api/spaces/{self.pair.workshop}/call")["running"]
        return dict(found) if found else None

    def whole(self) -> None:
        """Both providers are there, and nobody calls; as a test begins, whatever became of the one before."""
        for server in self.pair[:2]:
            if not server.pid_alive():
                server.start()
        eventually(self.pair.equal)
        for who in (self.pair.firm.ben, self.dora):
            until("nothing runs", lambda who=who: self.running(who) is None)

    def calls(self, who: client.Person) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = who.call("GET", f"/api/spaces/{self.pair.workshop}/calls")["calls"]
        return found


@contextmanager
def two_with_calls(folder: Path, **settings: str) -> Iterator[House]:
    """Two providers, each with ports for media of its own: they are on one machine."""
    here, there = free_port(), free_port()
    elsewhere = f"http://127.0.0.1:{there}"
    werkhof = Server(
        folder / "werkhof", here, name="Werkhof", partners=elsewhere, **media(here), **settings
    )  # fmt: skip
    suednetz = Server(
        folder / "suednetz", there, name="Südnetz", url=elsewhere, partners=werkhof.address,
        **media(here + 1), **settings,
    )  # fmt: skip
    suednetz.address = elsewhere
    servers = (werkhof.start(), suednetz.start())
    firm = Firm(werkhof)
    dora = client.Person(suednetz.address, "Dora Klein")
    try:
        name_partner(firm.anna, firm.anna.organisation, suednetz)
        firm.anna.say(firm.workshop, "vor dem Ausfall")
        pair = Pair(werkhof, suednetz, firm)
        invitation = firm.anna.invite(firm.anna.organisation)
        eventually(pair.equal)
        eventually(lambda: at_partner(suednetz, firm.anna.organisation) == at_partner(werkhof, firm.anna.organisation))
        dora.join(invitation, "dora", PASSWORD)
        dora.join_team(firm.workshop)
        eventually(pair.equal)
        yield House(pair, dora)
    finally:
        firm.close()
        dora.close()
        for server in servers:
            server.stop()
            end_media(server)


def media(port: int) -> dict[str, str]:
    first = FIRST_PORT + port % RANGES * PORTS
    return {"meet": "auto", "media_port_first": str(first), "media_port_last": str(first + PORTS - 1)}


def end_media(server: Server) -> None:
    """Supervisor and Janus of this server."""
    kill_each(*janus_of(server.data / "meet"), *supervisors_of(server.data / "meet"))


def kill_machine(server: Server) -> None:
    """Everything of this provider at once."""
    media_pids = [*supervisors_of(server.data / "meet"), *janus_of(server.data / "meet")]
    assert len(media_pids) == 2
    kill_each(server.pid, *media_pids)
    server.kill()


def kill_each(*pids: int) -> None:
    """Some end as soon as another one did."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


class InCall:
    """Somebody whose page is at this provider, in the call of the workshop."""

    def __init__(
        self, browser: Browser, house: House, handle: str, server: Server, also: str = "", **context: Any
    ) -> None:
        self.person = Person(browser, handle, server.address, **context)
        self.page = self.person.page
        if also:
            self.page.add_init_script(also)
        self.person.sign_in(handle, PASSWORD, f"/raum/{house.pair.workshop}")
        self.person.sees("vor dem Ausfall")
        self.person.waits_for_shell()
        account = self.page.evaluate("async () => (await (await fetch('/api/me')).json()).account.id")
        self.account = str(account)
        eventually(lambda: at_partner(house.pair.suednetz, account) == at_partner(house.pair.werkhof, account) != {})

    def comes_back(self, space: str) -> None:
        self.person.comes_back(f"/raum/{space}")
        self.page = self.person.page
        self.person.sees("vor dem Ausfall")

    def join(self, space: str) -> None:
        self.person.walk(f"/anruf/{space}")
        self.person.button("Beitreten").click()
        self.person.button("Auflegen").first.wait_for()

    def arriving(self) -> dict[str, int]:
        found: dict[str, int] = self.page.evaluate(ARRIVING)
        return found

    def sees_and_hears(self) -> None:
        """More and more of the other's picture and sound comes, over the connections that are open now."""
        for kind in ("audio", "video"):
            before = until(f"{self.person.name}: {kind} comes", lambda kind=kind: self.arriving()[kind])
            until(f"{self.person.name}: {kind} goes on", lambda kind=kind, than=before: self.arriving()[kind] > than)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One for all calls: each ends with both providers well."""
    with two_with_calls(tmp_path_factory.mktemp("house")) as house:
        yield house


@pytest.fixture(scope="module")
def there(browser: Browser) -> Iterator[dict[str, InCall]]:
    """handle → who is signed in already."""
    found: dict[str, InCall] = {}
    yield found
    for one in found.values():
        one.person.close()


@pytest.fixture
def people(house: House, browser: Browser, there: dict[str, InCall]) -> tuple[InCall, InCall]:
    """Anna at Werkhof, and Dora, whose page is at Südnetz; nobody calls yet. Who was there when a test failed begins
    anew."""
    for handle in [handle for handle, one in there.items() if one.person.is_doubtful]:
        there.pop(handle).person.close()
    house.whole()
    for handle, server in (("anna", house.pair.werkhof), ("dora", house.pair.suednetz)):
        if handle in there:
            there[handle].comes_back(house.pair.workshop)
        else:
            there[handle] = InCall(browser, house, handle, server, **EASY)
    return there["anna"], there["dora"]


@pytest.fixture
def two(house: House, people: tuple[InCall, InCall]) -> tuple[InCall, InCall]:
    """Anna began a call at Werkhof; Dora saw it at Südnetz and came."""
    anna, dora = people
    anna.join(house.pair.workshop)
    until("Südnetz shows the call at Werkhof", lambda: house.running(house.dora))
    dora.person.sees("ist im Videoanruf")
    dora.join(house.pair.workshop)
    for one in people:
        one.sees_and_hears()
    return people


def test_a_call_outlives_its_provider(house: House, two: tuple[InCall, InCall]) -> None:
    anna, dora = two
    firm, (werkhof, _) = house.pair.firm, house.pair[:2]
    until("both are in it", lambda: here(house, house.dora) == {anna.account, dora.account})
    began = house.running(house.dora)
    assert began is not None
    calls = {one["id"] for one in house.calls(house.dora)}
    assert began["call"] in calls
    anna.person.button("Mikrofon ausschalten").first.click()
    until("Werkhof knows that Anna is mute", lambda: mute(house, firm.anna) == {anna.account})

    kill_machine(werkhof)
    until("everybody is in the call at Südnetz", lambda: moved(house, began["place"]))
    for one in two:
        one.sees_and_hears()
    now = house.running(house.dora)
    assert now is not None
    assert (now["call"], len(now["people"])) == (began["call"], 2)
    assert mute(house, house.dora) == {anna.account}
    anna.person.button("Mikrofon einschalten").first.wait_for()

    werkhof.start()
    eventually(house.pair.equal)
    until("Werkhof shows it at Südnetz", lambda: (house.running(firm.ben) or {}).get("place") == now["place"])
    assert {one["id"] for one in house.calls(firm.ben)} == calls
    for one in two:
        one.sees_and_hears()
    for one in two:
        one.person.button("Auflegen").first.click()
    for who in (firm.ben, house.dora):
        [over] = until("the call is over", lambda who=who: over_since(house, who, calls - {began["call"]}))
        assert over["id"] == began["call"]
        assert over["seconds"] > 0
        assert set(over["people"]) == {anna.account, dora.account}
        until("nothing runs", lambda who=who: house.running(who) is None)
    assert anna.person.complaints == dora.person.complaints == []


def test_the_web_process_alone_dies_and_media_stays_where_it_is(house: House, two: tuple[InCall, InCall]) -> None:
    began = house.running(house.dora)
    assert began is not None
    house.pair.werkhof.kill()
    for one in two:
        one.sees_and_hears()
    house.pair.werkhof.start()
    until("both are back", lambda: here(house, house.pair.firm.ben) == {one.account for one in two})
    for one in two:
        one.sees_and_hears()
    for who in (house.pair.firm.ben, house.dora):
        found = house.running(who)
        assert found is not None
        assert (found["call"], found["place"]) == (began["call"], began["place"])
    for one in two:
        one.person.button("Auflegen").first.click()


def test_two_who_begin_at_once_at_two_providers_are_in_one_call(house: House, people: tuple[InCall, InCall]) -> None:
    before = {one["id"] for one in house.calls(house.dora)}
    for one in people:
        one.person.walk(f"/anruf/{house.pair.workshop}")
        one.person.button("Beitreten").wait_for()
    for one in people:
        one.page.evaluate(CLICK_SOON)
    for one in people:
        one.person.button("Auflegen").first.wait_for()
        one.sees_and_hears()
    both = {one.account for one in people}
    for who in (house.pair.firm.ben, house.dora):
        until("both are in one call", lambda who=who: here(house, who) == both)
    for one in people:
        one.person.button("Auflegen").first.click()
    for who in (house.pair.firm.ben, house.dora):
        [over] = until("one call was", lambda who=who: over_since(house, who, before))
        assert set(over["people"]) == both
        until("nothing runs", lambda who=who: house.running(who) is None)


def over_since(house: House, who: client.Person, before: set[str]) -> list[dict[str, Any]]:
    """The calls that ended, but for those before."""
    return [one for one in house.calls(who) if one["seconds"] is not None and one["id"] not in before]


def moved(house: House, away: str) -> bool:
    found = house.running(house.dora)
    return found is not None and found["place"] != away and len(found["people"]) == 2


def mute(house: House, who: client.Person) -> set[str]:
    return {one["account"] for one in (house.running(who) or {"people": []})["people"] if not one["audio"]}


def here(house: House, who: client.Person) -> set[str]:
    """Who is in the call with a connection."""
    return {one["account"] for one in (house.running(who) or {"people": []})["people"] if not one["away"]}
