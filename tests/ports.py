"""Ports for the servers of tests."""

import itertools
import os
import random
import socket

#: Below what Linux hands to outgoing connections (32768 and up): none of these takes a server's port while it restarts.
FIRST, LAST = 12_000, 31_999
#: Tests run in several lanes; each has ports of its own.
LANES = 16
_lane = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % LANES
_row = (LAST - FIRST + 1) // LANES
_ports = itertools.cycle(range(FIRST + _lane, LAST + 1, LANES))
# Where somebody else runs tests beside us, both should not begin at the same one.
next(itertools.islice(_ports, random.randrange(_row), None))


def free_port() -> int:
    """A port that nobody listens at; each is handed out once before any comes again."""
    for port in itertools.islice(_ports, _row):
        with socket.socket() as probe:
            try:
                probe.bind(("", port))
            except OSError:
                continue
        return port
    raise AssertionError("no port is free")
