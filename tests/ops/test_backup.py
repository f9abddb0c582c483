"""A backup taken while people write comes back whole, as a new incarnation, and nothing is ever overwritten."""

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest

from tests.flows.server import PASSWORD, Server, texts
from verbund.base.settings import Settings, load
from verbund.log.store import Store, metadata
from verbund.ops.backup import DATABASE, BackupExists, InsideData, NothingToBackUp, back_up
from verbund.ops.client import Person
from verbund.ops.manifest import MANIFEST, DamagedBackup, NoBackup
from verbund.ops.restore import DataExists, restore
from verbund.ops.transfer import Tables
from verbund.web.installation import KEYS_FILE, next_incarnation, open_installation
from verbund.web.main import main
from verbund.web.migrations import bring_forward

TABLES = Tables(metadata, bring_forward)
PICTURE = bytes(range(256)) * 64


def move(person: Person, address: str) -> None:
    """The same browser at another address; its cookie is for the host, whatever the port."""
    person.address = address
    person.http.base_url = address
    person.http.headers["origin"] = address
    person.refresh()


def tree(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load(file=tmp_path / "none.toml", environment={}, data=str(tmp_path / "data"))


@pytest.fixture
def backup(settings: Settings, tmp_path: Path) -> Path:
    """A backup of a small data folder that was made by hand."""
    settings.folder.mkdir()
    make_installation(settings)
    (settings.folder / "blobs" / "ab").mkdir(parents=True)
    (settings.folder / "blobs" / "ab" / "abc").write_bytes(PICTURE)
    (settings.folder / "blobs" / "tmp").mkdir()
    (settings.folder / "blobs" / "tmp" / "half").write_bytes(b"half")
    folder = tmp_path / "backup"
    back_up(settings, folder, TABLES)
    return folder


@pytest.fixture
def anna() -> Iterator[Person]:
    with closing(Person("http://localhost", "Anna")) as person:
        yield person


def make_installation(settings: Settings) -> None:
    open_installation(settings.folder)
    store = Store(settings.database_url)
    store.create_all()
    store.close()


def test_a_firm_comes_back_with_everything_and_goes_on(
    tmp_path: Path, anna: Person, database: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = database("before"), database("after")
    data, again = tmp_path / "data", tmp_path / "again"
    with running(data, old) as server:
        move(anna, server.address)
        firm = anna.found(server.setup, "Tischlerei Lindner", "anna", PASSWORD)
        anna.say(firm, "vor der Sicherung")
        picture = anna.upload(firm, PICTURE, "tisch.bin")
        anna.say(firm, "mit Anhang", files=[picture], blobs=[picture["hash"]])
        monkeypatch.setenv("VERBUND_DATABASE", old)
        assert main(["backup", str(tmp_path / "backup"), "--data", str(data)]) == 0
        anna.say(firm, "nach der Sicherung")
        before = anna.call("GET", "/api/provider")
        server.kill()
    monkeypatch.setenv("VERBUND_DATABASE", new)
    assert main(["restore", str(tmp_path / "backup"), "--data", str(again)]) == 0
    with running(again, new) as server:
        after = httpx.get(f"{server.address}/api/provider", trust_env=False).json()
        assert after["provider"] == before["provider"]
        assert after["incarnation"] > before["incarnation"] + 1
        move(anna, server.address)
        assert texts(anna, firm) == ["vor der Sicherung", "mit Anhang"]
        assert [hit["text"] for hit in anna.call("GET", "/api/search", params={"q": "Anhänge"})["hits"]] == [
            "mit Anhang"
        ]
        assert anna.http.get(f"/blobs/{firm}/{picture['hash']}").content == PICTURE
        anna.say(firm, "es geht weiter")
        assert texts(anna, firm)[-1] == "es geht weiter"
    keys = [json.loads((folder / KEYS_FILE).read_bytes()) for folder in (data, again)]
    assert keys[0]["root"] == keys[1]["root"]
    assert keys[0]["device"] != keys[1]["device"]
    assert main(["restore", str(tmp_path / "backup"), "--data", str(tmp_path / "third")]) == 1, "never over a database"


@contextmanager
def running(data: Path, database: str) -> Iterator[Server]:
    server = Server(data, database=database).start()
    try:
        yield server
    finally:
        server.stop()


def test_what_passes_is_left_out(backup: Path) -> None:
    assert set(tree(backup)) == {MANIFEST, DATABASE, KEYS_FILE, "blobs/ab/abc"}


def test_only_its_owner_reads_a_backup(backup: Path) -> None:
    assert [path for path in (backup, *backup.rglob("*")) if path.stat().st_mode & 0o077] == []


def test_a_backup_is_not_overwritten(backup: Path, settings: Settings) -> None:
    before = tree(backup)
    with pytest.raises(BackupExists):
        back_up(settings, backup, TABLES)
    assert tree(backup) == before


def test_a_backup_may_be_replaced_when_asked(backup: Path, settings: Settings) -> None:
    (settings.folder / "blobs" / "ab" / "new").write_bytes(b"new")
    back_up(settings, backup, TABLES, replace=True)
    assert tree(backup)["blobs/ab/new"] == b"new"
    assert sorted(path.name for path in backup.parent.iterdir()) == ["backup", "data"]


def test_something_else_is_never_replaced(settings: Settings, backup: Path, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "wedding.jpg").write_bytes(b"jpg")
    with pytest.raises(NoBackup):
        back_up(settings, photos, TABLES, replace=True)
    assert tree(photos) == {"wedding.jpg": b"jpg"}


def test_a_backup_does_not_swallow_itself(backup: Path, settings: Settings) -> None:
    with pytest.raises(InsideData):
        back_up(settings, settings.folder / "backup", TABLES)


def test_no_data_no_backup(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(NothingToBackUp):
        back_up(settings, tmp_path / "backup", TABLES)


def test_a_restore_can_be_looked_at_first(backup: Path, settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(settings.folder)
    assert main(["restore", str(backup), "--data", folder, "--dry-run"]) == 1, "there is data"
    shutil.rmtree(settings.folder)
    assert main(["restore", str(backup), "--data", folder, "--dry-run"]) == 0
    assert "Es wurde nichts verändert" in capsys.readouterr().out
    assert not settings.folder.exists()
    (backup / "blobs" / "ab" / "abc").write_bytes(b"torn")
    assert main(["restore", str(backup), "--data", folder, "--dry-run"]) == 1


def test_data_is_not_overwritten(backup: Path, settings: Settings) -> None:
    before = tree(settings.folder)
    with pytest.raises(DataExists):
        restore(backup, settings, next_incarnation, TABLES)
    assert tree(settings.folder) == before


def test_a_disk_that_is_mounted_there_stays(backup: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    data = settings.folder
    wanted = {name for name in tree(data) if (backup / name).exists()}
    shutil.rmtree(data)
    (data / "lost+found").mkdir(parents=True)
    disk = data.stat().st_ino
    monkeypatch.setattr(Path, "is_mount", lambda path: path == data)
    restore(backup, settings, next_incarnation, TABLES)
    assert wanted
    assert wanted <= set(tree(data))
    assert data.stat().st_ino == disk
    assert not (data / ".restored").exists()


@pytest.mark.parametrize("damage", ["flipped", "shortened", "missing", "elsewhere"])
def test_a_damaged_backup_restores_nothing(backup: Path, settings: Settings, damage: str) -> None:
    shutil.rmtree(settings.folder)
    blob, manifest = backup / "blobs" / "ab" / "abc", backup / MANIFEST
    if damage == "flipped":
        blob.write_bytes(bytes([PICTURE[0] ^ 1]) + PICTURE[1:])
    elif damage == "shortened":
        blob.write_bytes(PICTURE[:-1])
    elif damage == "missing":
        blob.unlink()
    else:
        blob.rename(backup.parent / "abc")
        manifest.write_text(manifest.read_text("utf-8").replace("blobs/ab/abc", "../abc"), "utf-8")
    with pytest.raises(DamagedBackup):
        restore(backup, settings, next_incarnation, TABLES)
    assert not settings.folder.exists()
    assert sorted(path.name for path in backup.parent.iterdir() if path.is_dir()) == ["backup"]


def test_a_backup_restored_twice_gives_two_incarnations(
    backup: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = [open_installation(settings.folder).incarnation]
    for now in (1_800_000_000.5, 1_800_000_060.0, 1_000_000_000.0):
        shutil.rmtree(settings.folder)
        monkeypatch.setattr("verbund.web.installation.time.time", lambda now=now: now)
        restore(backup, settings, next_incarnation, TABLES)
        seen.append(open_installation(settings.folder).incarnation)
    assert seen == [1, 1_800_000_000, 1_800_000_060, 1_000_000_000]
    assert next_incarnation(settings.folder).incarnation == 1_000_000_001


def test_a_torn_backup_is_none(backup: Path, settings: Settings) -> None:
    shutil.rmtree(settings.folder)
    (backup / MANIFEST).unlink()
    with pytest.raises(NoBackup):
        restore(backup, settings, next_incarnation, TABLES)


def test_a_failed_renewal_leaves_nothing_behind(backup: Path, settings: Settings) -> None:
    shutil.rmtree(settings.folder)

    def broken(_folder: Path) -> None:
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        restore(backup, settings, broken, TABLES)
    assert sorted(path.name for path in backup.parent.iterdir()) == ["backup"]
