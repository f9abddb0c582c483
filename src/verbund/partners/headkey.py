"""The key that signs this provider's heads: made, renewed in time, ended by its operator. In a file of its own."""

import os
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec

from verbund.base.ids import b64, unb64
from verbund.base.keys import DeviceKey, PublicKey
from verbund.partners.heads import DAY_MS, KEY_DAYS, REVOKED_MAX
from verbund.partners.schemas import Certificate

KEY_FILE = "heads.json"
#: So long before its end a key is followed by the next one.
RENEW_DAYS = 30
#: (key, number, until, revoked) → the certificate that the root key gives.
Certify = Callable[[PublicKey, int, int, list[int]], Certificate]


class _File(msgspec.Struct, forbid_unknown_fields=True):
    """Secret: the seed as base64url."""

    seed: str
    certificate: Certificate


class HeadKey:
    """The present key with its certificate. Another process may renew it: the file is looked at anew each time."""

    def __init__(self, folder: Path, certify: Certify) -> None:
        self._file, self._certify = folder / KEY_FILE, certify
        self._read_at: int | None = None
        self._held: tuple[DeviceKey, Certificate] | None = None
        self._lock = threading.Lock()

    def present(self, now_ms: int) -> tuple[DeviceKey, Certificate]:
        """The key to sign with now; a new one where there is none, or its end is near."""
        with self._lock:
            return self._present(now_ms)

    def _present(self, now_ms: int) -> tuple[DeviceKey, Certificate]:
        held = self._read()
        if held is None or held[1].until - now_ms < RENEW_DAYS * DAY_MS or held[1].number > now_ms + DAY_MS:
            return self.renew(now_ms)
        return held

    def renew(self, now_ms: int, stolen: bool = False) -> tuple[DeviceKey, Certificate]:
        """The next key. With `stolen`, nothing counts any longer that the present one signed."""
        held = self._read()
        revoked = list(held[1].revoked) if held else []
        if held and stolen:
            revoked = [*revoked, held[1].number][-REVOKED_MAX:]
        number = max(now_ms, held[1].number + 1 if held and held[1].number <= now_ms + DAY_MS else 0)
        key = DeviceKey.generate()
        certificate = self._certify(key.public, number, number + KEY_DAYS * DAY_MS, revoked)
        self._write(_File(b64(key.seed), certificate))
        return key, certificate

    def _read(self) -> tuple[DeviceKey, Certificate] | None:
        try:
            changed = self._file.stat().st_mtime_ns
        except FileNotFoundError:
            return None
        if changed != self._read_at:
            found = msgspec.json.decode(self._file.read_bytes(), type=_File)
            self._held, self._read_at = (DeviceKey(unb64(found.seed)), found.certificate), changed
        return self._held

    def _write(self, found: _File) -> None:
        fresh = self._file.with_name(f".{KEY_FILE}.new")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(msgspec.json.encode(found))
            stream.flush()
            os.fsync(stream.fileno())
        fresh.rename(self._file)
