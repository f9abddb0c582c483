"""An unfinished upload on disk. Chunks are written where they belong in the final file, so nothing lies twice.

A folder holds `plan` (chunk hashes, 32 bytes each), `part` (the file as it grows, sparse) and `map` (one byte for each
chunk, 1 when it is there). Invariant: `map` never says 1 before the verified bytes are in `part` and synced; whatever
it says, `commit` believes only the hash of the whole.
"""

import os
import secrets
import shutil
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

import msgspec

from verbund.base.ids import AccountId, BlobHash, SpaceId, b64, digest, is_hash, unb64
from verbund.base.refusal import Malformed
from verbund.blobs.limits import CHUNK_BYTES, PIECE_BYTES
from verbund.blobs.pictures import is_type
from verbund.blobs.shelf import disk_full_refused

_HASH_BYTES = 32


class Plan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be uploaded: the hash of the whole, its size in bytes, the hashes of its 4 MiB chunks, its type.

    An empty file has one empty chunk. The type may be empty where nobody knows it.
    """

    hash: BlobHash
    size: int
    chunks: tuple[str, ...]
    type: str

    def check(self) -> None:
        """Raises Malformed."""
        count = max(1, -(-self.size // CHUNK_BYTES))
        if self.size < 0 or len(self.chunks) != count or not (self.type == "" or is_type(self.type)):
            raise Malformed()
        if not is_hash(self.hash) or not all(is_hash(chunk) for chunk in self.chunks):
            raise Malformed()

    def upload(self, space: SpaceId, account: AccountId) -> str:
        """The id of this plan's upload: the same for the same person, space and bytes, a different one for others."""
        chunks = "".join(self.chunks)
        text = f"verbund/upload/1\0{space}\0{account}\0{self.hash}\0{self.size}\0{chunks}"
        return digest(text.encode("ascii"))


class UploadFolder:
    """The folder of one upload. Every method may be called again, at the same moment, and after a crash."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.part = folder / "part"
        self._plan = folder / "plan"
        self._map = folder / "map"

    def create(self, plan: Plan) -> None:
        """Begin. The folder appears whole or not at all."""
        if self._map.exists():
            return
        draft = self._folder.with_name(f"{self._folder.name}.{secrets.token_hex(8)}")
        with disk_full_refused():
            try:
                draft.mkdir(parents=True)
                (draft / "plan").write_bytes(b"".join(unb64(chunk) for chunk in plan.chunks))
                (draft / "map").write_bytes(bytes(len(plan.chunks)))
                with (draft / "part").open("wb") as part:
                    part.truncate(plan.size)
                draft.rename(self._folder)
            except OSError:
                shutil.rmtree(draft, ignore_errors=True)
                if not self._map.exists():
                    raise

    def missing(self) -> list[int]:
        """Indexes of the chunks that are not here yet. Raises FileNotFoundError."""
        return [index for index, here in enumerate(self._map.read_bytes()) if not here]

    def wants(self, chunk: bytes) -> bool:
        """Whether the plan names this chunk hash (raw), here already or not. Raises FileNotFoundError."""
        return next(_indexes(self._plan.read_bytes(), chunk), None) is not None

    def fill(self, chunk: bytes, source: IO[bytes], length: int) -> None:
        """Put verified bytes in every place that the plan gives this chunk (raw hash). Raises FileNotFoundError."""
        here = self._map.read_bytes()
        part = os.open(self.part, os.O_WRONLY)
        try:
            size = os.fstat(part).st_size
            places = [
                index
                for index in _indexes(self._plan.read_bytes(), chunk)
                if not here[index] and length == min(CHUNK_BYTES, size - index * CHUNK_BYTES)
            ]
            with disk_full_refused():
                for index in places:
                    _copy(source, part, index * CHUNK_BYTES, length)
                os.fdatasync(part)
        finally:
            os.close(part)
        self._mark(places)

    def recheck(self) -> list[int]:
        """Read every chunk again, forget those whose bytes are wrong, and name all that are missing."""
        plan = self._plan.read_bytes()
        with self.part.open("rb", buffering=0) as part, self._map.open("r+b", buffering=0) as marks:
            for index in range(len(plan) // _HASH_BYTES):
                part.seek(index * CHUNK_BYTES)
                raw = part.read(CHUNK_BYTES)
                good = sha256(raw).digest() == plan[index * _HASH_BYTES : (index + 1) * _HASH_BYTES]
                marks.seek(index)
                marks.write(b"\1" if good else b"\0")
        return self.missing()

    def _mark(self, places: list[int]) -> None:
        with self._map.open("r+b", buffering=0) as marks:
            for index in places:
                os.pwrite(marks.fileno(), b"\1", index)
            os.utime(marks.fileno())

    def idle_s(self) -> float:
        """Seconds since the last chunk. Raises FileNotFoundError."""
        return time.time() - self._map.stat().st_mtime

    def remove(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)


class ChunkFile:
    """One chunk on its way in: a nameless file that is gone whatever happens, and its hash so far."""

    def __init__(self, folder: Path) -> None:
        self.file = TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115  closed by `close`
        self.length = 0
        self._hash = sha256()

    def write(self, piece: bytes) -> None:
        with disk_full_refused():
            rest = memoryview(piece)
            while rest:
                rest = rest[self.file.write(rest) :]
        self._hash.update(piece)
        self.length += len(piece)

    @property
    def hash(self) -> str:
        return b64(self._hash.digest())

    def close(self) -> None:
        self.file.close()


def _indexes(plan: bytes, chunk: bytes) -> Iterator[int]:
    position = plan.find(chunk)
    while position != -1:
        if position % _HASH_BYTES == 0:
            yield position // _HASH_BYTES
            position += _HASH_BYTES
        else:
            position += 1
        position = plan.find(chunk, position)


def _copy(source: IO[bytes], target: int, offset: int, length: int) -> None:
    """Copy `length` bytes from the start of `source` to `offset` of `target`."""
    done = 0
    while done < length:
        piece = os.pread(source.fileno(), min(PIECE_BYTES, length - done), done)
        if not piece:
            raise EOFError("the chunk file is shorter than it was")
        done += os.pwrite(target, piece, offset + done)
