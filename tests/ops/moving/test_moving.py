"""A firm moves in a file: all of it, checked in full, merged with what is there, and nothing erased comes back."""

import asyncio
import json
import os
import shutil
import zipfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from sqlalchemy import select

from tests.flows.server import PASSWORD
from tests.partners.providers import Provider, eventually, running, say
from tests.simulation.invariants import LOCAL
from verbund.base.ids import SpaceId, b64
from verbund.base.keys import DeviceKey
from verbund.chat.events import MessagePosted
from verbund.log import sealing, search, tables
from verbund.log.sealer import seal
from verbund.ops.client import Person
from verbund.ops.moving import exporting
from verbund.ops.moving.archive import CONTENTS, DOMAIN, SIGNATURE, DamagedExport, NotAnExport, Reader
from verbund.ops.moving.checking import TwoHistories, check
from verbund.ops.moving.exporting import FileExists, NoRoom, plan, write_file
from verbund.ops.moving.selection import Ambiguous, NoSuchSpace, space_named
from verbund.ops.moving.taking import Taken, take_file
from verbund.web.main import main

PICTURE = bytes(range(256)) * 900
END_OF_TIME_MS = 2**60


def quiet(*_: Any) -> None:
    """Nobody looks."""


class Firm:
    """Anna's and Ben's firm with a team, a file, a conversation and something withdrawn."""

    def __init__(self, home: Provider) -> None:
        self.home = home

    async def begin(self) -> "Firm":
        self.anna = await self.home.firm()
        self.top = self.anna.organisation
        await asyncio.to_thread(self._fill)
        return self

    def _fill(self) -> None:
        anna = self.anna
        self.ben = Person(self.home.address, "Ben Krause")
        self.ben.join(anna.invite(self.top), "ben", PASSWORD)
        self.team = anna.create("Werkstatt")
        self.ben.join_team(self.team)
        self.talk = self.ben.direct(anna.account)
        self.ben.say(self.talk, "unter uns")
        anna.say(self.team, "guten Morgen „Werkstatt“ \\ \n zwei Zeilen")
        self.picture = anna.upload(self.team, PICTURE, "tisch.bin")
        anna.say(self.team, "mit Anhang", files=[self.picture], blobs=[self.picture["hash"]])
        self.secret = anna.say(self.team, "nie gesagt")
        anna.post(self.team, "chat.message_withdrawn.1", {"message": self.secret}, re=[self.secret])

    @property
    def spaces(self) -> list[SpaceId]:
        return [SpaceId(self.anna.account), SpaceId(self.ben.account), self.top, self.team, self.talk]

    async def export(self, path: Path) -> Path:
        planned = await asyncio.to_thread(plan, self.home.services, self.top)
        await asyncio.to_thread(write_file, self.home.services, planned, path, quiet)
        return path

    def close(self) -> None:
        self.anna.close()
        self.ben.close()


def rows(provider: Provider) -> dict[str, list[str]]:
    """table → what the folds made, without what is this provider's own order."""
    found = {}
    with provider.services.store.read() as connection:
        for table in (*provider.services.registry.projected, tables.cut):
            columns = [column for column in table.columns if column.name not in LOCAL]
            found[table.name] = sorted(map(repr, connection.execute(select(*columns)).all()))
    return found


async def moved(tmp_path: Path, work: Callable[[Firm, Provider, Path], Any]) -> None:
    werkhof, suednetz = Provider(tmp_path, "werkhof"), Provider(tmp_path, "suednetz")
    async with running(werkhof, suednetz):
        firm = await Firm(werkhof).begin()
        try:
            await work(firm, suednetz, await firm.export(tmp_path / "firma.zip"))
        finally:
            firm.close()


async def test_a_firm_moves_whole_and_again_and_stays_as_it_is(tmp_path: Path) -> None:
    async def work(firm: Firm, suednetz: Provider, file: Path) -> None:
        werkhof = firm.home
        vectors = {space: werkhof.vector(space) for space in firm.spaces}
        before = rows(werkhof)
        await werkhof.stop()
        taken = await take_file(suednetz.services, file, quiet)
        assert {space: suednetz.vector(space) for space in firm.spaces} == vectors
        assert (taken.blobs, taken.waiting, taken.lacking) == (1, 0, 0)
        assert rows(suednetz) == before
        with suednetz.services.blobs.open(firm.picture["hash"]) as stored:
            assert stored.read() == PICTURE
        assert await take_file(suednetz.services, file, quiet) == Taken(0, 0, 0, 0, 0)
        await suednetz.services.log.refold()
        assert rows(suednetz) == before

    await moved(tmp_path, work)


async def test_a_sealed_firm_moves_like_any_other(tmp_path: Path) -> None:
    """What lies in segments is exported, taken in, sealed there, folded again and erased as if it did not."""

    async def work(firm: Firm, suednetz: Provider, plain: Path) -> None:
        before = rows(firm.home)
        here, there = firm.home.services.log, suednetz.services.log
        with patch.object(sealing, "ENTRIES_MAX", 2):
            assert await seal(here, END_OF_TIME_MS) > 0
            core = tables.core.c
            with here.store.read() as connection:
                sealed = select(core.id).where(core.raw == b"", core.body.is_not(None), core.kind == MessagePosted.kind)
                said = connection.execute(sealed).scalars().all()
            assert len(said) >= 2
            file = await firm.export(plain.with_name("versiegelt.zip"))
            assert {one: entries(file, one) for one in firm.spaces} == {one: entries(plain, one) for one in firm.spaces}
            await take_file(suednetz.services, file, quiet)
            assert await seal(there, END_OF_TIME_MS) > 0
        await there.refold()
        assert rows(suednetz) == before
        with suednetz.services.store.read() as connection:
            assert search.find(connection, "zeilen", firm.spaces)

    await moved(tmp_path, work)


def entries(file: Path, space: SpaceId) -> list[bytes]:
    opened = Reader(file)
    return [opened.read(name) for name in opened.under(f"entries/{space}")]


async def test_what_was_erased_is_not_in_the_file_and_does_not_come_back(tmp_path: Path) -> None:
    async def work(firm: Firm, suednetz: Provider, file: Path) -> None:
        with zipfile.ZipFile(file) as opened:
            whole = b"".join(opened.read(name) for name in opened.namelist())
        assert b"nie gesagt" not in whole
        assert b"mit Anhang" in whole
        assert PICTURE in whole
        await take_file(suednetz.services, file, quiet)
        gone = await asyncio.to_thread(firm.anna.say, firm.team, "bald weg")
        old = await firm.export(file.with_name("alt.zip"))
        body = {"message": gone}
        await asyncio.to_thread(firm.anna.post, firm.team, "chat.message_withdrawn.1", body, [gone])
        await take_file(suednetz.services, await firm.export(file.with_name("neu.zip")), quiet)
        assert b"bald weg" in Reader(old).read(Reader(old).under(f"entries/{firm.team}")[0])
        await take_file(suednetz.services, old, quiet)
        with suednetz.services.store.read() as connection:
            bodies = connection.execute(select(tables.core.c.body).where(tables.core.c.body.is_not(None))).scalars()
            assert not any(b"bald weg" in bytes(body) for body in bodies)
        assert not any("bald weg" in line for line in rows(suednetz)["chat_message"])

    await moved(tmp_path, work)


async def test_a_team_brings_its_firm_and_its_people(tmp_path: Path) -> None:
    async def work(firm: Firm, suednetz: Provider, file: Path) -> None:
        planned = plan(firm.home.services, firm.team)
        held = {space.id for space in planned.spaces}
        assert {firm.top, firm.team, firm.anna.account, firm.ben.account} == held
        write_file(firm.home.services, planned, file.with_name("team.zip"), quiet)
        taken = await take_file(suednetz.services, file.with_name("team.zip"), quiet)
        assert (taken.waiting, suednetz.vector(firm.team)) == (0, firm.home.vector(firm.team))
        assert suednetz.vector(firm.talk) == {}

    await moved(tmp_path, work)


async def test_a_person_gets_what_they_may_read(tmp_path: Path) -> None:
    async def work(firm: Firm, _suednetz: Provider, _file: Path) -> None:
        closed = await asyncio.to_thread(firm.anna.create, "Geschäftsleitung", "private")
        await say(firm.anna, closed, "nur für mich")
        held = {space.id for space in plan(firm.home.services, firm.top, firm.ben.account).spaces}
        assert {firm.top, firm.team} <= held
        assert not {closed, firm.talk} & held
        assert closed in {space.id for space in plan(firm.home.services, firm.top, firm.anna.account).spaces}

    await moved(tmp_path, work)


async def test_other_news_of_the_same_place_are_refused(tmp_path: Path) -> None:
    """The provider was copied and both copies went on under one name: two histories, of which none is taken over."""

    async def work(firm: Firm, suednetz: Provider, file: Path) -> None:
        werkhof = firm.home
        await werkhof.stop()
        shutil.copytree(werkhof.services.data, tmp_path / "copy")
        await werkhof.start()
        await say(firm.anna, firm.team, "hier")
        newer = await firm.export(file.with_name("hier.zip"))
        await werkhof.stop()
        copy = Provider(tmp_path, "copy")
        copy.settings, copy.port, copy.address = werkhof.settings, werkhof.port, werkhof.address
        copy.settings = type(werkhof.settings)(**{**_fields(werkhof), "data": str(tmp_path / "copy")})
        async with running(copy):
            await asyncio.to_thread(firm.anna.refresh)
            await say(firm.anna, firm.team, "dort")
            await take_file(suednetz.services, newer, quiet)
            before = rows(suednetz)
            planned = plan(copy.services, firm.top)
            write_file(copy.services, planned, file.with_name("dort.zip"), quiet)
            with pytest.raises(TwoHistories):
                await take_file(suednetz.services, file.with_name("dort.zip"), quiet)
            assert rows(suednetz) == before

    await moved(tmp_path, work)


def _fields(provider: Provider) -> dict[str, Any]:
    return {name: getattr(provider.settings, name) for name in provider.settings.__struct_fields__}


async def test_whatever_is_wrong_with_the_file_nothing_of_it_is_taken(tmp_path: Path) -> None:
    async def work(firm: Firm, suednetz: Provider, file: Path) -> None:
        for name, damage in DAMAGES.items():
            torn = file.with_name(f"{name}.zip")
            damage(file, torn, firm)
            with pytest.raises((DamagedExport, NotAnExport)) as refused:
                await take_file(suednetz.services, torn, quiet)
            assert refused.value.sentence("de"), name
            with suednetz.services.store.read() as connection:
                assert connection.execute(select(tables.entry)).first() is None, name

    await moved(tmp_path, work)


Members = dict[str, bytes]


def _torn(file: Path, torn: Path, _firm: Firm) -> None:
    torn.write_bytes(file.read_bytes()[:-2000])


def _flipped(file: Path, torn: Path, _firm: Firm) -> None:
    raw = bytearray(file.read_bytes())
    with zipfile.ZipFile(file) as opened:
        at = opened.getinfo(next(name for name in opened.namelist() if name.startswith("blobs/"))).header_offset
    raw[at + 200] ^= 1
    torn.write_bytes(raw)


def _no_zip(_file: Path, torn: Path, _firm: Firm) -> None:
    torn.write_bytes(b"Fotos von der Hochzeit")


def _changed(change: Callable[[Members, Firm], None], signed: bool) -> Callable[[Path, Path, Firm], None]:
    """Somebody changes members and makes the table of contents fit; `signed`: by a provider of their own."""

    def damage(file: Path, torn: Path, firm: Firm) -> None:
        with zipfile.ZipFile(file) as opened:
            members = {name: opened.read(name) for name in opened.namelist()}
        signature = members.pop(SIGNATURE)
        contents = json.loads(members.pop(CONTENTS))
        change(members, firm)
        contents["members"] = {
            name: {"size": len(raw), "sha256": sha256(raw).hexdigest()} for name, raw in members.items()
        }
        raw = json.dumps(contents).encode()
        if signed:
            home = firm.home.services.installation
            proof = b64(home.device.sign(DOMAIN + sha256(raw).digest()))
            signature = json.dumps({**json.loads(signature), "signature": proof}).encode()
        with zipfile.ZipFile(torn, "w") as out:
            for name, one in {**members, CONTENTS: raw, SIGNATURE: signature}.items():
                out.writestr(name, one)

    return damage


def _page(members: Members, firm: Firm) -> tuple[str, list[dict[str, Any]]]:
    name = next(name for name in members if name.startswith(f"entries/{firm.team}"))
    return name, [json.loads(line) for line in members[name].splitlines()]


def _put(members: Members, name: str, entries: list[dict[str, Any]]) -> None:
    members[name] = b"\n".join(json.dumps(one).encode() for one in entries) + b"\n"


def _last_gone(members: Members, firm: Firm) -> None:
    name, entries = _page(members, firm)
    _put(members, name, entries[:-1])


def _other_words(members: Members, firm: Firm) -> None:
    name, entries = _page(members, firm)
    text = next(one for one in entries if "mit Anhang" in (one["b"] or ""))
    text["b"] = text["b"].replace("mit Anhang", "mit Abhang")
    _put(members, name, entries)


def _other_signature(members: Members, firm: Firm) -> None:
    name, entries = _page(members, firm)
    entries[-1]["s"] = b64(DeviceKey.generate().sign(b"anything"))
    _put(members, name, entries)


def _swapped(members: Members, firm: Firm) -> None:
    name, entries = _page(members, firm)
    entries[-1], entries[-2] = entries[-2], entries[-1]
    _put(members, name, entries)


def _other_file(members: Members, firm: Firm) -> None:
    members[f"blobs/{firm.picture['hash']}"] = b"something else"


def _climbs_out(members: Members, _firm: Firm) -> None:
    members["../../evil"] = b"x"


def _no_json(members: Members, firm: Firm) -> None:
    members[_page(members, firm)[0]] = b"[" * 100_000


DAMAGES: dict[str, Callable[[Path, Path, Firm], None]] = {
    "torn": _torn,
    "flipped": _flipped,
    "no-zip": _no_zip,
    "unsigned": _changed(_last_gone, signed=False),
    **{
        change.__name__: _changed(change, signed=True)
        for change in (
            _last_gone, _other_words, _other_signature, _swapped, _other_file, _climbs_out, _no_json,
        )
    },
}  # fmt: skip


async def test_a_full_disk_leaves_no_half_file_and_no_half_import(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work(firm: Firm, suednetz: Provider, file: Path) -> None:
        planned = plan(firm.home.services, firm.top)
        real = exporting.os.open
        monkeypatch.setattr(exporting.os, "open", lambda _path, _flags, _mode: real("/dev/full", os.O_WRONLY))
        with pytest.raises(NoRoom):
            write_file(firm.home.services, planned, file.with_name("voll.zip"), quiet)
        monkeypatch.undo()
        assert not file.with_name("voll.zip").exists()
        with pytest.raises(FileExists):
            write_file(firm.home.services, planned, file, quiet)
        monkeypatch.setattr("verbund.ops.moving.taking.FREE_BYTES_MIN", 1 << 60)
        with pytest.raises(NoRoom):
            await take_file(suednetz.services, file, quiet)
        assert suednetz.vector(firm.team) == {}

    await moved(tmp_path, work)


async def test_the_commands_export_and_import_beside_the_server_and_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)

    async def work(firm: Firm, suednetz: Provider, _file: Path) -> None:
        here, there = str(firm.home.services.data), str(suednetz.services.data)
        command = asyncio.to_thread
        assert await command(main, ["export", "tischlerei lindner", "lindner.zip", "--data", here]) == 0
        assert await command(main, ["import", "lindner.zip", "--dry-run", "--data", there]) == 0
        assert suednetz.vector(firm.team) == {}
        assert await command(main, ["import", "lindner.zip", "--data", there]) == 0
        assert suednetz.vector(firm.team) == firm.home.vector(firm.team)
        assert "Tischlerei Lindner, Werkstatt" in capsys.readouterr().out
        assert await command(main, ["import", "lindner.zip", "--data", str(tmp_path / "third")]) == 0
        third = await Provider(tmp_path, "third").start()
        try:
            assert third.vector(firm.team) == firm.home.vector(firm.team)
            await eventually(lambda: rows(third) == rows(firm.home))
        finally:
            await third.stop()
        (tmp_path / "kaputt.zip").write_bytes(b"x")
        assert await command(main, ["import", "kaputt.zip", "--data", there]) == 1
        with firm.home.services.store.read() as connection:
            for wanted, refusal in {"Nirgends": NoSuchSpace, "": NoSuchSpace}.items():
                with pytest.raises(refusal):
                    space_named(connection, wanted)
        await asyncio.to_thread(firm.anna.create, "Werkstatt")
        with firm.home.services.store.read() as connection, pytest.raises(Ambiguous):
            space_named(connection, "Werkstatt")

    await moved(tmp_path, work)


async def test_the_check_tells_how_far_it_is(tmp_path: Path) -> None:
    async def work(_firm: Firm, suednetz: Provider, file: Path) -> None:
        seen: list[tuple[int, int]] = []
        reader = Reader(file)
        found = check(reader, suednetz.services.log.store, lambda done, whole: seen.append((done, whole)))
        reader.close()
        assert found.unsigned == 0
        assert [done for done, _ in seen] == sorted(done for done, _ in seen)
        assert 0 < seen[-1][0] <= seen[-1][1]

    await moved(tmp_path, work)
