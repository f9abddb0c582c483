"""The file: a ZIP with a table of contents that names every member's size and hash, signed by the provider.

Whoever opens it with any ZIP tool finds the facts as JSON, one a line, and the files under their hashes.
"""

import re
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, TypeVar

import msgspec

from verbund.base.ids import b64, unb64
from verbund.base.keys import DeviceKey, verify
from verbund.base.refusal import Refusal
from verbund.ops.moving.schemas import Contents, Head, Member, Signed
from verbund.partners.identity import check_identity
from verbund.partners.schemas import Identity

FORMAT = "verbund/export/1"
DOMAIN = b"verbund/export/1\0"
HEAD, PROVIDERS, CONTENTS, SIGNATURE = "verbund.json", "providers.json", "contents.json", "signature.json"
MEMBERS_MAX = 500_000
#: What is read into memory at once: a table of contents, a page of entries.
DOCUMENT_BYTES_MAX = 128 * 1024**2
PIECE_BYTES = 1024**2
Shape = TypeVar("Shape")
_ID = "[A-Za-z0-9_-]{43}"
_NAME = re.compile(rf"entries/{_ID}/[0-9]{{8}}\.jsonl|blobs/{_ID}|films/{_ID}/{_ID}\.(?:json|bin)")
_TORN = (OSError, EOFError, KeyError, zipfile.BadZipFile, zlib.error)
_TIME = (2020, 1, 1, 0, 0, 0)


class NotAnExport(Refusal):
    """de: {file} ist keine Datei von `verbund export`, oder sie ist nicht vollständig. Es wurde nichts verändert.
    en: {file} is no file of `verbund export`, or it is not complete. Nothing was changed."""

    code = "ops.no_export"
    status = 422


class DamagedExport(Refusal):
    """de: Die Datei ist beschädigt oder gefälscht: {what}. Es wurde nichts übernommen. Den anderen Anbieter um eine
    neue bitten.
    en: The file is damaged or forged: {what}. Nothing was taken over. Ask the other provider for a new one."""

    code = "ops.damaged_export"
    status = 422


class Writer:
    """Fills the file from front to back; `out` need not be able to go back."""

    def __init__(self, out: BinaryIO, told: Callable[[int], None]) -> None:
        self._zip = zipfile.ZipFile(out, "w", allowZip64=True)
        self._told = told
        self._members: dict[str, Member] = {}

    def put(self, name: str, raw: bytes) -> None:
        """A member that is in memory."""
        with self._zip.open(_info(name, zipfile.ZIP_DEFLATED), "w") as member:
            member.write(raw)
        self._members[name] = Member(len(raw), sha256(raw).hexdigest())
        self._told(len(raw))

    def stream(self, name: str, pieces: Iterable[bytes]) -> str:
        """A member as it comes, not compressed; the hash of its bytes as an id."""
        size, digest = 0, sha256()
        with self._zip.open(_info(name, zipfile.ZIP_STORED), "w", force_zip64=True) as member:
            for piece in pieces:
                member.write(piece)
                digest.update(piece)
                size += len(piece)
                self._told(len(piece))
        self._members[name] = Member(size, digest.hexdigest())
        return b64(digest.digest())

    def close(self, identity: Identity, device: DeviceKey, damaged: list[str]) -> None:
        """The table of contents, and who answers for it."""
        contents = msgspec.json.encode(Contents(self._members, damaged), order="sorted")
        signature = b64(device.sign(DOMAIN + sha256(contents).digest()))
        self.put(CONTENTS, contents)
        self.put(SIGNATURE, msgspec.json.encode(Signed(identity, signature)))
        self._zip.close()

    def abandon(self) -> None:
        """Writing failed: what is there is no export."""
        with suppress(OSError, ValueError):
            self._zip.close()


class Reader:
    """An export, opened for reading. What is read is held against the table of contents."""

    def __init__(self, path: Path) -> None:
        """Raises NotAnExport, DamagedExport."""
        try:
            self._zip = zipfile.ZipFile(path)
            names = [one.filename for one in self._zip.infolist()]
        except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError) as error:
            raise NotAnExport(file=path.name) from error
        if len(names) > MEMBERS_MAX or not {HEAD, PROVIDERS, CONTENTS, SIGNATURE} <= set(names):
            raise NotAnExport(file=path.name)
        self.contents, self.maker = self._signed()
        self._hold_against(names)
        self.head = self._document(HEAD, Head)
        if self.head.format != FORMAT:
            raise NotAnExport(file=path.name)
        self.identities = self._document(PROVIDERS, list[Identity])

    @property
    def size_whole(self) -> int:
        """Of all members together, unpacked."""
        return sum(member.size for member in self.contents.members.values())

    def close(self) -> None:
        self._zip.close()

    def has(self, name: str) -> bool:
        return name in self.contents.members

    def size(self, name: str) -> int:
        return self.contents.members[name].size

    def under(self, prefix: str) -> list[str]:
        """The members whose names begin like this, in order."""
        return sorted(name for name in self.contents.members if name.startswith(prefix))

    def read(self, name: str) -> bytes:
        """A whole member of at most DOCUMENT_BYTES_MAX. Raises DamagedExport."""
        if not self.has(name) or self.size(name) > DOCUMENT_BYTES_MAX:
            raise DamagedExport(what=name)
        return b"".join(self.pieces(name))

    def pieces(self, name: str) -> Iterator[bytes]:
        """A member piece by piece; DamagedExport at the latest after the last one."""
        held = self.contents.members[name]
        size, digest = 0, sha256()
        for piece in self._raw(name, held.size):
            size += len(piece)
            digest.update(piece)
            yield piece
        if size != held.size or digest.hexdigest() != held.sha256:
            raise DamagedExport(what=name)

    def _raw(self, name: str, bytes_max: int) -> Iterator[bytes]:
        """Never more than it is said to have, whatever the compressed bytes unfold to."""
        try:
            with self._zip.open(name) as member:
                while piece := member.read(min(PIECE_BYTES, bytes_max + 1)):
                    bytes_max -= len(piece)
                    if bytes_max < 0:
                        raise DamagedExport(what=name)
                    yield piece
        except (*_TORN, ValueError, RuntimeError, NotImplementedError) as error:
            raise DamagedExport(what=name) from error

    def _signed(self) -> tuple[Contents, Identity]:
        raw = b"".join(self._raw(CONTENTS, DOCUMENT_BYTES_MAX))
        try:
            signed = msgspec.json.decode(b"".join(self._raw(SIGNATURE, DOCUMENT_BYTES_MAX)), type=Signed)
            _, device = check_identity(signed.identity)
            proven = verify(device, unb64(signed.signature), DOMAIN + sha256(raw).digest())
            contents = msgspec.json.decode(raw, type=Contents)
        except (ValueError, msgspec.MsgspecError, Refusal) as error:
            raise DamagedExport(what=SIGNATURE) from error
        if not proven:
            raise DamagedExport(what=SIGNATURE)
        return contents, signed.identity

    def _hold_against(self, names: list[str]) -> None:
        listed = set(self.contents.members)
        if len(names) != len(set(names)) or set(names) - {CONTENTS, SIGNATURE} != listed:
            raise DamagedExport(what=CONTENTS)
        for name, member in self.contents.members.items():
            if not (name in (HEAD, PROVIDERS) or _NAME.fullmatch(name)) or member.size < 0:
                raise DamagedExport(what=CONTENTS)

    def _document(self, name: str, shape: type[Shape]) -> Shape:
        try:
            return msgspec.json.decode(self.read(name), type=shape)
        except (ValueError, msgspec.MsgspecError) as error:
            raise DamagedExport(what=name) from error


def page_name(space: str, number: int) -> str:
    """The member with a space's entries: pages are counted from 1."""
    return f"entries/{space}/{number:08d}.jsonl"


def _info(name: str, compression: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, _TIME)
    info.compress_type = compression
    info.external_attr = 0o600 << 16
    return info
