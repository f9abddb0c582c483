"""Who is measured: one firm at two real providers, filled while they are down, by the same way in as ever."""

import asyncio
import os
import random
import signal
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path

from bench.chat.ours import Verbund
from tests.flows.server import Server
from tests.flows.test_partners import name_partner
from tests.ports import free_port
from verbund.base.ids import SpaceId
from verbund.base.settings import Settings
from verbund.log.core import Parcel
from verbund.ops.client import Person
from verbund.web import capabilities
from verbund.web.composition import Services

WAIT_S = 900.0
LOOK_S = 0.05
BATCH = 2_000
FACTS_PER_S = "100000"
WORDS = """
die der das und in zu den ist von mit sich für auf nicht es im dem auch als an werden aus er hat dass sie
nach bei einer um am sind noch wie einem über einen so zum war haben nur oder aber vor zur bis mehr durch man
sein wurde kann gegen vom können schon wenn habe ihre dann unter wir soll ich eines Jahr zwei diese wieder
keine Uhr will Treppe Werkstatt Montage Fenster Termin morgen Kunde Rechnung Holz Eiche Schrauben Bestellung
Lieferung Freitag Montag Angebot bitte ansehen fertig Gartenstraße Aufmaß Leim Zuschnitt Wagen Anruf zurück
heute früh Lager
""".split()  # noqa: SIM905


def sentence(draw: random.Random, characters: int = 90) -> str:
    """Words as people use them, cut to a length."""
    text = ""
    while len(text) < characters:
        text += draw.choice(WORDS) + " "
    return text[:characters]


class Places:
    """Werkhof and Südnetz; a firm at both, in whose one room its members talk, and its teams."""

    def __init__(self, folder: Path, teams: int, members: int) -> None:
        here, there = free_port(), free_port()
        elsewhere = f"http://127.0.0.1:{there}"
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.werkhof = Server(folder / "werkhof", here, name="Werkhof", partners=elsewhere, facts_per_s=FACTS_PER_S)
        self.suednetz = Server(
            folder / "suednetz", there, name="Südnetz", url=elsewhere, partners=self.werkhof.address,
            facts_per_s=FACTS_PER_S,
        )  # fmt: skip
        self.suednetz.address = elsewhere
        self.werkhof.start()
        self.suednetz.start()
        self.room = Verbund(self.werkhof, members)
        self.room.set_up()
        self.organisation = self.room.space
        name_partner(self.first, self.organisation, self.suednetz)
        self.teams = [self.first.create(f"Baustelle {n}") for n in range(teams)]
        for team in self.teams:
            for person in self.room.people[1:]:
                person.join_team(team)
        self.wait_until_equal()

    @property
    def first(self) -> Person:
        return self.room.people[0]

    def stop(self) -> None:
        for person in self.room.people:
            person.close()
        for server in (self.werkhof, self.suednetz):
            if server.pid_alive():
                os.kill(server.pid, signal.SIGCONT)
            server.stop()

    def spaces(self) -> list[SpaceId]:
        return [self.organisation, *self.teams, *(SpaceId(person.account) for person in self.room.people)]

    def wait_until_equal(self) -> None:
        until(lambda: equal(self.werkhof, self.suednetz, self.spaces()))


@contextmanager
def places(folder: Path, teams: int = 0, members: int = 2) -> Iterator[Places]:
    made = Places(folder, teams, members)
    try:
        yield made
    finally:
        made.stop()


def until(check: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not check():
        if time.monotonic() > deadline:
            raise TimeoutError("it did not come to pass")
        time.sleep(LOOK_S)


def vectors(server: Server, spaces: Sequence[SpaceId]) -> dict[SpaceId, dict[str, int]]:
    """Space → how far a provider is, from its store: nobody has to be signed in for that."""
    found: dict[SpaceId, dict[str, int]] = {space: {} for space in spaces}
    with closing(sqlite3.connect(f"file:{server.data / 'verbund.db'}?mode=ro", uri=True, timeout=30)) as connection:
        rows = connection.execute("SELECT space, provider, incarnation, seq FROM sublog")
        for space, provider, incarnation, seq in rows:
            if space in found:
                found[space][f"{provider}.{incarnation}"] = seq
    return found


def equal(one: Server, other: Server, spaces: Sequence[SpaceId]) -> bool:
    here, there = vectors(one, spaces), vectors(other, spaces)
    return here == there and all(here.values())


def messages(people: Sequence[Person], spaces: Sequence[SpaceId], count: int, seed: int) -> Iterator[Parcel]:
    """So many messages by these people, spread over these spaces, one space after the other."""
    draw = random.Random(seed)
    for space in spaces:
        for _ in range(count // len(spaces)):
            yield draw.choice(people).parcel(space, "chat.message_posted.1", {"text": sentence(draw)})[1]


def offline(server: Server, parcels: Iterable[Parcel]) -> None:
    """These are submitted in the data folder of a provider that is not running: the same way in, without sockets."""

    async def work() -> None:
        url = server.settings.get("url", "")
        services = Services(Settings(data=str(server.data), port=server.port, url=url, meet="off"), capabilities)
        services.lock.take()
        services.log.start()
        try:
            waiting = iter(parcels)
            while batch := list(islice(waiting, BATCH)):
                outcomes = await services.log.submit(batch)
                wrong = [one for one in outcomes if one.st != "accepted"]
                assert not wrong, wrong[0]
        finally:
            await services.log.stop()
            services.store.close()
            services.lock.release()

    asyncio.run(work())


def know_heads(people: Sequence[Person], spaces: Sequence[SpaceId]) -> None:
    """While their provider is there: where their devices stand in these spaces."""
    for person in people:
        person.refresh()
        for space in spaces:
            person.stand(space)
