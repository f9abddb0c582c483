"""The operator's own program that is told of alarms: one sentence on its standard input. No shell, no third party."""

import logging
import os
import shlex
import subprocess
from collections.abc import Sequence

from verbund.base.settings import Settings
from verbund.ops.watch.alarms import Change

TIMEOUT_S = 30
#: Of what happens at once so many are passed on; all of it is in the log.
AT_ONCE_MAX = 20
_OVER = {"de": "Wieder in Ordnung: ", "en": "Well again: "}
log = logging.getLogger(__name__)


def sentence(change: Change, name: str, language: str = "de") -> str:
    """What is said: whose alarm, and the sentence of the finding."""
    return f"{name}: {'' if change.raised else _OVER[language]}{change.alarm.sentence(language)}"


def tell(settings: Settings, changes: Sequence[Change]) -> None:
    """Run the program for each, one after the other. That it fails is logged, and nothing else."""
    command = shlex.split(settings.alarm_command)
    if not command:
        return
    for change in changes[:AT_ONCE_MAX]:
        said = f"{sentence(change, settings.name)}\n{sentence(change, settings.name, 'en')}\n"
        state = change.alarm.state.name.lower() if change.raised else "over"
        environment = {**_environment(), "VERBUND_ALARM": change.alarm.code, "VERBUND_ALARM_STATE": state}
        try:
            done = subprocess.run(
                command, input=said.encode(), env=environment, timeout=TIMEOUT_S, check=False,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
            if done.returncode:
                log.error("alarm_command ended with %d", done.returncode)
        except (OSError, subprocess.TimeoutExpired) as error:
            log.error("alarm_command could not be run: %s", error)  # noqa: TRY400  # the sentence is enough


def _environment() -> dict[str, str]:
    """Nothing of the settings, which may hold secrets."""
    return {name: value for name, value in os.environ.items() if not name.startswith("VERBUND_")}
