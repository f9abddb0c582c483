"""Devices that gave one number to two facts: their owners see it, and the owners of the space; nobody else."""

from pathlib import Path

from tests.accounts.people import Browser, Pen, Place, running
from tests.accounts.test_standing_passkeys import acquainted
from tests.spaces.test_replica import entries, title
from verbund.accounts.events import DeviceRevoked
from verbund.base.ids import SpaceId


async def writes_twice(ben: Browser, firm: SpaceId, other: Place) -> None:
    """Ben's browser is put back to an old copy, which goes on at the other provider; then the two meet."""
    place, heads = ben.place, await ben.heads(firm)
    await other.services.log.write(acquainted(place))
    await place.services.log.write(acquainted(other))
    await other.services.log.accept([one for found in entries(place).values() for one in found])
    copy = Pen(place.clock, ben.pen.key)
    copy.last = dict(ben.pen.last)
    await ben.writes(firm, title("Von Ben"))
    _, parcel = copy.write(firm, title("Von der Kopie"), heads)
    outcome = (await other.services.log.submit([parcel]))[0]
    assert outcome.st == "accepted"
    own = other.services.log.provider
    await place.services.log.accept([one for one in entries(other)[firm] if one.p == own])


async def test_owners_see_which_device_and_what_to_do(tmp_path: Path) -> None:
    async with running(tmp_path / "one") as one, running(tmp_path / "two") as two:
        anna, firm = await one.firm()
        ben = await one.colleague(anna, firm, "ben", "admin")
        path = f"/api/spaces/{firm}/twofold"
        assert (await anna.get(path)).json() == []
        await writes_twice(ben, firm, two)
        (shown,) = (await anna.get(path)).json()
        assert (shown["dev"], shown["account"], shown["name"]) == (ben.pen.dev, ben.account, "Ben")
        assert (shown["count"], shown["revoked_at"]) == (1, None)
        assert (await ben.get(path)).status_code == 404, "he leads, but owns nothing"
        assert (await (await one.firm("Glaserei Wolf", "wolf"))[0].get(path)).status_code == 404

        doubtful = {row["dev"]: row["twofold"] for row in (await ben.get("/api/devices")).json()}
        assert doubtful == {ben.pen.dev: True}
        assert [row["twofold"] for row in (await anna.get("/api/devices")).json()] == [False]

        new = one.browser()
        await new.signs_in("ben")
        cuts = next(row["cuts"] for row in (await new.get("/api/devices")).json() if row["dev"] == ben.pen.dev)
        await new.writes(ben.account, DeviceRevoked(dev=ben.pen.dev, cuts=cuts))
        (shown,) = (await anna.get(path)).json()
        assert shown["revoked_at"] is not None
