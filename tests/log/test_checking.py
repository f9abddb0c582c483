"""Signatures checked in a process of their own: what it says is so, and where it says nothing they are checked here."""

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from verbund.base.ids import DeviceId, ProviderId, b64
from verbund.base.keys import DeviceKey, PublicKey
from verbund.log.ahead import Ahead
from verbund.log.checking import COMMAND, FEW, Checking, Signature
from verbund.log.core import DOMAIN, Parcel, make_parcel
from verbund.log.entry import Entry

ANNA, BEN = DeviceKey.generate(), DeviceKey.generate()
WAIT_S = 20.0
#: Programs that are no checker: one ends at once, one never says anything, two say what was not asked.
ENDS = (sys.executable, "-c", "")
IS_SILENT = (sys.executable, "-c", "import time; time.sleep(60)")
SAYS = """
import msgspec, socket, time
raw = msgspec.msgpack.encode({})
provider = socket.socket(fileno=0)
provider.recv(1 << 20)
provider.sendall(len(raw).to_bytes(4, "big") + raw)
time.sleep(60)
"""
OF_ANOTHER_QUESTION = (sys.executable, "-c", SAYS.format("[7, b'\\1' * 200]"))
TOO_LITTLE = (sys.executable, "-c", SAYS.format("[1, b'\\1' * 199]"))


@contextmanager
def checking(command: tuple[str, ...] = COMMAND, **given: Any) -> Iterator[Checking]:
    found = Checking(command, **{"backlog_min": 1, "wait_s": WAIT_S, **given})
    try:
        yield found
    finally:
        found.stop()


def signatures(count: int = 2 * FEW) -> list[Signature]:
    return [(ANNA.public.raw, ANNA.sign(text), text) for text in (b"%d" % number for number in range(count))]


def entries(*wrong: int) -> list[Entry]:
    """What Anna said; at these places somebody else signed it."""
    found = []
    for number in range(2 * FEW):
        core: dict[str, Any] = {"ah": [], "bk": None, "dp": None, "ds": 1, "k": "note.written.1", "mu": False, "re": []}
        identifier, parcel = make_parcel(ANNA, {**core, "t": f"{number:016x}"}, {}, bytes(16))
        if number in wrong:
            parcel = Parcel(parcel.c, b64(BEN.sign(DOMAIN + parcel.c.encode())), parcel.sa, parcel.b)
        found.append(
            Entry(identifier, ProviderId("p"), 1, number + 1, "", 0, 0, parcel.c, parcel.s, parcel.sa, parcel.b)
        )
    return found


def proven(examiner: Ahead, found: list[Entry]) -> list[int]:
    """The places of those whose signature was found to be right."""
    return [at for at, (_, parsed) in enumerate(examiner.examine(found)) if parsed is not None and parsed.proven]


def keys(devices: Any) -> dict[DeviceId, PublicKey]:
    return {one.device: one.public for one in (ANNA, BEN) if one.device in devices}


def test_says_of_each_signature_whether_it_is_right() -> None:
    asked = signatures()
    asked[3] = (BEN.public.raw, *asked[3][1:])
    asked[5] = (asked[5][0], asked[5][1], b"something else")
    asked[7] = (asked[7][0], asked[7][1][:-1], asked[7][2])
    with checking() as checks:
        told = checks.right(asked)
        assert told is not None
        assert [at for at, right in enumerate(told) if not right] == [3, 5, 7]
        assert checks.right(signatures()) == [True] * 2 * FEW, "the next question gets its own answer"
        assert checks.right(signatures(FEW - 1)) is None, "a few are not worth the way"


def test_is_there_for_a_long_backlog_only_and_ends_when_that_is_over() -> None:
    with checking(backlog_min=5 * FEW, idle_s=0.5) as checks:
        assert [checks.right(signatures()) is None for _ in range(3)] == [True, True, False]
        assert checks.pid()
        ends_s = time.monotonic() + WAIT_S
        while checks.pid() and time.monotonic() < ends_s:
            time.sleep(0.05)
        assert checks.pid() is None
        assert checks.right(signatures()) is None, "one frame more is no backlog"


@pytest.mark.parametrize("command", [ENDS, IS_SILENT, OF_ANOTHER_QUESTION, TOO_LITTLE, ("/nowhere/checker",)])
def test_who_does_not_check_is_not_believed(command: tuple[str, ...]) -> None:
    with checking(command, wait_s=2.0) as checks:
        assert checks.right(signatures()) is None
        assert checks.pid() is None
        assert proven(Ahead(keys, checks), entries(4)) == [at for at in range(2 * FEW) if at != 4], "checked here"


def test_killed_while_it_works_leaves_nothing_unchecked() -> None:
    with checking() as checks:
        examiner = Ahead(keys, checks)
        right = [at for at in range(2 * FEW) if at not in (4, 9)]
        assert proven(examiner, entries(4, 9)) == right
        pid = checks.pid()
        assert pid
        os.kill(pid, signal.SIGKILL)
        assert proven(examiner, entries(4, 9)) == right
        assert checks.pid() is None


def test_is_gone_with_its_provider() -> None:
    with checking() as checks:
        assert checks.right(signatures())
        pid = checks.pid()
        assert pid
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert checks.right(signatures()) is None
