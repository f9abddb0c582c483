"""Restoring a backup: checked first, beside the old data, as a new incarnation. Never overwrites anything.

A copy of the past must not go on under the name that partners and browsers know further: it would give numbers a
second time. So the incarnation is a new one (the seconds since 1970, so that two restores of one backup differ), and
the keys of the provider's device and of its agents are new.
"""

import shutil
from collections.abc import Callable
from pathlib import Path

from verbund.base.refusal import Refusal
from verbund.base.settings import Settings
from verbund.ops.manifest import Manifest, check, make_folder, read_manifest
from verbund.ops.transfer import Tables, bring_forward, copy_tables, is_empty

#: What a fresh disk brings along, and what a restore that broke off left.
BESIDE = ("lost+found", ".restored")


class DataExists(Refusal):
    """de: In {folder} liegen schon Daten, sie werden nicht überschrieben. Mit --data einen leeren Ordner angeben.
    en: There is data in {folder} already, it will not be overwritten. Name an empty folder with --data."""

    code = "ops.data_exists"
    status = 409


def restore(folder: Path, settings: Settings, renew: Callable[[Path], object], tables: Tables) -> Manifest:
    """Fill the empty data folder of these settings from a backup, then `renew` its keys. Whole or not at all.

    Raises NoBackup, DamagedBackup, DataExists.
    """
    data, own_database = settings.folder, bool(settings.database)
    manifest = examine(folder, settings, tables)
    fresh = data / ".restored" if data.is_mount() else data.with_name(f".{data.name}.restored")
    shutil.rmtree(fresh, ignore_errors=True)
    try:
        _copy(folder, manifest, fresh)
        renew(fresh)
        if own_database:
            _move_database(fresh / manifest.database, settings.database_url, tables)
        _take_its_place(fresh, data)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    return manifest


def _take_its_place(fresh: Path, data: Path) -> None:
    """The restored folder becomes the data folder; a disk that is mounted there stays, and is filled."""
    if not data.is_mount():
        if data.exists():
            data.rmdir()
        fresh.rename(data)
        return
    for one in sorted(fresh.iterdir()):
        one.rename(data / one.name)
    fresh.rmdir()


def examine(folder: Path, settings: Settings, tables: Tables) -> Manifest:
    """Whether this backup is whole and may be restored to these settings. Changes nothing.

    Raises NoBackup, DamagedBackup, DataExists.
    """
    data = settings.folder
    manifest = read_manifest(folder)
    check(folder, manifest)
    database_taken = bool(settings.database) and not is_empty(settings.database_url, tables)
    if database_taken or (data.exists() and any(one.name not in BESIDE for one in data.iterdir())):
        raise DataExists(folder=data)
    return manifest


def _move_database(file: Path, url: str, tables: Tables) -> None:
    """Into the database of the settings; the backup may be of an older release."""
    bring_forward(f"sqlite:///{file}", tables)
    copy_tables(f"sqlite:///{file}", url, tables)
    for leftover in file.parent.glob(f"{file.name}*"):
        leftover.unlink()


def _copy(folder: Path, manifest: Manifest, fresh: Path) -> None:
    make_folder(fresh)
    for name in manifest.files:
        target = fresh / name
        make_folder(target.parent)
        shutil.copyfile(folder / name, target)
        target.chmod((folder / name).stat().st_mode & 0o700)
