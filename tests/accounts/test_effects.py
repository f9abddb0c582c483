"""What follows at a partner from facts that were written elsewhere, in whatever order they come."""

import asyncio
from pathlib import Path

import msgspec
from sqlalchemy import select

from tests.accounts.people import Browser, Place, running
from tests.accounts.test_devices import revocation
from tests.accounts.test_sign_in import by_device
from tests.web.sockets import Socket
from verbund.accounts import tables
from verbund.accounts.commands import admit_provider_device
from verbund.accounts.events import ProfileChanged
from verbund.accounts.schemas import Caller
from verbund.base.ids import SpaceId
from verbund.log.entry import WAITING, Entry
from verbund.web.hub import Connection

WAIT_S = 30.0


def entries(place: Place, space: str) -> list[Entry]:
    page, more = place.services.log.entries(SpaceId(space), {})
    assert not more
    return [msgspec.json.decode(one, type=Entry) for one in page]


def sessions(place: Place, dev: str) -> list[str]:
    """The sessions of a device that this provider keeps."""
    session = tables.session.c
    with place.services.store.read() as connection:
        return list(connection.execute(select(session.id).where(session.dev == dev)).scalars())


async def until_out(place: Place, dev: str) -> None:
    async with asyncio.timeout(WAIT_S):
        while sessions(place, dev):  # noqa: ASYNC110  # the effect tells nobody but the store
            await asyncio.sleep(0.01)


async def trusts(place: Place, other: Place) -> None:
    one = other.services.installation
    await place.services.log.write(lambda tx: admit_provider_device(tx, one.provider, one.device.public))


async def signed_in_there(place: Place, browser: Browser) -> Browser:
    """The same device, with a session at another provider."""
    there = Browser(place, browser.pen)
    assert (await by_device(there)).status_code == 201
    there.account = browser.account
    return there


async def revokes_another(place: Place) -> None:
    """Somebody of this provider signs a device out: the effects have passed everything that came before."""
    bea, _ = await place.firm("Glaserei Wolf", "bea")
    second = place.browser()
    assert (await second.signs_in("bea")).status_code == 201
    (outcome,) = await place.services.log.submit([await revocation(bea, second.pen.dev)])
    assert outcome.st == "accepted"
    await until_out(place, second.pen.dev)


async def test_revocation_that_comes_before_what_it_cites_ends_the_session_at_a_partner(tmp_path: Path) -> None:
    """Home has the cause, a second provider the revocation; the third hears of the revocation first."""
    async with running(tmp_path / "home") as home, running(tmp_path / "b") as second, running(tmp_path / "c") as third:
        for place, other in ((second, home), (third, home), (third, second)):
            await trusts(place, other)
        anna, _ = await home.firm()
        stolen = home.browser()
        assert (await stolen.signs_in("anna")).status_code == 201
        for place in (second, third):
            await place.services.log.accept(entries(home, anna.account))
        there = await signed_in_there(third, stolen)
        socket = Connection(Caller(there.account, there.pen.dev, "session"), "de", Socket())
        third.services.live.add(socket)

        await anna.writes(anna.account, ProfileChanged(name="Anna L."), [anna.account])
        await second.services.log.accept(entries(home, anna.account))
        (outcome,) = await second.services.log.submit([await revocation(anna, stolen.pen.dev)])
        assert outcome.st == "accepted"
        own = second.services.log.provider
        early = [one for one in entries(second, anna.account) if one.p == own]
        await third.services.log.accept(early)
        assert [one.x for one in entries(third, anna.account) if one.p == own] == [WAITING]
        await revokes_another(third)
        assert sessions(third, stolen.pen.dev) != []

        await third.services.log.accept(entries(home, anna.account))
        await until_out(third, stolen.pen.dev)
        assert (await there.get("/api/me")).status_code == 401
        assert await socket.over == "accounts.signed_out"
