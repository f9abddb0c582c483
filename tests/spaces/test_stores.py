"""The same life on SQLite and on PostgreSQL: what is written, asked and rebuilt."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests.accounts.people import Place, running
from tests.accounts.test_second_factor import turned_on
from tests.spaces.test_replica import a_firm_with_a_past, rows
from verbund.accounts.commands import make_reset_link_for_handle


@pytest.fixture
async def place(tmp_path: Path, database: Callable[[str], str]) -> AsyncIterator[Place]:
    async with running(tmp_path / "data", database("verbund")) as place:
        yield place


async def test_a_firm_with_a_past_is_rebuilt_the_same(place: Place) -> None:
    await a_firm_with_a_past(place)
    before = rows(place)
    await place.services.log.refold()
    assert rows(place) == before


async def test_every_way_in_works(place: Place) -> None:
    anna, firm = await place.firm()
    phone, codes = await turned_on(place, anna)
    assert (await place.browser().signs_in("anna", code=phone.code())).status_code == 201
    assert (await place.browser().signs_in("anna", code=codes[0])).status_code == 201
    assert (await place.browser().signs_in("anna", code=codes[0])).status_code == 401
    token = await place.services.log.write(lambda tx: make_reset_link_for_handle(tx, "anna"))
    new = {"token": token, "password": "drei Sägen und eine Feile"}
    assert (await anna.post("/api/password-resets/use", new)).status_code == 204
    place.clock.pass_s(31)
    again = place.browser()
    assert (await again.signs_in("anna", "drei Sägen und eine Feile", phone.code())).status_code == 201
    devices = (await again.get("/api/devices")).json()
    assert len(devices) == 4
    assert (await again.get("/api/me")).json()["organisation"] == firm
    for path in (f"/api/spaces/{firm}", f"/api/spaces/{firm}/members", "/api/spaces/open", "/api/security"):
        assert (await again.get(path)).status_code == 200, path
