"""The drill from the warning to the report's figures. Prints nothing."""

import ssl
import time
from typing import NamedTuple

import httpx
import msgspec

from verbund.base.ids import SpaceId
from verbund.ops.client import Declined, Person
from verbund.ops.plug.stop import stopped
from verbund.ops.plug.team import AGAIN_S, PAGE, Team, at, until
from verbund.ops.plug.team import texts as said
from verbund.partners.agreements.queries import Partnership

EQUAL_S = 120.0
RHYTHM_S = 0.5


class Outcome(msgspec.Struct, kw_only=True):
    """What happened. Times in ms; the function's longest interruption is counted from the moment of silence."""

    began_at: int
    seconds: float
    signed_in_ms: int | None
    written_ms: int | None
    read_ms: int | None
    messages: int
    lost: int
    equal_ms: int | None

    @property
    def went_well(self) -> bool:
        return None not in (self.signed_in_ms, self.written_ms, self.read_ms, self.equal_ms) and self.lost == 0


class Parts(NamedTuple):
    """Who takes part."""

    home: Person
    partner: Partnership
    team: Team
    secure: ssl.SSLContext


def drill(parts: Parts, pid: int, seconds: float) -> Outcome:
    """Silence for these seconds, then until both hold the same again. Raises NotYours."""
    mark, written = f"Übung {int(time.time())}", list[str]()
    outcome = Outcome(
        began_at=int(time.time() * 1000), seconds=seconds, signed_in_ms=None, written_ms=None, read_ms=None,
        messages=0, lost=0, equal_ms=None,
    )  # fmt: skip
    with stopped(pid, seconds):
        began = time.monotonic()
        person = _come_in(parts, began + seconds)
        outcome.signed_in_ms = _since(began) if person else None
        while person is not None and time.monotonic() < began + seconds:
            _say(person, parts.team, f"{mark}, Nachricht {len(written) + 1}", written)
            outcome.written_ms = outcome.written_ms or (_since(began) if written else None)
            if written and outcome.read_ms is None and _reads(person, parts.team, written):
                outcome.read_ms = _since(began)
            time.sleep(RHYTHM_S)
    back = time.monotonic()
    if until(lambda: _holds(parts, written), EQUAL_S):
        outcome.equal_ms = _since(back)
    outcome.messages, outcome.lost = len(written), 0 if outcome.equal_ms is not None else _lost(parts, written)
    return outcome


def _come_in(parts: Parts, deadline: float) -> Person | None:
    while time.monotonic() < deadline:
        try:
            return at(parts.partner, parts.team, parts.secure)
        except (Declined, httpx.HTTPError):
            time.sleep(AGAIN_S)
    return None


def _say(person: Person, team: Team, text: str, written: list[str]) -> None:
    """What was taken is written; what was not is said anew the next time."""
    try:
        person.say(SpaceId(team.organisation), text)
        written.append(text)
    except (Declined, httpx.HTTPError):
        person.refresh()


def _reads(person: Person, team: Team, written: list[str]) -> bool:
    try:
        return written[0] in said(person, team)
    except (Declined, httpx.HTTPError):
        return False


def _holds(parts: Parts, written: list[str]) -> bool:
    return set(written[-PAGE:]) <= set(said(parts.home, parts.team))


def _lost(parts: Parts, written: list[str]) -> int:
    try:
        return len(set(written[-PAGE:]) - set(said(parts.home, parts.team)))
    except (Declined, httpx.HTTPError):
        return len(written)


def _since(began: float) -> int:
    return max(1, int((time.monotonic() - began) * 1000))
