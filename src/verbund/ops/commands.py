"""The operator's commands: doctor, backup, restore, protocol. Parses, hands over, prints."""

import argparse
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, NamedTuple

from verbund.base.settings import BadSetting, Settings, load
from verbund.ops.transfer import Tables


class Top(NamedTuple):
    """What only the top floor knows, handed down: so that nothing here imports it."""

    #: The generated documents: file name → content.
    documents: Callable[[], dict[str, Any]]
    #: Begin a new incarnation in a restored data folder.
    renew: Callable[[Path], object]
    #: Every table of every capability.
    tables: Callable[[], Tables]
    #: Work(tx, own provider) in the store of a data folder, beside the server that may be running there.
    beside: Callable[[Settings, Callable[[Any, Any], Any]], Any]
    #: A provider's parts, unstarted; work with its log open, alone; whether one runs there.
    services: Callable[[Settings], Any]
    alone: Callable[[Any, Callable[[], Coroutine[Any, Any, Any]]], Any]
    runs: Callable[[Settings], bool]


def add_commands(subparsers: Any, top: Top) -> None:
    """Register the commands; each runs with `args.run(args)` and gives its exit code."""
    _add_doctor(subparsers)
    _add_backup(subparsers, top)
    _add_restore(subparsers, top)
    _add_protocol(subparsers, top)
    _add_partner(subparsers, top)
    _add_drill(subparsers, top)
    _add_moving(subparsers, top)
    _add_status(subparsers)


def _add_doctor(subparsers: Any) -> None:
    one = subparsers.add_parser("doctor", help="prüfen, was fehlt, und sagen, was zu tun ist")
    one.add_argument("--data", help="Datenordner (Vorgabe: data)")
    one.add_argument("--language", choices=("de", "en"), default="de", help="Sprache der Sätze")
    one.set_defaults(run=_doctor)


def _doctor(args: argparse.Namespace) -> int:
    from verbund.ops.doctor import report

    try:
        settings = load(data=args.data)
    except BadSetting as refusal:
        print(f"  ✗ {refusal.sentence(args.language)}")
        return 1
    return report(settings, args.language)


def _add_backup(subparsers: Any, top: Top) -> None:
    one = subparsers.add_parser("backup", help="Datenbank, Dateien und Schlüssel sichern, auch im Betrieb")
    one.add_argument("folder", type=Path, metavar="ORDNER", help="wohin; noch nicht vorhanden oder leer")
    one.add_argument("--data", help="Datenordner (Vorgabe: data)")
    one.add_argument("--replace", action="store_true", help="eine Sicherung, die schon dort liegt, ersetzen")
    one.set_defaults(run=lambda args: _backup(args, top))


def _backup(args: argparse.Namespace, top: Top) -> int:
    from verbund.ops.backup import back_up

    manifest = back_up(load(data=args.data), args.folder.resolve(), top.tables(), replace=args.replace)
    print(f"Gesichert: {len(manifest.files)} Dateien, {manifest.bytes // 1024**2} MiB, in {args.folder}.")
    print("Die Sicherung enthält Schlüssel und Inhalte: verschlüsselt aufbewahren.")
    return 0


def _add_restore(subparsers: Any, top: Top) -> None:
    one = subparsers.add_parser("restore", help="eine Sicherung zurückspielen, als neue Inkarnation")
    one.add_argument("folder", type=Path, metavar="ORDNER", help="die Sicherung")
    one.add_argument("--data", help="neuer Datenordner, noch nicht vorhanden oder leer (Vorgabe: data)")
    one.add_argument("--dry-run", action="store_true", help="nur die Sicherung prüfen und sagen, was geschähe")
    one.set_defaults(run=lambda args: _restore(args, top))


def _restore(args: argparse.Namespace, top: Top) -> int:
    from verbund.ops.restore import examine, restore

    settings = load(data=args.data)
    if args.dry_run:
        found = examine(args.folder.resolve(), settings, top.tables())
        print(f"Die Sicherung vom {found.made_at} ist ganz: {len(found.files)} Dateien, {found.bytes // 1024**2} MiB.")
        print(f"Sie käme nach {settings.folder}; der Anbieter begänne eine neue Inkarnation mit neuen Schlüsseln.")
        print("Was nach der Sicherung geschrieben wurde und bei keinem Partner liegt, wäre nicht mehr da.")
        print("Es wurde nichts verändert.")
        return 0
    manifest = restore(args.folder.resolve(), settings, top.renew, top.tables())
    print(f"Wiederhergestellt: {len(manifest.files)} Dateien vom {manifest.made_at} in {settings.folder}.")
    print(
        "Der Anbieter beginnt eine neue Inkarnation mit neuen Schlüsseln. Jetzt `verbund serve` und `verbund doctor`."
    )
    return 0


def _add_protocol(subparsers: Any, top: Top) -> None:
    one = subparsers.add_parser("protocol", help="protocol/ aus dem Quelltext erzeugen")
    one.add_argument("--check", action="store_true", help="nur vergleichen; 1, wenn etwas veraltet ist")
    one.add_argument("--folder", type=Path, default=Path("protocol"), help="wohin (Vorgabe: protocol)")
    one.set_defaults(run=lambda args: _protocol(args, top))


def _protocol(args: argparse.Namespace, top: Top) -> int:
    from verbund.ops.protocol import texts, write

    changed = write(args.folder, texts(top.documents()), only_check=args.check)
    for name in changed:
        print(f"{name}: {'veraltet, `make fix` erneuert es' if args.check else 'erneuert'}")
    return int(args.check and bool(changed))


def _add_partner(subparsers: Any, top: Top) -> None:
    from verbund.ops.office import add_office
    from verbund.ops.partner import add_partner

    add_partner(subparsers, top.beside)
    add_office(subparsers, top.beside)


def _add_moving(subparsers: Any, top: Top) -> None:
    from verbund.ops.moving.cli import Providing, add_moving

    add_moving(subparsers, Providing(top.services, top.alone, top.runs))


def _add_status(subparsers: Any) -> None:
    from verbund.ops.watch.cli import add_status

    add_status(subparsers)


def _add_drill(subparsers: Any, top: Top) -> None:
    from verbund.ops.plug.cli import add_drill

    add_drill(subparsers, top.beside, top.services)
