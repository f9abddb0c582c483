"""An owner downloads everything: whole, no more than they may read; only owners; who leaves holds nothing up."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.ops.moving.test_moving import PICTURE, Firm, quiet
from tests.partners.providers import Provider, eventually, running
from verbund.base.refusal import Unknown
from verbund.ops.client import Person
from verbund.ops.moving import giving
from verbund.ops.moving.archive import Reader
from verbund.ops.moving.checking import check
from verbund.ops.moving.giving import Given, Giving
from verbund.ops.moving.taking import take_file


def download(person: Person, space: str, file: Path) -> httpx.Response:
    path = person.call("POST", f"/api/spaces/{space}/export")["path"]
    with person.http.stream("GET", path, timeout=30) as answer, file.open("wb") as out:
        for piece in answer.iter_bytes():
            out.write(piece)
    return answer


async def state(firm: Firm) -> dict[str, Any]:
    found: dict[str, Any] = await asyncio.to_thread(firm.anna.call, "GET", f"/api/spaces/{firm.top}/export")
    return found


async def test_an_owner_takes_what_they_may_read_to_another_provider(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    werkhof, suednetz = Provider(tmp_path, "werkhof"), Provider(tmp_path, "suednetz")
    async with running(werkhof, suednetz):
        firm = await Firm(werkhof).begin()
        secret = await asyncio.to_thread(firm.ben.create, "Nur Ben", "private")
        await asyncio.to_thread(firm.ben.say, secret, "nicht für Anna")
        assert (await state(firm))["state"] == "none"
        file = tmp_path / "firma.zip"
        with caplog.at_level("INFO", logger=giving.__name__):
            answer = await asyncio.to_thread(download, firm.anna, firm.top, file)
        assert answer.headers["content-disposition"] == 'attachment; filename="verbund-export.zip"'
        assert "content-encoding" not in answer.headers
        assert firm.anna.account in caplog.text
        told = await state(firm)
        assert told["state"] == "done"
        assert told["done"] > len(PICTURE)
        reader = Reader(file)
        assert secret not in {space.id for space in reader.head.spaces}
        assert b"unter uns" not in file.read_bytes()
        check(reader, suednetz.services.store, quiet)
        reader.close()
        await take_file(suednetz.services, file, quiet)
        assert suednetz.vector(firm.team) == werkhof.vector(firm.team)
        with suednetz.services.blobs.open(firm.picture["hash"]) as stored:
            assert stored.read() == PICTURE
        firm.close()


async def test_others_do_not(tmp_path: Path) -> None:
    werkhof = Provider(tmp_path, "werkhof")
    async with running(werkhof):
        firm = await Firm(werkhof).begin()
        begin = f"/api/spaces/{firm.top}/export"
        path = (await asyncio.to_thread(firm.anna.call, "POST", begin))["path"]
        with httpx.Client(base_url=werkhof.address) as stranger:
            assert (await asyncio.to_thread(stranger.post, begin)).status_code == 401
            assert (await asyncio.to_thread(stranger.get, path)).status_code == 401
        assert (await asyncio.to_thread(firm.ben.http.get, path)).status_code == 404
        assert (await asyncio.to_thread(firm.anna.http.get, path)).status_code == 200
        assert (await asyncio.to_thread(firm.anna.http.get, path)).status_code == 404
        for person, space, code in (
            (firm.ben, firm.top, "ops.owners_only"),
            (firm.anna, "x" * 43, Unknown.code),
            (firm.anna, "kurz", Unknown.code),
        ):
            answer = await asyncio.to_thread(person.http.post, f"/api/spaces/{space}/export")
            assert answer.json()["code"] == code
        firm.close()


async def test_who_leaves_in_the_middle_holds_nothing_up(tmp_path: Path) -> None:
    werkhof = Provider(tmp_path, "werkhof")
    async with running(werkhof):
        firm = await Firm(werkhof).begin()
        big = bytes(16 * giving.PIECE_BYTES)
        held = await asyncio.to_thread(firm.anna.upload, firm.team, big, "groß.bin")
        await asyncio.to_thread(firm.anna.say, firm.team, "groß", files=[held], blobs=[held["hash"]])
        service: Giving = werkhof.services.parts["giving"]
        ones: list[Given] = []
        for space in (firm.top, firm.team):
            ones.append(await service.begin(space, firm.anna.account))
        for one in ones:
            await eventually(lambda one=one: one._pieces.full())  # type: ignore[misc]
        other = await asyncio.to_thread(firm.anna.create, "Lager")
        third = await asyncio.to_thread(firm.anna.http.post, f"/api/spaces/{other}/export")
        assert third.json()["code"] == "ops.already_giving"
        assert all(one.done < len(big) for one in ones)
        reading = ones[0].pieces()
        await anext(reading)
        await reading.aclose()
        assert service.shape(firm.top, firm.anna.account).state == "broken"
        # Begun anew, it is whole; the one that nobody reads still stands, and takes no more memory than its queue.
        again = await asyncio.to_thread(download, firm.anna, firm.top, tmp_path / "zweite.zip")
        assert again.status_code == 200
        Reader(tmp_path / "zweite.zip").close()
        assert ones[1]._pieces.qsize() <= giving.PIECES_MAX
        firm.close()


async def test_what_cannot_be_finished_is_not_taken_for_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    werkhof = Provider(tmp_path, "werkhof")
    async with running(werkhof):
        firm = await Firm(werkhof).begin()
        # The disk gives up under the file that is just being read.
        blob = next((tmp_path / "werkhof" / "blobs").rglob(f"*{firm.picture['hash'][4:]}*"), None)
        assert blob is not None
        blob.unlink()
        blob.mkdir()
        with pytest.raises(httpx.RemoteProtocolError):
            await asyncio.to_thread(download, firm.anna, firm.top, tmp_path / "halb.zip")
        assert (await state(firm))["state"] == "broken"
        firm.close()
