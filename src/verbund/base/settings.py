"""Settings: from `verbund.toml` and the environment (`VERBUND_PORT=8420`). Contradictions are refused at start."""

import os
import shlex
import shutil
import tomllib
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from verbund.base.refusal import Refusal

PREFIX = "VERBUND_"
#: Settings with several values: separated by blanks in the environment.
LISTS = ("partners", "partner_authorities")
#: What partners are shown, in characters.
TEXTS_MAX = {"place": 80, "contact": 200}
METRICS = ("off", "loopback", "token")
TOKEN_CHARS_MIN = 20
LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")


class BadSetting(Refusal):
    """de: Einstellung {name}: {reason_de}
    en: Setting {name}: {reason_en}"""

    code = "base.bad_setting"
    status = 500


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Every setting with its default; handbook/operating/settings.md explains each."""

    #: Where everything lives: database, blobs, keys.
    data: str = "data"
    #: Address and port to listen on.
    host: str = "127.0.0.1"
    port: int = 8420
    #: The address people type; empty: http://localhost:PORT.
    url: str = ""
    #: The provider's name as people see it.
    name: str = "Verbund"
    #: Where the provider is (a town), and whom its partners write to when something happens.
    place: str = ""
    contact: str = ""
    #: SQLAlchemy URL of the database; empty: SQLite in the data folder.
    database: str = ""
    #: TLS: certificate chain and key (PEM). `self` makes an own authority in the data folder.
    tls_certificate: str = ""
    tls_key: str = ""
    #: A proxy in front ends TLS and passes the true scheme on.
    behind_proxy: bool = False
    #: Where the built app lies; empty: the one that `make up` built.
    app: str = ""
    #: What one space may keep in bytes, and one file.
    space_bytes_max: int = 50 * 1024**3
    file_bytes_max: int = 20 * 1024**3
    #: Facts that one device may write per second for long; twenty times as many at once.
    facts_per_s: int = 100
    #: Video calls: `auto` uses Janus where it is installed; `off`.
    meet: str = "auto"
    #: The address that call media uses; empty: this machine's main address.
    media_address: str = ""
    #: What the world calls that address, behind a router or in a cloud; empty: the same.
    media_public_address: str = ""
    #: UDP ports for call media, first and last.
    media_port_first: int = 42000
    media_port_last: int = 42999
    #: coturn: `auto` where it is installed and the address is public; `on`, `off`.
    turn: str = "auto"
    turn_port: int = 3478
    #: Numbers for Prometheus at /metrics: `off`; `loopback`: for this machine; `token`: for who shows the token.
    metrics: str = "off"
    metrics_token: str = ""
    #: A program that gets every alarm as a sentence on its standard input; empty: none.
    alarm_command: str = ""
    #: After so many days without a backup there is an alarm; 0: backups are made in another way.
    backup_days_max: int = 7
    #: Entries that are older than so many days are sealed: packed, in half the space or less; 0: never.
    seal_after_days: int = 7
    #: Threads that ffmpeg may use; 0: all cores.
    ffmpeg_threads: int = 0
    #: What fetching files and films from partners may take of the line, in Mbit/s, all together; 0: everything.
    partner_mbit_s: int = 100
    #: Whether owners may connect a machine of their own, which then holds their organisation's spaces too.
    office_machines: bool = True
    #: Addresses of partners whose shared spaces this provider keeps too.
    partners: tuple[str, ...] = ()
    #: Certificates (PEM) of authorities that partners' addresses may be certified by, beside the machine's own.
    partner_authorities: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        return Path(self.data).resolve()

    @property
    def tls(self) -> bool:
        """Whether we end TLS ourselves."""
        return bool(self.tls_certificate)

    @property
    def origin(self) -> str:
        """Scheme, host and port that browsers use; what the Origin header must equal."""
        if self.url:
            parts = urlsplit(self.url)
            return f"{parts.scheme}://{parts.netloc}"
        return f"{'https' if self.tls else 'http'}://localhost:{self.port}"

    @property
    def secure(self) -> bool:
        """Whether cookies may demand TLS."""
        return self.origin.startswith("https://")

    @property
    def database_url(self) -> str:
        return self.database or f"sqlite:///{self.folder / 'verbund.db'}"


def load(file: Path | None = None, environment: dict[str, str] | None = None, **given: Any) -> Settings:
    """Settings from the file, then the environment, then what was given. Raises BadSetting with what to do."""
    values: dict[str, Any] = {}
    path = file or Path("verbund.toml")
    if path.is_file():
        values |= tomllib.loads(path.read_text("utf-8"))
    names = set(Settings.__struct_fields__)
    variables = os.environ if environment is None else environment
    values |= {
        key[len(PREFIX) :].lower(): value.split() if key[len(PREFIX) :].lower() in LISTS else value
        for key, value in variables.items()
        if key.startswith(PREFIX) and key[len(PREFIX) :].lower() in names
    }
    values |= {key: value for key, value in given.items() if value is not None}
    try:
        settings = msgspec.convert(values, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise BadSetting(name=str(path), reason_de=str(error), reason_en=str(error)) from error
    return check(settings)


def check(settings: Settings) -> Settings:
    """The settings themselves. Raises BadSetting where two contradict each other."""
    host = urlsplit(settings.origin).hostname or ""
    if not 1 <= settings.port <= 65535:
        raise _bad("port", "muss zwischen 1 und 65535 liegen.", "must be between 1 and 65535.")
    if host not in LOCAL_HOSTS and not settings.origin.startswith("https://"):
        raise _bad(
            "url",
            f"Unter {host} geht Verbund nur mit https: Kamera, Schlüssel und Offline-Betrieb brauchen es.",
            f"Under {host} Verbund needs https: camera, keys and offline use require it.",
        )
    if settings.origin.startswith("https://") and not settings.tls and not settings.behind_proxy:
        raise _bad(
            "url",
            "https braucht tls_certificate (Datei oder 'self') oder behind_proxy = true.",
            "https needs tls_certificate (a file or 'self') or behind_proxy = true.",
        )
    if settings.tls and settings.behind_proxy:
        raise _bad(
            "behind_proxy",
            "schließt tls_certificate aus: TLS endet entweder hier oder davor.",
            "excludes tls_certificate: TLS ends either here or in front.",
        )
    if bool(settings.tls_key) != bool(settings.tls_certificate) and settings.tls_certificate != "self":
        raise _bad("tls_key", "und tls_certificate gehören zusammen.", "and tls_certificate belong together.")
    for name, limit in TEXTS_MAX.items():
        text: str = getattr(settings, name)
        if len(text) > limit or any(letter < " " for letter in text):
            raise _bad(
                name, f"darf höchstens {limit} Zeichen in einer Zeile haben.", f"is one line of at most {limit}."
            )
    if settings.facts_per_s < 1:
        raise _bad("facts_per_s", "muss mindestens 1 sein.", "must be at least 1.")
    if settings.partner_mbit_s < 0:
        raise _bad("partner_mbit_s", "muss 0 oder mehr sein.", "must be 0 or more.")
    if settings.media_port_first > settings.media_port_last:
        raise _bad("media_port_first", "liegt über media_port_last.", "is above media_port_last.")
    _check_watch(settings)
    return settings


def _check_watch(settings: Settings) -> None:
    """Numbers and alarms: nobody shall see them by mistake, and none shall be lost by a wrong name."""
    if settings.metrics not in METRICS:
        raise _bad("metrics", "muss off, loopback oder token sein.", "must be off, loopback or token.")
    if settings.metrics == "loopback" and settings.behind_proxy:
        raise _bad(
            "metrics",
            "loopback schließt behind_proxy aus: der Webserver davor fragt von hier. token nehmen.",
            "loopback excludes behind_proxy: the web server in front asks from here. Take token.",
        )
    if (settings.metrics == "token") != bool(settings.metrics_token):
        raise _bad("metrics_token", "und metrics = token gehören zusammen.", "and metrics = token belong together.")
    if settings.metrics_token and len(settings.metrics_token) < TOKEN_CHARS_MIN:
        raise _bad(
            "metrics_token",
            f"muss mindestens {TOKEN_CHARS_MIN} Zeichen haben.",
            f"must have {TOKEN_CHARS_MIN} characters at least.",
        )
    try:
        command = shlex.split(settings.alarm_command)
    except ValueError:
        command = [""]
    if command and shutil.which(command[0]) is None:
        raise _bad("alarm_command", "nennt kein Programm, das es hier gibt.", "names no program that is here.")
    for name in ("backup_days_max", "seal_after_days"):
        if getattr(settings, name) < 0:
            raise _bad(name, "muss 0 oder mehr sein.", "must be 0 or more.")


def _bad(name: str, reason_de: str, reason_en: str) -> BadSetting:
    return BadSetting(name=name, reason_de=reason_de, reason_en=reason_en)
