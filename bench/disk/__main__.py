"""`make bench-disk`: how much larger the store is for 10,000 messages of 90 characters, all in.

A real server takes them in as `make bench-chat` sends them: 50 members of one space, signed, with indexes, folded rows
and words. Measured is the file of the database after the server has stopped, with everything carried over from the
write-ahead log, before and after. Writes bench/results/disk.json, with what each table and index takes.
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
DISK_BYTES_MAX = 1400
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
        parts = {name: after[name] - before.get(name, 0) for name in after}
    disk_bytes = round(parts.pop("") / MESSAGES)
    largest = sorted(parts.items(), key=lambda part: -part[1])[:SHOWN_MAX]
    samples = [{"part": name, "bytes": round(size / MESSAGES, 1)} for name, size in largest if size]
    versions = {"python": platform.python_version(), "sqlite": sqlite3.sqlite_version}
    run = {"n": MESSAGES, "seed": None, "command": "make bench-disk", "versions": versions, "samples": samples}
    RESULTS.mkdir(parents=True, exist_ok=True)
    content = {"figures": {"disk_bytes": disk_bytes}, "runs": [run]}
    (RESULTS / "disk.json").write_text(json.dumps(content, indent=1) + "\n")
    for sample in samples:
        sys.stdout.write(f"  {sample['part']:32} {sample['bytes']:>8}\n")
    met = disk_bytes <= DISK_BYTES_MAX
    sys.stdout.write(f"{'disk_bytes':32} {disk_bytes:>10} <= {DISK_BYTES_MAX:<6} {'✓' if met else '✗'}\n")
    return 0 if met else 1


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
