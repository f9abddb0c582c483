"""`verbund status`: how it stands, in sentences, and an exit code that a monitor understands."""

import argparse
import time
from datetime import datetime

from verbund.base.settings import load
from verbund.ops.finding import State
from verbund.ops.watch.alarms import Alarm
from verbund.ops.watch.picture import Partner
from verbund.ops.watch.report import Report, read_report

#: As monitoring plugins have it: well, a hint, a fault, and not known because nothing runs.
WELL, HINT, FAULT, UNKNOWN = 0, 1, 2, 3
GIB = 1024**3
_MARKS = {State.OK: "✓", State.HINT: "!", State.FAULT: "✗"}


def add_status(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Register the command."""
    one = subparsers.add_parser("status", help="wie es steht: Partner, Rückstand, Alarme; mit Rückgabewert")
    one.add_argument("--data", help="Datenordner (Vorgabe: data)")
    one.add_argument("--language", choices=("de", "en"), default="de", help="Sprache der Sätze")
    one.set_defaults(run=status)


def status(args: argparse.Namespace) -> int:
    """0 all is well, 1 a hint, 2 a fault, 3 it does not run."""
    report = read_report(load(data=args.data).folder)
    if report is None or not report.fresh:
        print("Verbund läuft hier nicht." if args.language == "de" else "Verbund does not run here.")
        return UNKNOWN
    for line in lines(report, args.language):
        print(line)
    worst = max((one.state for one in report.alarms), default=State.OK)
    return {State.OK: WELL, State.HINT: HINT, State.FAULT: FAULT}[worst]


def lines(report: Report, language: str) -> list[str]:
    """What is shown: the server, each partner, the alarms."""
    return [_server(report, language), *(_partner(one, language) for one in report.picture.partners),
            *told(report.alarms, language)]  # fmt: skip


def told(alarms: list[Alarm], language: str) -> list[str]:
    """The alarms that hold, the worst first; or that there are none."""
    if not alarms:
        return ["Kein Alarm." if language == "de" else "No alarm."]
    worst_first = sorted(alarms, key=lambda one: (-one.state, one.since))
    since = {"de": "seit", "en": "since"}[language]
    return [f"{_MARKS[one.state]} {one.sentence(language)} ({since} {_moment(one.since)})" for one in worst_first]


def _server(report: Report, language: str) -> str:
    one = report.picture
    running = _duration(time.time() - report.started_at / 1000)
    free = one.disk_free // GIB
    if language == "de":
        return (
            f"Verbund {report.version} läuft seit {running}: {one.sockets} Verbindungen, {one.calls} Anrufe, "
            f"{one.counts.films_waiting} Filme in Arbeit, {free} GiB frei, letzte Sicherung {_moment(one.backup_at)}."
        )
    return (
        f"Verbund {report.version} has run for {running}: {one.sockets} connections, {one.calls} calls, "
        f"{one.counts.films_waiting} films on their way, {free} GiB free, last backup {_moment(one.backup_at)}."
    )


def _partner(one: Partner, language: str) -> str:
    equal = _moment(one.equal_at)
    if language == "de":
        stands = "verbunden" if one.linked else "nicht verbunden"
        behind = f", {one.backlog} Einträge zurück ({one.lag_ms / 1000:.0f} s)" if one.backlog else ""
        return f"  {one.name}: {stands}{behind}, zuletzt gleich {equal}."
    stands = "linked" if one.linked else "not linked"
    behind = f", {one.backlog} entries behind ({one.lag_ms / 1000:.0f} s)" if one.backlog else ""
    return f"  {one.name}: {stands}{behind}, last equal {equal}."


def _moment(at_ms: int | None) -> str:
    return datetime.fromtimestamp(at_ms / 1000).astimezone().strftime("%d.%m.%Y %H:%M") if at_ms else "–"


def _duration(seconds: float) -> str:
    hours, rest = divmod(int(seconds) // 60, 60)
    return f"{hours // 24} d {hours % 24} h" if hours >= 24 else f"{hours} h {rest} min"
