"""The drill's own firm: one person at both providers, remembered in the data folder. The public interface alone."""

import secrets
import ssl
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import msgspec

from verbund.base.ids import AccountId, SpaceId, b64, unb64
from verbund.base.keys import DeviceKey
from verbund.base.refusal import Refusal
from verbund.ops.client import Declined, Person
from verbund.partners.agreements.queries import Partnership

FILE = "plug.json"
FIRM, NAME = "Übung (Stecker ziehen)", "Übung"
#: Until the partner has the firm; how long one try at it may take; between two tries.
READY_S, TRY_S, AGAIN_S = 60.0, 3.0, 0.2
PASSWORD_BYTES = 24
PAGE = 100


class NotThere(Refusal):
    """de: Der Partner hat die Übungsfirma nach einer Minute noch nicht. `verbund partner list` zeigt, woran es liegt.
    en: The partner has not got the drill's firm after a minute. `verbund partner list` shows why."""

    code = "ops.partner_behind"
    status = 503


class Team(msgspec.Struct):
    """Secret: the key with which the drill's person comes in."""

    seed: str
    account: str
    organisation: str


def open_team(folder: Path, address: str, secure: ssl.SSLContext, setup: Callable[[], str]) -> tuple[Team, Person]:
    """The firm of the last drill, or a new one. Raises Declined, httpx.HTTPError."""
    file = folder / FILE
    if file.exists():
        team = msgspec.json.decode(file.read_bytes(), type=Team)
        person = Person(address, NAME, DeviceKey(unb64(team.seed)), secure=secure)
        person.come_in(AccountId(team.account))
        return team, person
    person = Person(address, NAME, secure=secure)
    handle, password = f"uebung-{secrets.token_hex(4)}", secrets.token_urlsafe(PASSWORD_BYTES)
    organisation = person.found(setup(), FIRM, handle, password)
    team = Team(b64(person.key.seed), person.account, organisation)
    file.touch(0o600)
    file.write_bytes(msgspec.json.encode(team))
    return team, person


def bring(person: Person, team: Team, partner: Partnership) -> None:
    """From now on the firm lives at this partner too."""
    body = {
        "provider": partner.provider, "alg": partner.alg, "key": partner.key, "name": partner.shown_name,
        "url": partner.address,
    }  # fmt: skip
    person.post(SpaceId(team.organisation), "authority.provider_added.1", body)


def at(partner: Partnership, team: Team, secure: ssl.SSLContext) -> Person:
    """The same person as a browser that goes on at the partner. Raises Declined, httpx.HTTPError."""
    person = Person(partner.address, NAME, DeviceKey(unb64(team.seed)), secure=secure)
    person.http.timeout = httpx.Timeout(TRY_S)
    person.come_in(AccountId(team.account))
    return person


def until(done: Callable[[], bool], seconds: float) -> bool:
    """Whether it came to be in time; what fails meanwhile is tried again."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            if done():
                return True
        except (Declined, httpx.HTTPError):
            pass
        if time.monotonic() > deadline:
            return False
        time.sleep(AGAIN_S)


def texts(person: Person, team: Team) -> list[str]:
    """What is said in the firm, as this person's provider shows it."""
    page = person.call("GET", f"/api/spaces/{team.organisation}/messages", params={"limit": PAGE})
    return [one["text"] for one in page["messages"]]
