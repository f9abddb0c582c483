"""What the running server leaves in the data folder for commands, which are processes of their own."""

import time
from contextlib import suppress
from pathlib import Path

import msgspec

from verbund.ops.watch.alarms import Alarm
from verbund.ops.watch.picture import Picture

REPORT_FILE = "run/watch.json"
REPORT_AGE_MS_MAX = 60_000


class Report(msgspec.Struct, frozen=True):
    """How everything stands, and the alarms that hold. `started_at` in ms."""

    version: str
    started_at: int
    picture: Picture
    alarms: list[Alarm]

    @property
    def fresh(self) -> bool:
        """Whether a server that runs now has written it."""
        return time.time() * 1000 - self.picture.at < REPORT_AGE_MS_MAX


def read_report(data: Path) -> Report | None:
    """What was left last; None where nothing was, or an other version left it."""
    try:
        return msgspec.json.decode((data / REPORT_FILE).read_bytes(), type=Report)
    except (OSError, msgspec.MsgspecError):
        return None


def write_report(data: Path, report: Report) -> None:
    """Whole or not at all; a full disk must not stop the watch."""
    file = data / REPORT_FILE
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = file.with_suffix(".new")
        fresh.write_bytes(msgspec.json.encode(report))
        fresh.replace(file)
