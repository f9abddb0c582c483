"""Checks of where it runs: folder and rights, database, disk, clock, ports, certificate."""

import os
import random
import shutil
import socket
import stat
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from sqlalchemy import create_engine, func, select
from sqlalchemy.exc import SQLAlchemyError

from verbund.base.clock import FUTURE_MAX_MS
from verbund.base.settings import Settings
from verbund.log import tables
from verbund.log.sealed import is_whole
from verbund.log.store import Store
from verbund.ops.finding import Finding, found

GIB = 1024**3
LOOK_S = 10.0
DISK_FREE_MIN = GIB
DISK_FREE_HINT = 10 * GIB
CERTIFICATE_DAYS_HINT = 14
YEAR_MIN = 2026
CONNECT_TIMEOUT_S = 2
PROGRAM_TIMEOUT_S = 10
MEDIA_PORTS_MIN = 100
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_EVERYWHERE = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # asked, not bound


def check_folder(settings: Settings) -> Finding:
    place = settings.folder
    if not place.exists():
        return found("folder.new", place=place)
    if not os.access(place, os.R_OK | os.W_OK | os.X_OK):
        return found("folder.unwritable", place=place)
    if place.stat().st_mode & _OTHERS:
        return found("folder.open", path=place, place=place)
    secrets = [path for path in place.glob("*.json") if path.stat().st_mode & _OTHERS]
    return found("folder.open", path=secrets[0], place=place) if secrets else found("folder.good", place=place)


def check_database(settings: Settings) -> Finding:
    if not settings.database and not (settings.folder / "verbund.db").exists():
        return found("database.new")
    engine = create_engine(settings.database_url)
    try:
        with engine.connect() as connection:
            newest = connection.execute(select(func.max(tables.entry.c.at))).scalar() or 0
    except SQLAlchemyError as error:
        return found("database.silent", error=str(error.__cause__ or error).strip())
    finally:
        engine.dispose()
    return found("database.future" if newest > time.time() * 1000 + FUTURE_MAX_MS else "database.good")


def check_segments(settings: Settings) -> Finding:
    """What was sealed long ago is read by nobody for months: as much of it as LOOK_S allows, another part each time."""
    if not settings.database and not (settings.folder / "verbund.db").exists():
        return found("segments.none")
    store, looked, damaged = Store(settings.database_url), 0, 0
    end = time.monotonic() + LOOK_S
    try:
        with store.read() as connection:
            firsts = connection.execute(select(tables.segment.c.first)).scalars().all()
            for first in random.sample(firsts, len(firsts)):
                row = connection.execute(select(tables.segment).where(tables.segment.c.first == first)).first()
                looked, damaged = looked + 1, damaged + (row is not None and not is_whole(row))
                if time.monotonic() > end:
                    break
    except SQLAlchemyError as error:
        return found("database.silent", error=str(error.__cause__ or error).strip())
    finally:
        store.close()
    if damaged:
        return found("segments.damaged", damaged=damaged, looked=looked)
    return found("segments.good" if looked else "segments.none", looked=looked)


def check_disk(settings: Settings) -> Finding:
    place = next(path for path in (settings.folder, *settings.folder.parents) if path.exists())
    free = shutil.disk_usage(place).free
    what = "full" if free < DISK_FREE_MIN else "little" if free < DISK_FREE_HINT else "good"
    return found(f"disk.{what}", free_gib=free // GIB)


def check_clock(_settings: Settings) -> Finding:
    now = datetime.now(UTC)
    shown = now.strftime("%d.%m.%Y %H:%M UTC")
    if now.year < YEAR_MIN:
        return found("clock.past", now=shown)
    if shutil.which("timedatectl") is None:
        return found("clock.unknown", now=shown)
    command = ["timedatectl", "show", "--property=NTPSynchronized", "--value"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PROGRAM_TIMEOUT_S, check=False)
    what = {"yes": "good", "no": "alone"}.get(done.stdout.strip(), "unknown")
    return found(f"clock.{what}", now=shown)


def check_port(settings: Settings) -> Finding:
    try:
        asked = _EVERYWHERE.get(settings.host, settings.host)
        socket.create_connection((asked, settings.port), CONNECT_TIMEOUT_S).close()
    except OSError:
        return _can_listen(settings)
    return found("port.answers", port=settings.port)


def _can_listen(settings: Settings) -> Finding:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((settings.host, settings.port))
    except PermissionError:
        return found("port.forbidden", port=settings.port)
    except OSError as error:
        return found("port.refused", host=settings.host, port=settings.port, error=error.strerror)
    return found("port.free", port=settings.port)


def check_media_ports(settings: Settings) -> Finding:
    first, last = settings.media_port_first, settings.media_port_last
    return found(
        "media_ports.good" if last - first + 1 >= MEDIA_PORTS_MIN else "media_ports.few", first=first, last=last
    )


def check_certificate(settings: Settings) -> Finding:
    if not settings.tls:
        return found("certificate.proxy" if settings.behind_proxy else "certificate.local")
    if settings.tls_certificate == "self":
        return found("certificate.own")
    try:
        chain = x509.load_pem_x509_certificates(Path(settings.tls_certificate).read_bytes())
        key = load_pem_private_key(Path(settings.tls_key).read_bytes(), None)
    except (OSError, ValueError, TypeError) as error:
        return found("certificate.unreadable", error=error)
    if chain[0].public_key() != key.public_key():
        return found("certificate.torn")
    return _valid(chain[0], urlsplit(settings.origin).hostname or "")


def _valid(leaf: x509.Certificate, host: str) -> Finding:
    ends, names = leaf.not_valid_after_utc, _names(leaf)
    until, days = ends.strftime("%d.%m.%Y"), (ends - datetime.now(UTC)).days
    if days < 0:
        return found("certificate.expired", until=until)
    if not any(name == host or (name[:2] == "*." and host.partition(".")[2] == name[2:]) for name in names):
        return found("certificate.foreign", host=host, names=", ".join(names) or "?")
    return found("certificate.soon" if days < CERTIFICATE_DAYS_HINT else "certificate.good", host=host, until=until)


def _names(leaf: x509.Certificate) -> list[str]:
    try:
        extension = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return []
    addresses = [str(address) for address in extension.value.get_values_for_type(x509.IPAddress)]
    return [*extension.value.get_values_for_type(x509.DNSName), *addresses]


CHECKS = (
    check_folder, check_database, check_segments, check_disk, check_clock, check_port, check_media_ports,
    check_certificate,
)  # fmt: skip
