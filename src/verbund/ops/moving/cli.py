"""`verbund export` and `verbund import`: parses, hands over, shows how far it is."""

import argparse
import sys
import time
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from verbund.base.refusal import Refusal
from verbund.base.settings import Settings, load
from verbund.ops.backup import NothingToBackUp
from verbund.ops.moving import desk
from verbund.ops.moving.archive import Reader
from verbund.ops.moving.checking import Checked, check
from verbund.ops.moving.exporting import plan, write_file
from verbund.ops.moving.selection import space_named
from verbund.ops.moving.taking import CHECKING, Taken, take_file

MIB = 1024**2
LOOK_S = 0.5
#: So long the server may say nothing before the command gives up waiting; the import itself goes on.
SILENCE_S_MAX = 120.0
TITLES_MAX = 12
_PHASES = {"": "Wartet auf den Server", CHECKING: "Prüft", "taking": "Nimmt auf", "writing": "Schreibt"}


class NotAnswered(Refusal):
    """de: Verbund läuft hier, hat den Auftrag aber nicht angenommen. Im Protokoll des Servers nachsehen.
    en: Verbund runs here but did not take up the request. Look into the server's log."""

    code = "ops.not_answered"
    status = 503


class Declined(Refusal):
    """de: Der Server hat die Datei nicht aufgenommen: {reason_de}
    en: The server did not take the file in: {reason_en}"""

    code = "ops.import_declined"
    status = 409


class Providing(NamedTuple):
    """What only the top floor can make: a provider's parts, unstarted; work with its log open, alone; whether one
    runs there."""

    services: Callable[[Settings], Any]
    alone: Callable[[Any, Callable[[], Coroutine[Any, Any, Any]]], Any]
    runs: Callable[[Settings], bool]


def add_moving(subparsers: Any, providing: Providing) -> None:
    """Register both commands."""
    one = subparsers.add_parser("export", help="einen Bereich oder eine Organisation in eine Datei schreiben")
    one.add_argument("space", metavar="BEREICH", help="Titel oder Anfang der Kennung")
    one.add_argument("file", type=Path, metavar="DATEI", help="wohin, zum Beispiel lindner.zip")
    one.add_argument("--data", help="Datenordner (Vorgabe: data)")
    one.set_defaults(run=partial(_export, providing))
    one = subparsers.add_parser("import", help="eine Datei von `verbund export` prüfen und aufnehmen")
    one.add_argument("file", type=Path, metavar="DATEI")
    one.add_argument("--dry-run", action="store_true", help="nur prüfen und sagen, was darin ist")
    one.add_argument("--data", help="Datenordner (Vorgabe: data)")
    one.set_defaults(run=partial(_import, providing))


def _export(providing: Providing, args: argparse.Namespace) -> int:
    settings = _settings(args.data)
    services = providing.services(settings)
    with services.log.store.read() as connection:
        top = space_named(connection, args.space)
    planned = plan(services, top)
    shown = Progress()
    write_file(services, planned, args.file.resolve(), lambda done, whole: shown.told("writing", done, whole))
    shown.end()
    entries = sum(end.seq for space in planned.spaces for end in space.ends.values())
    size = args.file.stat().st_size
    _say(f"{args.file}: {_titles(planned.spaces)}, {entries} Einträge, {len(planned.blobs)} Dateien, {_mib(size)}.")
    _say("Die Datei ist nicht verschlüsselt: nur auf sicherem Weg weitergeben. Dort: verbund import DATEI")
    return 0


def _import(providing: Providing, args: argparse.Namespace) -> int:
    settings = load(data=args.data)
    path: Path = args.file.resolve()
    services = providing.services(settings)
    reader = Reader(path)
    try:
        head = reader.head
        made = time.strftime("%d.%m.%Y %H:%M", time.localtime(head.made_at / 1000))
        _say(
            f"Von {head.name} ({reader.maker.provider[:12]}…), {made}: {_titles(head.spaces)}, {head.entries} Einträge."
        )
        if args.dry_run:
            _only_check(reader, services)
            return 0
    finally:
        reader.close()
    shown = Progress()
    if providing.runs(settings):
        taken = _handed_over(settings, path, shown)
    else:
        taken = providing.alone(services, lambda: take_file(services, path, shown.told))
    shown.end()
    _say(f"Aufgenommen: {taken.entries} neue Einträge, {taken.blobs} Dateien, {taken.films} Filme.")
    if taken.waiting:
        _say(f"{taken.waiting} Einträge warten auf andere, die nicht in der Datei sind.")
    if taken.lacking:
        _say(f"{taken.lacking} Dateien fehlen noch; sie kommen, sobald ein Anbieter sie hat.")
    return 0


def _only_check(reader: Reader, services: Any) -> None:
    shown = Progress()
    try:
        found: Checked = check(reader, services.log.store, lambda done, whole: shown.told(CHECKING, done, whole))
    finally:
        services.store.close()
    shown.end()
    _say("Alles passt zusammen: Prüfsummen, Ketten und Unterschriften. Es wurde nichts verändert.")
    if found.unsigned:
        _say(f"{found.unsigned} Einträge stammen von Geräten, die nicht in der Datei stehen: sie würden warten.")
    if reader.contents.damaged:
        _say(f"{len(reader.contents.damaged)} Dateien waren schon dort beschädigt und werden ausgelassen.")


def _handed_over(settings: Settings, path: Path, shown: "Progress") -> Taken:
    """The server takes it in. Raises NotAnswered, Declined."""
    request = desk.ask(settings.folder, path)
    heard, before = time.monotonic(), None
    while True:
        state = desk.read_state(request)
        if state != before:
            heard, before = time.monotonic(), state
        if state is not None and state.taken is not None:
            return state.taken
        if state is not None and state.ended:
            raise Declined(reason_de=state.refused_de, reason_en=state.refused_en)
        if time.monotonic() - heard > SILENCE_S_MAX:
            raise NotAnswered()
        if state is not None:
            shown.told(state.phase, state.done, state.whole)
        time.sleep(LOOK_S)


class Progress:
    """One line that goes on where somebody looks; a line for every tenth in a log."""

    def __init__(self) -> None:
        self._phase, self._tenth, self._alive = "", -1, sys.stderr.isatty()

    def told(self, phase: str, done: int, whole: int) -> None:
        """So many bytes of so many."""
        percent = 100 * done // whole if whole else 0
        if phase == self._phase and percent // (1 if self._alive else 10) == self._tenth:
            return
        self._phase, self._tenth = phase, percent // (1 if self._alive else 10)
        line = f"{_PHASES.get(phase, phase)} … {percent} %"
        sys.stderr.write(f"\r{line:<40}" if self._alive else f"{line}\n")
        sys.stderr.flush()

    def end(self) -> None:
        if self._alive:
            sys.stderr.write(f"\r{'':<40}\r")


def _settings(data: str | None) -> Settings:
    settings = load(data=data)
    if not (settings.folder / "provider.json").exists():
        raise NothingToBackUp(folder=settings.folder)
    return settings


def _titles(spaces: list[Any]) -> str:
    titles = [one.title for one in spaces if one.title]
    more = len(titles) - TITLES_MAX
    return ", ".join(titles[:TITLES_MAX]) + (f" und {more} weitere" if more > 0 else "")


def _mib(size: int) -> str:
    return f"{size / MIB:.1f} MiB"


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
