"""This installation: its provider key, its incarnation with a device key of its own, what is written down of it.

A restored backup starts a new incarnation (see ops/backup): it never goes on with an old sub-log.
"""

import fcntl
import os
import time
from pathlib import Path

import msgspec

from verbund.base.ids import ProviderId, b64, unb64
from verbund.base.keys import DeviceKey, PublicKey
from verbund.base.refusal import Refusal
from verbund.partners.heads import certify
from verbund.partners.identity import identity
from verbund.partners.schemas import Certificate, Identity

KEYS_FILE = "provider.json"


class Keys(msgspec.Struct, forbid_unknown_fields=True):
    """Secret. `root` certifies the device of each incarnation; both are Ed25519 seeds as base64url."""

    root: str
    device: str
    incarnation: int


class AlreadyRunning(Refusal):
    """de: In diesem Datenordner läuft Verbund schon. Beenden Sie es zuerst oder wählen Sie einen anderen mit --data.
    en: Verbund is already running in this data folder. Stop it first or choose another one with --data."""

    code = "web.already_running"
    status = 409


class FolderLock:
    """One process at a time writes in a data folder."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "lock"
        self._descriptor: int | None = None

    def take(self) -> None:
        """Raises AlreadyRunning."""
        descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            raise AlreadyRunning() from error
        # Who it is, for whoever has to find the process (ops/plug); a number nobody holds the lock for means nothing.
        os.ftruncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
        self._descriptor = descriptor

    def release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


class Installation:
    """The provider's identity, read from the data folder or made there at the first start."""

    def __init__(self, keys: Keys) -> None:
        self._root = DeviceKey(unb64(keys.root))
        self.device = DeviceKey(unb64(keys.device))
        self.incarnation = keys.incarnation
        self.key: PublicKey = self._root.public
        self.provider: ProviderId = self._root.public.provider

    def identity(self) -> Identity:
        """What other providers are shown."""
        return identity(self._root, self.device, self.incarnation)

    def certify(self, key: PublicKey, number: int, until: int, revoked: list[int]) -> Certificate:
        """What shows that this key signs the heads of this provider's sub-logs."""
        return certify(self._root, key, number, until, revoked)


def open_installation(folder: Path) -> Installation:
    """The installation in this data folder; a new one when it is empty."""
    file = folder / KEYS_FILE
    if file.exists():
        return Installation(msgspec.json.decode(file.read_bytes(), type=Keys))
    keys = Keys(b64(DeviceKey.generate().seed), b64(DeviceKey.generate().seed), 1)
    write_keys(folder, keys)
    return Installation(keys)


def next_incarnation(folder: Path) -> Installation:
    """Begin anew after a restore: same provider, new device key, an incarnation that no other restore was given.

    The same backup may be restored twice: the number is the time, so the two never go on in one sub-log.
    """
    keys = msgspec.json.decode((folder / KEYS_FILE).read_bytes(), type=Keys)
    keys.incarnation = max(keys.incarnation + 1, int(time.time()))
    keys.device = b64(DeviceKey.generate().seed)
    write_keys(folder, keys)
    return Installation(keys)


def write_keys(folder: Path, keys: Keys) -> None:
    """Write the secret file so that only its owner reads it, whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = folder / f".{KEYS_FILE}.new"
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(msgspec.json.encode(keys))
        stream.flush()
        os.fsync(stream.fileno())
    fresh.rename(folder / KEYS_FILE)
