"""`make network`: the town stands until ctrl-C, says how to look at it, and lets who types take one away."""

import argparse
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
    parser.add_argument("--houses", type=int, default=3, choices=range(2, len(PLOTS) + 1))
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
        threading.Thread(target=listen, args=(built, over), daemon=True).start()
        over.wait(min(asked.hours, HOURS_MAX) * 3600)
        sys.stdout.write("Das Netz wird abgebaut. / Taking the network down.\n")
    return 0


def told(built: Town) -> None:
    """Where everything is, and how a browser gets there: it has to be inside, for nothing leads out."""
    say, lead = sys.stdout.write, ground.way_in()
    say("Das Netz steht. / The network stands.\n")
    for one in built.houses:
        say(f"  {one.plot.shown:<10} {one.address:<24} {one.ip}  Prozess {one.pid}\n")
    say(f"Anmelden als anna oder ben; Kennwort: {PASSWORD}\n")
    say("Ein Browser darin / a browser inside:\n")
    say(f"  {lead} chromium --no-sandbox --user-data-dir=$(mktemp -d) {built.flags()[0]} {built.home.address}\n")
    say("Einen anhalten und weiterlaufen lassen / stop one and let it go on:\n")
    say(f"  {lead} kill -STOP {built.home.pid}\n  {lead} kill -CONT {built.home.pid}\n")
    say("Hier tippen / type here:  weg NAME  (Strom weg / power cut)   da NAME  (Strom da / power is back)\n")
    say("Ende mit Strg-C. / End with ctrl-C.\n")
    sys.stdout.flush()


def listen(built: Town, over: threading.Event) -> None:
    """Does what is typed until told to go: who plays a failure needs no second terminal."""
    for line in sys.stdin:
        what, _, name = line.strip().partition(" ")
        found = [one for one in built.houses if name.lower() in (one.plot.name, one.plot.shown.lower())]
        if over.is_set() or what not in ("weg", "da") or not found:
            sys.stdout.write("weg NAME | da NAME\n")
        elif what == "weg" and found[0].pid_alive():
            found[0].kill()
        elif what == "da" and not found[0].pid_alive():
            found[0].start()
        sys.stdout.write("".join(f"  {one.plot.shown}: {'da' if one.pid_alive() else 'weg'}" for one in built.houses))
        sys.stdout.write("\n")
        sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
