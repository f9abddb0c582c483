"""What a backup holds: every file with its size and SHA-256, written last, so that a backup without it is none."""

from hashlib import file_digest, sha256
from pathlib import Path
from typing import BinaryIO

import msgspec

from verbund.base.refusal import Refusal

MANIFEST = "manifest.json"
FORMAT = 1
COPY_BYTES = 1024 * 1024
MANIFEST_BYTES_MAX = 1024**3


class NoBackup(Refusal):
    """de: In {folder} liegt keine vollständige Sicherung. Den Ordner angeben, den `verbund backup` gefüllt hat.
    en: There is no complete backup in {folder}. Name the folder that `verbund backup` has filled."""

    code = "ops.no_backup"
    status = 404


class DamagedBackup(Refusal):
    """de: Die Sicherung ist beschädigt: {path} ist nicht mehr, was gesichert wurde. Es wurde nichts verändert.
    Eine andere Sicherung nehmen.
    en: The backup is damaged: {path} is not what was backed up. Nothing was changed. Take another backup."""

    code = "ops.damaged_backup"
    status = 422


class Held(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file: bytes and SHA-256 in hex."""

    size: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The table of contents. Paths are relative to the data folder, with `/`."""

    format: int
    version: str
    made_at: str
    database: str
    files: dict[str, Held]

    @property
    def bytes(self) -> int:
        return sum(held.size for held in self.files.values())


def copy(source: BinaryIO, target: BinaryIO) -> Held:
    """Copy and count and hash on the way."""
    size, digest = 0, sha256()
    while piece := source.read(COPY_BYTES):
        target.write(piece)
        digest.update(piece)
        size += len(piece)
    return Held(size, digest.hexdigest())


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it that are missing, for its owner alone."""
    if not folder.exists():
        make_folder(folder.parent)
        folder.mkdir(mode=0o700)


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a backup. Raises NoBackup."""
    file = folder / MANIFEST
    try:
        if file.stat().st_size > MANIFEST_BYTES_MAX:
            raise NoBackup(folder=folder)
        manifest = msgspec.json.decode(file.read_bytes(), type=Manifest)
    except (OSError, msgspec.MsgspecError) as error:
        raise NoBackup(folder=folder) from error
    if manifest.format != FORMAT:
        raise NoBackup(folder=folder)
    return manifest


def check(folder: Path, manifest: Manifest) -> None:
    """Hold every file against the manifest. Raises DamagedBackup naming the first that differs."""
    root = folder.resolve()
    for name, held in manifest.files.items():
        path = root / name
        try:
            inside = path.resolve().is_relative_to(root) and path.is_file() and not path.is_symlink()
            if not inside or path.stat().st_size != held.size:
                raise DamagedBackup(path=name)
            with path.open("rb") as file:
                if file_digest(file, "sha256").hexdigest() != held.sha256:
                    raise DamagedBackup(path=name)
        except OSError as error:
            raise DamagedBackup(path=name) from error
