"""The check-up: every check in order, one plain sentence each. Looks; never changes anything."""

from collections.abc import Callable, Iterator
from subprocess import TimeoutExpired

from verbund.base.settings import Settings
from verbund.ops import place, programs
from verbund.ops.finding import Finding, State, found
from verbund.ops.watch.report import read_report

Check = Callable[[Settings], Finding]
CHECKS: tuple[Check, ...] = (*programs.CHECKS, *place.CHECKS)
_MARKS = {State.OK: "✓", State.HINT: "!", State.FAULT: "✗"}
_CLOSING = {
    (State.OK, "de"): "Alles in Ordnung.",
    (State.OK, "en"): "All is well.",
    (State.HINT, "de"): "Verbund läuft. Was mit ! beginnt, geht nicht oder nur zum Teil.",
    (State.HINT, "en"): "Verbund runs. What begins with ! does not work, or only in part.",
    (State.FAULT, "de"): "So läuft Verbund nicht oder nicht sicher: zuerst, was mit ✗ beginnt.",
    (State.FAULT, "en"): "Verbund does not run safely like this: first what begins with ✗.",
}


def examine(settings: Settings, checks: tuple[Check, ...] = CHECKS) -> Iterator[Finding]:
    """What each check finds, as it finds it."""
    for check in checks:
        try:
            yield check(settings)
        except (OSError, TimeoutExpired) as error:
            yield found("check.failed", check=check.__name__.removeprefix("check_"), error=error)


def alarms(settings: Settings) -> list[Finding]:
    """What the running server says is wrong; nothing where none runs."""
    report = read_report(settings.folder)
    if report is None or not report.fresh:
        return []
    asked = {check.__name__.removeprefix("check_") for check in CHECKS}
    others = [one.finding for one in report.alarms if one.code.split(".")[0] not in asked - {"clock", "janus"}]
    return others or [found("watch.quiet")]


def report(settings: Settings, language: str = "de") -> int:
    """Print all findings. 0 when nothing keeps Verbund from running safely, 1 otherwise."""
    worst = State.OK
    for finding in examine(settings):
        worst = max(worst, finding.state)
        print(f"  {_MARKS[finding.state]} {finding.sentence(language)}")
    for finding in alarms(settings):
        worst = max(worst, finding.state)
        print(f"  {_MARKS[finding.state]} {finding.sentence(language)}")
    print(_CLOSING[worst, language])
    return int(worst is State.FAULT)
