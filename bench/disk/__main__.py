"""`make bench-disk`: how much larger the store is for 10,000 messages of 90 characters, all in; new, and once sealed.

A real server takes them in as `make bench-chat` sends them: 50 members of one space, signed, with indexes, folded rows
and words. Measured is the file of the database after the server has stopped, with everything carried over from the
write-ahead log, before and after: as it is (`disk_bytes`); after `verbund seal --all` in a copy (`segment_bytes`); and
in another, what is in use after the sealing of a running server, which leaves the free pages for what comes next
(`segment_in_use_bytes`). Writes bench/results/disk.json, with what each table and index takes.
"""

import asyncio
import json
import platform
import shutil
import sqlite3
import sys
import tempfile
from contextlib import closing
from pathlib import Path

from bench.chat.__main__ import FACTS_PER_S, MEMBERS, each, text
from bench.chat.ours import Verbund
from tests.flows.server import Server
from verbund.base.settings import Settings
from verbund.log.sealer import seal
from verbund.web import capabilities
from verbund.web.composition import Services
from verbund.web.upkeep import alone

MESSAGES = 10_000
#: Before: so that what a new store takes at first is not counted.
BEFORE_EACH = 20
SHOWN_MAX = 15
END_OF_TIME_MS = 2**60
BARS = {"disk_bytes": 1400, "segment_bytes": 600}
RESULTS = Path(__file__).parents[1] / "results"


def main() -> int:
    """0 when the bar is met."""
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder) / "werkhof", facts_per_s=FACTS_PER_S)
        room = Verbund(server.start(), MEMBERS)
        room.set_up()
        asyncio.run(talk(room, BEFORE_EACH))
        before, before_sealed, before_in_use = measured(server, Path(folder) / "before")
        server.start()
        asyncio.run(talk(room, MESSAGES // MEMBERS))
        after, after_sealed, after_in_use = measured(server, Path(folder) / "after")
    disk_bytes, parts = each_takes(before, after)
    segment_bytes, sealed_parts = each_takes(before_sealed, after_sealed)
    in_use_bytes = round((after_in_use - before_in_use) / MESSAGES)
    samples = [
        {"sealed": is_sealed, "part": name, "bytes": size}
        for is_sealed, found in ((False, parts), (True, sealed_parts))
        for name, size in found
    ]
    versions = {"python": platform.python_version(), "sqlite": sqlite3.sqlite_version}
    run = {"n": MESSAGES, "seed": None, "command": "make bench-disk", "versions": versions, "samples": samples}
    RESULTS.mkdir(parents=True, exist_ok=True)
    figures = {"disk_bytes": disk_bytes, "segment_bytes": segment_bytes, "segment_in_use_bytes": in_use_bytes}
    content = {"figures": figures, "runs": [run]}
    (RESULTS / "disk.json").write_text(json.dumps(content, indent=1) + "\n")
    for name, found in (("disk_bytes", parts), ("segment_bytes", sealed_parts)):
        for part, size in found:
            sys.stdout.write(f"  {part:32} {size:>8}\n")
        met = figures[name] <= BARS[name]
        sys.stdout.write(f"{name:32} {figures[name]:>10} <= {BARS[name]:<6} {'✓' if met else '✗'}\n")
    sys.stdout.write(f"{'segment_in_use_bytes':32} {in_use_bytes:>10}\n")
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


def measured(server: Server, copies: Path) -> tuple[dict[str, int], dict[str, int], int]:
    """(what a stopped server's store takes as it is, what it takes sealed, the bytes in use when sealed as served)."""
    server.stop()
    plain = sizes(server.data)
    given_back, served = copies / "given-back", copies / "served"
    for copy in (given_back, served):
        shutil.copytree(server.data, copy)
    Server(given_back).command("seal", "--all", port=False)
    services = Services(Settings(data=str(served)), capabilities)
    asyncio.run(alone(services, lambda: seal(services.log, END_OF_TIME_MS)))
    services.store.close()
    sizes(served)
    return plain, sizes(given_back), in_use(served)


def sizes(data: Path) -> dict[str, int]:
    """Table or index → bytes; "" → the whole file, with its log carried over."""
    store = data / "verbund.db"
    with closing(sqlite3.connect(store)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        found: dict[str, int] = dict(
            connection.execute("SELECT name, sum(pgsize) FROM dbstat GROUP BY name").fetchall()
        )
    return {"": store.stat().st_size, **found}


def in_use(data: Path) -> int:
    with closing(sqlite3.connect(data / "verbund.db")) as connection:
        pages, free, size = (
            connection.execute(f"PRAGMA {one}").fetchone()[0] for one in ("page_count", "freelist_count", "page_size")
        )
    return int((pages - free) * size)


if __name__ == "__main__":
    sys.exit(main())
