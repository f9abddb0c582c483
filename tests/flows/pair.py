"""A firm at two real providers, and its people in browsers at the first of them."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from playwright.sync_api import Browser

from tests.flows.browser import Person
from tests.flows.server import PASSWORD, Firm, Server
from tests.flows.test_partners import at_partner, eventually, name_partner
from tests.ports import free_port
from verbund.base.ids import SpaceId


class Pair(NamedTuple):
    """Two providers that hold one firm's spaces."""

    werkhof: Server
    suednetz: Server
    firm: Firm

    @property
    def workshop(self) -> SpaceId:
        return self.firm.workshop

    def equal(self) -> bool:
        """The firm too: an invitation into the workshop is written there as well."""
        return self.equal_in(self.workshop) and self.equal_in(self.firm.anna.organisation)

    def equal_in(self, space: str) -> bool:
        return at_partner(self.werkhof, space) == at_partner(self.suednetz, space) != {}

    def well(self) -> "Pair":
        """Both are there and agree; as a test begins, whatever became of the one before."""
        for server in (self.werkhof, self.suednetz):
            if server.pid_alive():
                os.kill(server.pid, signal.SIGCONT)
            else:
                server.start()
        eventually(self.equal)
        return self


@contextmanager
def two_providers(
    folder: Path, here: int = 0, front: int = 0, names: tuple[str, str] = ("localhost", "127.0.0.1"), **settings: str
) -> Iterator[Pair]:
    """Werkhof and Südnetz, with Anna's firm at both. `front`: the port of what people reach Werkhof through. `names`:
    what each is called in addresses."""
    here, there = here or free_port(), free_port()
    elsewhere = f"http://{names[1]}:{there}"
    home = f"http://{names[0]}:{front or here}"
    werkhof = Server(folder / "werkhof", here, name="Werkhof", url=home, partners=elsewhere, **settings)
    werkhof.address = home
    suednetz = Server(
        folder / "suednetz", there, name="Südnetz", url=elsewhere, partners=werkhof.address, **settings
    )  # fmt: skip
    suednetz.address = elsewhere
    werkhof.start()
    suednetz.start()
    firm = Firm(werkhof)
    try:
        name_partner(firm.anna, firm.anna.organisation, suednetz)
        firm.anna.say(firm.workshop, "vor dem Ausfall")
        yield Pair(werkhof, suednetz, firm)
    finally:
        firm.close()
        for server in (werkhof, suednetz):
            if server.pid_alive():
                os.kill(server.pid, signal.SIGCONT)
            server.stop()


@contextmanager
def colleagues(browser: Browser, pair: Pair) -> Iterator[Callable[[str], Person]]:
    """handle → somebody in the workshop, as `at_work`, who signs in for the first of several stories only.

    Who was there when one failed begins anew.
    """
    there: dict[str, Person] = {}

    def comes(handle: str) -> Person:
        if (known := there.get(handle)) is not None and not known.is_doubtful:
            known.comes_back(f"/raum/{pair.workshop}")
            known.sees("vor dem Ausfall")
            return known
        if known is not None:
            known.close()
        there[handle] = at_work(browser, pair, handle)
        return there[handle]

    yield comes
    for person in there.values():
        person.close()


def at_work(browser: Browser, pair: Pair, handle: str) -> Person:
    """Somebody in the workshop, whose device is known at both providers."""
    person = Person(browser, handle, pair.werkhof.address)
    path = f"/raum/{pair.workshop}"
    person.sign_in(handle, PASSWORD, path)
    person.sees("vor dem Ausfall")
    person.waits_for_shell()
    account = person.page.evaluate("async () => (await (await fetch('/api/me')).json()).account.id")
    # Both are looked at anew each time: more may come to the account while it is waited for.
    eventually(lambda: pair.equal_in(account))
    return person
