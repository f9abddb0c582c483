"""A firm with a long conversation, filled once and kept: to be measured as often as one likes.

`python -m bench.network.prepared FOLDER ENTRIES`
"""

import random
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import msgspec

from bench.network.places import FACTS_PER_S, offline, sentence
from tests.flows.server import PASSWORD, Server, free_port
from verbund.base.ids import AccountId, SpaceId, b64, unb64
from verbund.base.keys import DeviceKey
from verbund.log.core import Parcel
from verbund.ops.client import Person

MEMBERS = 10
FILE = "firm.json"


class Member(msgspec.Struct):
    """Somebody of the firm, with the key of their device."""

    name: str
    account: str
    seed: str


class Firm(msgspec.Struct):
    """What is kept beside the data folder of the provider."""

    port: int
    organisation: str
    team: str
    entries: int
    members: list[Member]


def fill(folder: Path, entries: int, seed: int) -> Firm:
    """One provider, one firm, one team in which so much was said."""
    folder.mkdir(parents=True, exist_ok=True)
    server = Server(folder / "werkhof", free_port(), name="Werkhof", facts_per_s=FACTS_PER_S).start()
    try:
        people = [Person(server.address, f"Mitglied {number}") for number in range(MEMBERS)]
        first, *others = people
        organisation = first.found(server.setup, "Messfirma", "m0", PASSWORD)
        link = first.invite(organisation)
        team = first.create("Baustelle")
        for number, person in enumerate(others, start=1):
            person.join(link, f"m{number}", PASSWORD)
            person.join_team(team)
        for person in people:
            person.refresh()
            person.stand(team)
    finally:
        server.stop()
    offline(server, islice(talk(people, team, seed), entries))
    members = [Member(one.name, one.account, b64(one.key.seed)) for one in people]
    firm = Firm(server.port, organisation, team, entries, members)
    (folder / FILE).write_bytes(msgspec.json.encode(firm))
    return firm


def talk(people: list[Person], space: SpaceId, seed: int) -> Iterator[Parcel]:
    """Messages without an end."""
    draw = random.Random(seed)
    while True:
        yield draw.choice(people).parcel(space, "chat.message_posted.1", {"text": sentence(draw)})[1]


def opened(folder: Path) -> Firm:
    return msgspec.json.decode((folder / FILE).read_bytes(), type=Firm)


def person_of(firm: Firm, member: Member, address: str) -> Person:
    person = Person(address, member.name, key=DeviceKey(unb64(member.seed)))
    person.account, person.organisation = AccountId(member.account), SpaceId(firm.organisation)
    return person


if __name__ == "__main__":
    fill(Path(sys.argv[1]), int(sys.argv[2]), seed=1)
