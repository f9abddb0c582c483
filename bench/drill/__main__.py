"""`make drill`: every part of the drill, or one: `python -m bench.drill kills|calls|films|faults|three|october`."""

import importlib
import subprocess
import sys

#: In this order; each is a program of its own, with arguments of its own.
PARTS = ("kills", "calls", "films", "faults", "three", "october")


def main() -> int:
    """0 when every part met its bars."""
    asked, *arguments = sys.argv[1:] or ["all"]
    if asked in PARTS:
        sys.argv = [f"bench.drill {asked}", *arguments]
        return int(importlib.import_module(f"bench.drill.{asked}").main())
    if asked != "all":
        sys.stderr.write(f"python -m bench.drill {'|'.join(PARTS)}\n")
        return 2
    failed = [part for part in PARTS if run(part)]
    verdict = f"Verfehlt / not met: {', '.join(failed)}" if failed else "Alle Ziele erreicht. / All bars met."
    sys.stdout.write(f"{verdict}\n")
    return int(bool(failed))


def run(part: str) -> int:
    return subprocess.run([sys.executable, "-m", "bench.drill", part], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
