"""`make network`: the town stands until ctrl-C, and says how to look at it."""

import argparse
import os
import signal
import sys
import tempfile
import threading
from pathlib import Path

from bench.town import ground
from bench.town.house import PLOTS
from bench.town.town import Town, town
from tests.flows.server import PASSWORD

HOURS_MAX = 12.0


def main() -> int:
    """Stands until told to go, or for HOURS_MAX."""
    parser = argparse.ArgumentParser(prog="make network")
    parser.add_argument("--houses", type=int, default=2, choices=range(2, len(PLOTS) + 1))
    parser.add_argument("--hours", type=float, default=HOURS_MAX, help="so lange höchstens")
    asked = parser.parse_args()
    if why := ground.missing():
        sys.stderr.write(f"{why}\n")
        return 2
    ground.enter("bench.town", sys.argv[1:])
    over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: over.set())
    with tempfile.TemporaryDirectory() as folder, town(Path(folder), asked.houses) as built:
        told(built)
        over.wait(min(asked.hours, HOURS_MAX) * 3600)
        sys.stdout.write("Das Netz wird abgebaut. / Taking the network down.\n")
    return 0


def told(built: Town) -> None:
    """Where everything is, and how a browser gets there: it has to be inside, for nothing leads out."""
    say = sys.stdout.write
    say("Das Netz steht. / The network stands.\n")
    for one in built.houses:
        say(f"  {one.plot.shown:<10} {one.address:<24} {one.ip}  Prozess {outer(one.pid)}\n")
    say(f"Anmelden als anna oder ben; Kennwort: {PASSWORD}\n")
    user = "" if os.environ.get("SUDO_USER") or ground.is_root() else " -U --preserve-credentials"
    say("Ein Browser darin / a browser inside:\n")
    say(f"  nsenter -t {outer(os.getpid())}{user} -n -m chromium --no-sandbox --user-data-dir=$(mktemp -d) \\\n")
    say(f"    {built.flags()[0]} {built.home.address}\n")
    say("Ende mit Strg-C. / End with ctrl-C.\n")
    sys.stdout.flush()


def outer(pid: int) -> int:
    """A process's number outside, where people type; the own one where it cannot be known."""
    try:
        [line] = [one for one in Path(f"/proc/{pid}/status").read_text().splitlines() if one.startswith("NSpid")]
    except (OSError, ValueError):
        return pid
    return int(line.split()[1])


if __name__ == "__main__":
    sys.exit(main())
