"""Backing up while the server runs: the database in one consistent state, then the files, then the manifest.

Database first: whatever it names was on disk before it was committed, so the files copied afterwards include it.
A finished blob never changes; what comes or goes meanwhile is simply in or out.
"""

import os
import shutil
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from sqlalchemy import make_url

from verbund import __version__
from verbund.base.refusal import Refusal
from verbund.base.settings import Settings
from verbund.ops.manifest import FORMAT, MANIFEST, Held, Manifest, copy, make_folder, read_manifest
from verbund.ops.transfer import Tables, copy_tables

DATABASE = "verbund.db"
BUSY_TIMEOUT_S = 30
#: Not worth keeping: what is being written, what only lives while the server does, what can be had again.
PASSING = frozenset(
    {"tmp", "run", "cache", "logs", "lock", "meet", "demo", "imports", "arriving", "backup-made", "alive"}
)
#: Its time says when the last backup ended.
MADE = "backup-made"


class BackupExists(Refusal):
    """de: In {folder} liegt schon etwas. Einen anderen Ordner nehmen, oder mit --replace eine frühere Sicherung
    dort ersetzen.
    en: There is something in {folder} already. Take another folder, or replace an earlier backup with --replace."""

    code = "ops.backup_exists"
    status = 409


class NothingToBackUp(Refusal):
    """de: In {folder} liegen keine Daten. Mit --data den Datenordner angeben.
    en: There is no data in {folder}. Name the data folder with --data."""

    code = "ops.nothing_to_back_up"
    status = 404


class InsideData(Refusal):
    """de: Die Sicherung darf nicht im Datenordner liegen. Einen Ordner außerhalb nehmen, am besten auf einer anderen
    Platte.
    en: The backup must not lie in the data folder. Take a folder outside, best on another disk."""

    code = "ops.inside_data"
    status = 409


def back_up(settings: Settings, folder: Path, tables: Tables, replace: bool = False) -> Manifest:
    """Fill `folder` with a backup of everything. It appears whole or not at all.

    Raises BackupExists, NothingToBackUp, InsideData.
    """
    data = settings.folder
    _check_places(data, folder, replace)
    fresh = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    make_folder(fresh)
    try:
        manifest = _fill(settings, fresh, tables)
        _swap(fresh, folder)
        (data / MADE).touch(mode=0o600)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    return manifest


def last_backup_at(data: Path) -> int | None:
    """When the last backup ended (ms); None before the first."""
    try:
        return int((data / MADE).stat().st_mtime * 1000)
    except OSError:
        return None


def _check_places(data: Path, folder: Path, replace: bool) -> None:
    if not data.is_dir() or not any(data.iterdir()):
        raise NothingToBackUp(folder=data)
    if folder == data or folder.is_relative_to(data):
        raise InsideData()
    if folder.is_dir() and any(folder.iterdir()):
        if not replace:
            raise BackupExists(folder=folder)
        read_manifest(folder)  # only a backup is ever replaced
    elif folder.exists() and not folder.is_dir():
        raise BackupExists(folder=folder)


def _fill(settings: Settings, fresh: Path, tables: Tables) -> Manifest:
    source = make_url(settings.database_url)
    if source.get_backend_name() == "sqlite":
        _copy_sqlite(Path(source.database or ""), fresh / DATABASE)
    else:
        copy_tables(settings.database_url, f"sqlite:///{fresh / DATABASE}", tables)
    (fresh / DATABASE).chmod(0o600)
    with (fresh / DATABASE).open("rb") as file, Path(os.devnull).open("wb") as nowhere:
        held = {DATABASE: copy(file, nowhere)}
    for path in _files(settings.folder):
        name = path.relative_to(settings.folder).as_posix()
        one = _copy_file(path, fresh / name)
        if one is not None:
            held[name] = one
    made_at = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    manifest = Manifest(FORMAT, __version__, made_at, DATABASE, held)
    with (fresh / MANIFEST).open("wb") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(msgspec.json.format(msgspec.json.encode(manifest, order="sorted"), indent=1))
        file.flush()
        os.fsync(file.fileno())
    return manifest


def _copy_sqlite(source: Path, target: Path) -> None:
    """SQLite's own online backup, in one step: one consistent state, writers go on beside it (WAL)."""
    reading = sqlite3.connect(f"file:{source}?mode=ro", uri=True, timeout=BUSY_TIMEOUT_S)
    with closing(reading) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new, pages=-1)
        new.execute("PRAGMA journal_mode=DELETE").close()


def _files(data: Path) -> Iterator[Path]:
    """Every regular file of the data folder but the database and what passes."""
    for folder, folders, names in os.walk(data, onerror=lambda _: None):
        folders[:] = sorted(name for name in folders if name not in PASSING)
        for name in sorted(set(names) - PASSING):
            path = Path(folder, name)
            if not (path.parent == data and name.startswith(DATABASE)) and _is_file(path):
                yield path


def _is_file(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except FileNotFoundError:
        return False


def _copy_file(source: Path, target: Path) -> Held | None:
    """Copy one file; None when it has gone meanwhile."""
    make_folder(target.parent)
    try:
        with source.open("rb") as old, target.open("wb") as new:
            os.fchmod(new.fileno(), stat.S_IMODE(os.fstat(old.fileno()).st_mode) & 0o700)
            return copy(old, new)
    except FileNotFoundError:
        target.unlink(missing_ok=True)
        return None


def _swap(fresh: Path, folder: Path) -> None:
    """Put the finished backup in its place; an earlier one goes only after that."""
    old = folder.with_name(f".{folder.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)
    fresh.rename(folder)
    shutil.rmtree(old, ignore_errors=True)
