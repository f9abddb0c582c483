"""Two people in a call: a real server, a real Janus, two pages of a real Chromium."""

import os
import signal
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.meet.conftest import Firm
from tests.meet.host import person_page, until

pytestmark = [pytest.mark.browser, pytest.mark.programs]


class InCall:
    """A person's page in the call of the firm's space."""

    def __init__(self, firm: Firm, browser: Browser, person: Any) -> None:
        self.firm, self.person = firm, person
        self.context, self.page = person_page(browser, person)
        self.run("connect", firm.space)

    def run(self, method: str, *arguments: Any) -> Any:
        return self.page.evaluate("([m, a]) => meet[m](...a)", [method, list(arguments)])

    @property
    def me(self) -> str:
        return str(self.page.evaluate("meet.joined.me"))

    def people(self) -> dict[str, dict[str, Any]]:
        room = self.page.evaluate("meet.room")
        return {one["account"]: one for one in room["people"]}

    def call(self) -> str | None:
        return self.page.evaluate("meet.room?.call ?? null")

    def arrives(self, other: "InCall", label: str) -> None:
        """More and more of the other's track comes."""
        key = f"{other.me}/{label}"
        before = until(f"{key} arrives", lambda: self.run("arriving").get(key))
        until(f"{key} goes on", lambda: self.run("arriving").get(key, 0) > before)

    def leave(self) -> None:
        self.run("ask", "meet.leave", {})
        self.context.close()


@pytest.fixture
def two(firm: Firm, chromium: Browser) -> Any:
    """Anna and Ben in the call that Anna began, facts and all."""
    anna, ben = InCall(firm, chromium, firm.anna), InCall(firm, chromium, firm.ben)
    until("calls are available", lambda: anna.run("ask", "meet.calls", {})["available"])
    until("Janus is there", firm.server.janus)
    assert anna.run("join") is True
    call = firm.anna.post(firm.space, "meet.call_started.1", {"call": "0123456789abcdefABCDEF"})
    until("the room knows its call", lambda: anna.call() == call)
    until("Ben is told at once, before he joins", lambda: ben.call() == call)
    assert ben.run("join") is False
    for person in (firm.anna, firm.ben):
        person.post(firm.space, "meet.call_joined.1", {"call": call}, re=[call])
    anna.arrives(ben, "camera")
    ben.arrives(anna, "microphone")
    yield anna, ben
    anna.context.close()
    ben.context.close()


def calls_of(firm: Firm) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = firm.ben.call("GET", f"/api/spaces/{firm.space}/calls")["calls"]
    return found


def test_two_people_see_hear_mute_share_and_leave(firm: Firm, two: tuple[InCall, InCall]) -> None:
    anna, ben = two
    ben.arrives(anna, "camera")
    anna.arrives(ben, "microphone")

    anna.run("mute", True)
    until("Ben sees that Anna is muted", lambda: not ben.people()[firm.anna.account]["audio"])

    ben.run("share")
    anna.arrives(ben, "screen")
    until("Anna is told of the screen", lambda: anna.people()[firm.ben.account]["screen"])
    ben.run("unshare")
    until("and of its end", lambda: not anna.people()[firm.ben.account]["screen"])
    ben.run("share")
    anna.arrives(ben, "screen")

    [running] = calls_of(firm)
    assert running["seconds"] is None
    assert sorted(running["people"]) == sorted([firm.anna.account, firm.ben.account])
    anna.leave()
    until("Anna is out", lambda: firm.anna.account not in ben.people())
    ben.leave()
    [over] = until("the call is over", lambda: [one for one in calls_of(firm) if one["seconds"] is not None])
    assert sorted(over["people"]) == sorted([firm.anna.account, firm.ben.account])
    assert over["id"] == running["id"]
    assert firm.ben.call("GET", f"/api/spaces/{firm.space}/call") == {"available": True, "running": None}


def test_janus_killed_the_call_comes_back_with_its_flags(firm: Firm, two: tuple[InCall, InCall]) -> None:
    anna, ben = two
    anna.run("mute", True)
    [janus] = firm.server.janus()
    os.kill(janus, signal.SIGKILL)
    for one in two:
        until("a new life of Janus was told", lambda one=one: one.page.evaluate("meet.rejoined") > 0)
    anna.arrives(ben, "camera")
    ben.arrives(anna, "camera")
    until("Anna is mute in it", lambda: ben.people()[firm.anna.account]["audio"] is False)
    assert firm.server.janus() not in ([], [janus])


def test_server_killed_media_goes_on_and_the_call_is_taken_over(firm: Firm, two: tuple[InCall, InCall]) -> None:
    anna, ben = two
    [janus], call = firm.server.janus(), anna.call()
    firm.server.kill()
    anna.arrives(ben, "camera")
    ben.arrives(anna, "camera")
    firm.server.start()
    until("it is the same Janus", lambda: firm.server.janus() == [janus])
    until("Janus is claimed", lambda: _available(firm))
    assert [anna.run("back"), ben.run("back")] == ["kept", "kept"]
    anna.arrives(ben, "camera")
    assert anna.call() == call
    ben.run("share")
    anna.arrives(ben, "screen")
    anna.leave()
    ben.leave()
    [over] = until("the call is over", lambda: [one for one in calls_of(firm) if one["seconds"] is not None])
    assert sorted(over["people"]) == sorted([firm.anna.account, firm.ben.account])


def test_stranger_learns_nothing_and_gets_nowhere(firm: Firm, two: tuple[InCall, InCall], chromium: Browser) -> None:
    anna, _ = two
    context, outside = person_page(chromium, firm.stranger)
    own = firm.stranger.organisation
    outside.evaluate("space => meet.connect(space)", own)
    assert outside.evaluate("space => meet.tried('meet.join', {space})", firm.space) == "base.unknown"
    assert outside.evaluate("meet.ask('meet.calls', {})")["calls"] == []
    for method, data in (
        ("publish", {"sdp": "v=0", "tracks": {}, "generation": "x"}), ("state", {"audio": True}),
        ("answer", {"n": 1, "sdp": ""}), ("layers", []), ("silence", {"person": anna.me}),
    ):  # fmt: skip
        assert outside.evaluate("([m, d]) => meet.tried('meet.' + m, d)", [method, data]) == "meet.absent"
    context.close()


def _available(firm: Firm) -> bool:
    return bool(firm.ben.call("GET", f"/api/spaces/{firm.space}/call")["running"])
