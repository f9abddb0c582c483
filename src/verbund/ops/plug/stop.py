"""Stopping the server's process for a while. It goes on by itself, even if this command dies."""

import fcntl
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from verbund.base.refusal import Refusal

#: So much later than wanted the guard lets it go on, if nobody did before.
GUARD_S = 3


class NotRunning(Refusal):
    """de: Verbund läuft in diesem Datenordner nicht. Starten Sie es zuerst, oder nennen Sie den Ordner mit --data.
    en: Verbund is not running in this data folder. Start it first, or name the folder with --data."""

    code = "ops.not_running"
    status = 409


class NotYours(Refusal):
    """de: Dieser Befehl darf den Prozess von Verbund nicht anhalten. Führen Sie ihn als derselbe Benutzer aus.
    en: This command may not stop the process of Verbund. Run it as the same user."""

    code = "ops.not_yours"
    status = 403


def server_of(folder: Path) -> int:
    """The process that serves this data folder. Raises NotRunning."""
    try:
        with (folder / "lock").open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                return int(file.read(20))
    except (OSError, ValueError) as error:
        raise NotRunning() from error
    raise NotRunning()


@contextmanager
def stopped(pid: int, seconds: float) -> Iterator[None]:
    """Silent until the end of the block, and no longer than these seconds. Raises NotYours."""
    script = 'sleep "$1"; kill -CONT "$2" 2>/dev/null'
    arguments = ["sh", "-c", script, "guard", str(seconds + GUARD_S), str(pid)]
    guard = subprocess.Popen(arguments, start_new_session=True, stdin=subprocess.DEVNULL)
    try:
        try:
            os.kill(pid, signal.SIGSTOP)
        except OSError as error:
            raise NotYours() from error
        yield
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
        with suppress(ProcessLookupError):
            os.killpg(guard.pid, signal.SIGTERM)
        guard.wait()
