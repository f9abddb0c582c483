"""`make bench-disk`: how much larger the store is for 10,000 messages of 90 characters, all in; new, and once sealed.

A real server takes them in as `make bench-chat` sends them: 50 members of one space, signed, with indexes, folded rows
and words. Measured is the file of the database after the server has stopped, with everything carried over from the
write-ahead log: before, after, and when `verbund seal --all` has packed what fills segments and given the space back.
Writes bench/results/disk.json, with what each table and index takes.
"""

import asyncio
import json
import platform
import sqlite3
import sys
import tempfile
from contextlib import closing
from pathlib import Path

from bench.chat.__main__ import FACTS_PER_S, MEMBERS, each, text
from bench.chat.ours import Verbund
from tests.flows.server import Server

MESSAGES = 10_000
#: Before: so that what a new store takes at first is not counted.
BEFORE_EACH = 20
SHOWN_MAX = 15
BARS = {"disk_bytes": 1400, "segment_bytes": 600}
RESULTS = Path(__file__).parents[1] / "results"


def main() -> int:
    """0 when the bar is met."""
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder) / "werkhof", facts_per_s=FACTS_PER_S)
        store = server.data / "verbund.db"
        room = Verbund(server.start(), MEMBERS)
        room.set_up()
        asyncio.run(talk(room, BEFORE_EACH))
        before = stopped(server, store)
        server.start()
        asyncio.run(talk(room, MESSAGES // MEMBERS))
        after = stopped(server, store)
        sys.stdout.write(server.command("seal", "--all", port=False))
        sealed = stopped(server, store)
    disk_bytes, parts = each_takes(before, after)
    segment_bytes, sealed_parts = each_takes(before, sealed)
    samples = [
        {"sealed": is_sealed, "part": name, "bytes": size}
        for is_sealed, found in ((False, parts), (True, sealed_parts))
        for name, size in found
    ]
    versions = {"python": platform.python_version(), "sqlite": sqlite3.sqlite_version}
    run = {"n": MESSAGES, "seed": None, "command": "make bench-disk", "versions": versions, "samples": samples}
    RESULTS.mkdir(parents=True, exist_ok=True)
    figures = {"disk_bytes": disk_bytes, "segment_bytes": segment_bytes}
    content = {"figures": figures, "runs": [run]}
    (RESULTS / "disk.json").write_text(json.dumps(content, indent=1) + "\n")
    for name, found in (("disk_bytes", parts), ("segment_bytes", sealed_parts)):
        for part, size in found:
            sys.stdout.write(f"  {part:32} {size:>8}\n")
        met = figures[name] <= BARS[name]
        sys.stdout.write(f"{name:32} {figures[name]:>10} <= {BARS[name]:<6} {'✓' if met else '✗'}\n")
    return int(any(figures[name] > bar for name, bar in BARS.items()))


def each_takes(before: dict[str, int], after: dict[str, int]) -> tuple[int, list[tuple[str, float]]]:
    """(bytes of a message, what of that each table and index takes)."""
    parts = {name: after[name] - before.get(name, 0) for name in after}
    whole = round(parts.pop("") / MESSAGES)
    largest = sorted(parts.items(), key=lambda part: -part[1])[:SHOWN_MAX]
    return whole, [(name, round(size / MESSAGES, 1)) for name, size in largest if size]


async def talk(room: Verbund, messages_each: int) -> None:
    await asyncio.to_thread(room.sign, MEMBERS, messages_each, text)
    await room.open(follow=False)
    await each(room.send, MEMBERS, messages_each)
    await room.close()


def stopped(server: Server, store: Path) -> dict[str, int]:
    """Table or index → bytes; "" → the whole file. The server is stopped, its log carried over."""
    server.stop()
    with closing(sqlite3.connect(store)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        found: dict[str, int] = dict(
            connection.execute("SELECT name, sum(pgsize) FROM dbstat GROUP BY name").fetchall()
        )
    return {"": store.stat().st_size, **found}


if __name__ == "__main__":
    sys.exit(main())
