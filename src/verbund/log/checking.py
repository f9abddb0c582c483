"""Many signatures are checked in a process of their own, while the writer writes: the one adapter to checker.py.

In a thread of this process nothing would overlap: who lets go of the interpreter's lock after every signature waits for
it behind the writer. The process is there for a long backlog only, and ends when it is over.

Invariant: what it does not say is checked here. It never says that something is right which it was not asked, and
whatever goes wrong with it means that nothing was said (`tests/log/test_checking.py`).
"""

import logging
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from subprocess import DEVNULL

import msgspec

from verbund.log.checker import Asked, Told, receive, send

#: So many signatures must have come, none much later than the one before, until it is worth to start a process.
BACKLOG_MIN = 3_000
#: Fewer at once are checked here sooner than they are there and back.
FEW = 100
IDLE_S = 10.0
WAIT_S = 10.0
#: After something went wrong with it.
REST_S = 60.0
END_TIMEOUT_S = 1.0
TOLD_BYTES_MAX = 1024 * 1024
COMMAND = (sys.executable, "-I", "-m", "verbund.log.checker")
Signature = tuple[bytes, bytes, bytes]
log = logging.getLogger(__name__)
_decoder = msgspec.msgpack.Decoder(Told)


class Checking:
    """Owns the process. For any thread; one question at a time."""

    def __init__(
        self, command: Sequence[str] = COMMAND, backlog_min: int = BACKLOG_MIN, idle_s: float = IDLE_S,
        wait_s: float = WAIT_S,
    ) -> None:  # fmt: skip
        self._command, self._backlog_min, self._idle_s, self._wait_s = command, backlog_min, idle_s, wait_s
        self._lock = threading.Lock()
        self._child: _Child | None = None
        self._gathered, self._used, self._rests_until = 0, 0.0, 0.0
        self._is_stopped = False

    def right(self, signatures: Sequence[Signature]) -> list[bool] | None:
        """Of these (public key, signature, what is signed), all Ed25519: whether each is right. None: it cannot say."""
        if len(signatures) < FEW or not self._lock.acquire(blocking=False):
            return None  # or somebody else is being answered: to wait would take longer, and a thread
        try:
            if not self._is_wanted(len(signatures)):
                return None
            if self._child is None:
                self._child = _Child(self._command, self._wait_s)
                self._end_when_idle(self._idle_s)
            return self._child.right(signatures)
        except (OSError, EOFError, ValueError, msgspec.MsgspecError) as error:
            log.warning("signatures are checked in this process for a while: %r", error)
            self._end()
            self._rests_until = time.monotonic() + REST_S
            return None
        finally:
            self._lock.release()

    def stop(self) -> None:
        with self._lock:
            self._is_stopped = True
            self._end()

    def pid(self) -> int | None:
        """Of the process, while there is one."""
        child = self._child
        return child.pid if child is not None else None

    def _is_wanted(self, count: int) -> bool:
        now = time.monotonic()
        if now - self._used > self._idle_s:
            self._gathered = 0
        self._used = now
        self._gathered += count
        return not self._is_stopped and now >= self._rests_until and self._gathered >= self._backlog_min

    def _end_when_idle(self, after_s: float) -> None:
        timer = threading.Timer(after_s, self._look)
        timer.daemon = True
        timer.start()

    def _look(self) -> None:
        with self._lock:
            left = self._used + self._idle_s - time.monotonic()
            if self._child is None or self._is_stopped:
                return
            if left > 0:
                self._end_when_idle(left)
            else:
                self._end()

    def _end(self) -> None:
        if self._child is not None:
            self._child.end()
            self._child = None


class _Child:
    """A process that checks."""

    def __init__(self, command: Sequence[str], wait_s: float) -> None:
        self._socket, theirs = socket.socketpair()
        self._socket.settimeout(wait_s)
        with theirs:
            try:
                self._process = subprocess.Popen(
                    command, stdin=theirs.fileno(), stdout=DEVNULL, stderr=DEVNULL, start_new_session=True
                )
            except OSError:
                self._socket.close()
                raise
        self.pid = self._process.pid
        self._number = 0

    def right(self, signatures: Sequence[Signature]) -> list[bool]:
        """Raises OSError, EOFError, ValueError, MsgspecError: then it must be ended, and has said nothing."""
        self._number += 1
        send(self._socket, Asked(self._number, list(signatures)))
        told = _decoder.decode(receive(self._socket, TOLD_BYTES_MAX))
        if told.number != self._number or len(told.right) != len(signatures) or not set(told.right) <= {0, 1}:
            raise ValueError("not an answer to what was asked")
        return [one == 1 for one in told.right]

    def end(self) -> None:
        """Its socket is closed: it goes by itself, or is made to."""
        self._socket.close()
        try:
            self._process.wait(END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(END_TIMEOUT_S)
