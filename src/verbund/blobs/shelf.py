"""The shelf: finished blobs on disk under their hash, `ab/cd/<hash>`. Knows no space, no account and no table."""

import errno
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import file_digest
from pathlib import Path
from typing import BinaryIO

from verbund.base.ids import BlobHash, b64, is_hash
from verbund.blobs.limits import HOUR_S
from verbund.blobs.pictures import HEAD_BYTES
from verbund.blobs.refusals import DiskFull

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
TEMPORARY_S_MAX = HOUR_S


@contextmanager
def disk_full_refused() -> Iterator[None]:
    """Turns what the system says about a full disk into DiskFull."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise DiskFull() from error
        raise


def check_room(folder: Path, bytes_wanted: int, bytes_kept_free: int) -> None:
    """Raises DiskFull when writing this much would leave less free than is kept."""
    disk = os.statvfs(folder)
    if disk.f_bavail * disk.f_frsize < bytes_wanted + bytes_kept_free:
        raise DiskFull()


def hash_of(path: Path) -> BlobHash:
    """The hash of a file's bytes, read in pieces."""
    with path.open("rb", buffering=0) as file:
        return BlobHash(b64(file_digest(file, "sha256").digest()))


class Shelf:
    """Content-addressed files. A file under its final name is whole: it was written, synced and then renamed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._temporary = folder / "tmp"
        self._temporary.mkdir(parents=True, exist_ok=True)

    @property
    def folder(self) -> Path:
        return self._folder

    def path(self, blob: BlobHash) -> Path:
        return self._folder / blob[:2] / blob[2:4] / blob

    def open(self, blob: BlobHash) -> BinaryIO:
        """Raises FileNotFoundError."""
        return self.path(blob).open("rb", buffering=0)

    def head(self, blob: BlobHash) -> bytes:
        """The first bytes, enough to tell what it is."""
        with self.open(blob) as file:
            return file.read(HEAD_BYTES)

    def take(self, source: Path, blob: BlobHash) -> None:
        """Move a finished file with exactly this hash onto the shelf, durable when this returns."""
        with disk_full_refused():
            with source.open("rb") as file:
                os.fsync(file.fileno())
            target = self.path(blob)
            target.parent.mkdir(parents=True, exist_ok=True)
            source.replace(target)
            for folder in (target.parent, target.parent.parent, self._folder):
                _sync_folder(folder)

    def put(self, raw: bytes, blob: BlobHash) -> None:
        """Write bytes with exactly this hash."""
        temporary = self._temporary / secrets.token_hex(16)
        try:
            with disk_full_refused():
                temporary.write_bytes(raw)
            self.take(temporary, blob)
        finally:
            temporary.unlink(missing_ok=True)

    def remove(self, blob: BlobHash) -> None:
        self.path(blob).unlink(missing_ok=True)

    def files(self, letter: str) -> Iterator[tuple[BlobHash, float]]:
        """Blobs whose hash begins with this letter, with the time (s since 1970) of their last change."""
        for first in self._folder.glob(f"{letter}?"):
            for path in first.glob("??/*"):
                if is_hash(path.name):
                    with suppress(FileNotFoundError):
                        yield BlobHash(path.name), path.stat().st_mtime

    def clear_temporary(self) -> None:
        """Remove what a crash left behind."""
        for path in self._temporary.iterdir():
            with suppress(FileNotFoundError):
                if path.stat().st_mtime < time.time() - TEMPORARY_S_MAX:
                    path.unlink()


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
