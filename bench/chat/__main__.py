"""`make bench-chat`: five interleaved rounds against a floor, Prosody and Synapse.

Writes bench/results/chat.json and a plot. `python -m bench.chat ingest` runs that figure alone and writes nothing.

A delivery is one message parsed by one client. CPU is that of the whole server process tree, a peer's database
included. Synapse is measured where scripts/peers could set it up.
"""

import asyncio
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from websockets.asyncio.client import connect

from bench.chat.load import Count, open_loop
from bench.chat.ours import Verbund, open_socket
from bench.chat.plot import plot
from bench.chat.process import cpu_s, end, pss_mb
from bench.chat.prosody import Prosody
from bench.chat.synapse import Synapse
from tests.flows.server import Server
from tests.ports import free_port
from tests.postgres import cluster, create_database
from verbund.base.ids import b64

ROUNDS = 5
MEMBERS = 50
#: Above what is measured: the limit of a device is for misuse.
FACTS_PER_S = "100000"
SENDERS = 10
INGEST_EACH = 60
FANOUT_EACH = 30
SYNAPSE_EACH = 2
OPEN_LOOP_S = 6.0
IDLE_SOCKETS = 1000
SETTLE_S = 3.0
RESULTS = Path(__file__).parents[1] / "results"
#: Made by scripts/peers.
SYNAPSE = Path(__file__).parents[2] / ".build" / "synapse" / "bin" / "python"
BARS = {
    "ingest_vs_raw_50": (">=", 0.6), "fanout_vs_prosody_50": (">=", 2), "fanout_vs_synapse_50": (">=", 50),
    "delivery_p99_vs_prosody_50": ("<=", 1), "idle_rss_mb": ("<=", 120), "idle_1000_sockets_mb": ("<=", 40),
}  # fmt: skip


def text(member: int, number: int) -> str:
    """90 characters, the same for everybody."""
    words = "Die Treppe in der Gartenstraße ist fertig montiert, bitte ansehen."
    return f"Nachricht {number:04d} von {member:02d}: {words}"[:90]


class Bench:
    """What is running, and the raw samples so far."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.samples: list[dict[str, Any]] = []
        self.synapse: Synapse | None = None

    async def run(self, socket_prefix: str) -> dict[str, float]:
        await self.idle()
        ours = Verbund(Server(self.folder / "ours", facts_per_s=FACTS_PER_S).start(), MEMBERS)
        await asyncio.to_thread(ours.set_up)
        prosody = Prosody(self.folder / "prosody", free_port(), MEMBERS, text)
        prosody.start()
        self._start_synapse(socket_prefix)
        port = free_port()
        floor = start_floor(self.folder, port)
        await asyncio.sleep(SETTLE_S)
        try:
            for number in range(ROUNDS):
                sys.stdout.write(f"Runde {number + 1} von {ROUNDS}\n")
                await self.ingest(number, ours, floor, port)
                await self.fanout(number, ours, prosody)
            rate = self.highest_rate("prosody") / 2
            for number in range(ROUNDS):
                await self.latency(number, ours, rate)
                await self.latency(number, prosody, rate)
        finally:
            end(floor)
            end(prosody.process)
            ours.server.stop()
            if self.synapse is not None:
                end(self.synapse.process)
        return self.figures()

    async def run_ingest(self) -> None:
        """The rounds of `ingest` alone; microseconds per message."""
        ours = Verbund(Server(self.folder / "ours").start(), MEMBERS)
        port = free_port()
        floor = start_floor(self.folder, port)
        try:
            await asyncio.to_thread(ours.set_up)
            for number in range(ROUNDS):
                await self.ingest(number, ours, floor, port)
        finally:
            end(floor)
            ours.server.stop()

    def highest_rate(self, server: str) -> float:
        """Messages per second of a server's best round."""
        return max(one["rate"] for one in self.samples if (one["what"], one["server"]) == ("fanout", server))

    def _start_synapse(self, socket_prefix: str) -> None:
        if SYNAPSE.exists():
            socket = socket_prefix.rsplit("host=", 1)[1]
            self.synapse = Synapse(str(SYNAPSE), self.folder / "synapse", free_port(), socket, MEMBERS, text)
            self.synapse.start()

    async def idle(self) -> None:
        """Memory of a server that nobody uses, and with 1,000 open sockets."""
        server = Server(self.folder / "idle").start()
        ours = Verbund(server, 1)
        await asyncio.to_thread(ours.set_up)
        server.stop()
        server.start()
        await asyncio.sleep(SETTLE_S)
        alone = pss_mb(server.pid)
        sockets = [await open_socket(ours.people[0]) for _ in range(IDLE_SOCKETS)]
        await asyncio.sleep(SETTLE_S)
        crowded = pss_mb(server.pid)
        for socket in sockets:
            await socket.close()
        server.stop()
        self.note("idle", "verbund", 0, pss_mb=alone, sockets=IDLE_SOCKETS, pss_sockets_mb=crowded)

    async def ingest(self, number: int, ours: Verbund, floor: subprocess.Popen[bytes], port: int) -> None:
        """The same signed messages to the floor and to us: CPU per message that is on disk."""
        await asyncio.to_thread(ours.sign, MEMBERS, INGEST_EACH, text)
        frames = dict(ours.frames)
        keys = [b64(person.key.public.raw) for person in ours.people]
        before = cpu_s(floor.pid)
        count = await to_floor(port, keys, frames)
        self.note("ingest", "floor", number, messages=count, cpu_s=cpu_s(floor.pid) - before)
        await ours.open(follow=False)
        stored, before = ours.stored(), cpu_s(ours.server.pid)
        count = await each(ours.send, MEMBERS, INGEST_EACH)
        used = cpu_s(ours.server.pid) - before
        await ours.close()
        self.note("ingest", "verbund", number, messages=count, cpu_s=used, stored=ours.stored() - stored)

    async def fanout(self, number: int, ours: Verbund, prosody: Prosody) -> None:
        """Ten of fifty members talk, all listen: deliveries per CPU second of the server."""
        await asyncio.to_thread(ours.sign, SENDERS, FANOUT_EACH, text)
        await self.deliver(number, ours, ours.server.pid, FANOUT_EACH)
        prosody.next_batch()
        await self.deliver(number, prosody, prosody.process.pid, FANOUT_EACH)
        if self.synapse is not None:
            self.synapse.next_batch()
            await self.deliver(number, self.synapse, self.synapse.process.pid, SYNAPSE_EACH, postmaster())

    async def deliver(self, number: int, room: Any, pid: int, messages_each: int, *more: int) -> None:
        count = Count()
        await room.open()
        room.delivered = count.delivered
        loop = asyncio.get_running_loop()
        before, begun = cpu_s(pid, *more), loop.time()
        sent = await each(room.send, SENDERS, messages_each)
        lasted = loop.time() - begun
        await count.drain(sent * MEMBERS)
        used = cpu_s(pid, *more) - before
        await room.close()
        self.note(
            "fanout", room.name, number, messages=sent, deliveries=count.deliveries, cpu_s=used, rate=sent / lasted
        )

    async def latency(self, number: int, room: Any, rate: float) -> None:
        """Messages at a fixed rate: how long until a member has parsed one."""
        count = Count()
        needed = int(rate * OPEN_LOOP_S) // SENDERS + 1
        if isinstance(room, Verbund):
            await asyncio.to_thread(room.sign, SENDERS, needed, text)
        else:
            room.next_batch()
        await room.open()
        room.delivered = count.delivered
        loop = asyncio.get_running_loop()

        async def timed(member: int, at: int) -> None:
            count.sent_at[room.identifier(member, at)] = time.perf_counter()
            await room.send(member, at)

        begun = loop.time()
        sent = await open_loop(timed, SENDERS, rate, OPEN_LOOP_S)
        await count.drain(sent * MEMBERS)
        await room.close()
        latencies = sorted(count.latencies_ms)
        self.note(
            "latency", room.name, number, rate=rate, messages=sent, deliveries=count.deliveries, s=loop.time() - begun,
            p50_ms=latencies[len(latencies) // 2], p99_ms=latencies[int(len(latencies) * 0.99)],
        )  # fmt: skip

    def note(self, what: str, server: str, number: int, **values: float) -> None:
        self.samples.append({"what": what, "server": server, "round": number, **values})
        told = ", ".join(f"{key} {value:.3g}" for key, value in values.items())
        sys.stdout.write(f"  {what} {server}: {told}\n")
        sys.stdout.flush()

    def figures(self) -> dict[str, float]:
        """The bars' figures: medians of the rounds' ratios."""
        idle = next(one for one in self.samples if one["what"] == "idle")
        found = {
            "ingest_vs_raw_50": self.ratio("ingest", cpu_each, "floor", "verbund"),
            "fanout_vs_prosody_50": self.ratio("fanout", per_cpu, "verbund", "prosody"),
            "delivery_p99_vs_prosody_50": self.ratio("latency", lambda one: one["p99_ms"], "verbund", "prosody"),
            "idle_rss_mb": round(idle["pss_mb"], 1),
            "idle_1000_sockets_mb": round(idle["pss_sockets_mb"] - idle["pss_mb"], 1),
            "lost_of_acknowledged": sum(one["messages"] - one["stored"] for one in self.samples if "stored" in one),
        }
        if self.synapse is not None:
            found["fanout_vs_synapse_50"] = self.ratio("fanout", per_cpu, "verbund", "synapse")
        return found

    def ratio(self, what: str, value: Callable[[dict[str, Any]], float], above: str, below: str) -> float:
        def of(server: str, number: int) -> float:
            one = next(s for s in self.samples if (s["what"], s["server"], s["round"]) == (what, server, number))
            return value(one)

        return round(statistics.median(of(above, number) / of(below, number) for number in range(ROUNDS)), 3)


def cpu_each(sample: dict[str, Any]) -> float:
    """CPU seconds per message."""
    return float(sample["cpu_s"] / sample["messages"])


def per_cpu(sample: dict[str, Any]) -> float:
    return float(sample["deliveries"] / sample["cpu_s"])


async def each(send: Callable[[int, int], Any], senders: int, count: int) -> int:
    """Every sender sends `count` messages, the next as soon as the last is acknowledged."""

    async def one(member: int) -> None:
        for number in range(count):
            await send(member, number)

    await asyncio.gather(*(one(member) for member in range(senders)))
    return senders * count


def start_floor(folder: Path, port: int) -> subprocess.Popen[bytes]:
    (folder / "floor").mkdir()
    return subprocess.Popen([sys.executable, "-m", "bench.chat.floor", str(folder / "floor"), str(port)])


async def to_floor(port: int, keys: list[str], frames: dict[tuple[int, int], tuple[str, str]]) -> int:
    async def one(member: int) -> None:
        address = f"ws://127.0.0.1:{port}/?{keys[member]}"
        async with connect(address, compression=None, ping_interval=None, proxy=None) as socket:
            for number in range(INGEST_EACH):
                await socket.send(frames[(member, number)][1])
                await socket.recv()

    await asyncio.gather(*(one(member) for member in range(MEMBERS)))
    return MEMBERS * INGEST_EACH


def postmaster() -> int:
    """The PostgreSQL that Synapse uses."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                line = (folder / "cmdline").read_bytes().replace(b"\0", b" ")
            except OSError:
                continue
            if b"/postgres -D" in line and b"verbund-pg-" in line:
                return int(folder.name)
    raise LookupError("no PostgreSQL of ours is running")


def versions() -> dict[str, str]:
    told = {"python": platform.python_version(), "machine": f"{platform.machine()}, {os.cpu_count()} cores"}
    asked = subprocess.run(["prosodyctl", "about"], capture_output=True, text=True, check=False)
    told["prosody"] = next((line.split()[-1] for line in asked.stdout.splitlines() if "Prosody " in line), "?")
    if SYNAPSE.exists():
        command = [str(SYNAPSE), "-c", "import synapse; print(synapse.__version__)"]
        asked = subprocess.run(command, capture_output=True, text=True, check=False)
        told["synapse"] = asked.stdout.strip()
    return told


def main() -> int:
    """0 when every bar that could be measured is met."""
    if sys.argv[1:] == ["ingest"]:
        return ingest_alone()
    RESULTS.mkdir(parents=True, exist_ok=True)
    for old in ("chat.json", "chat.svg"):
        (RESULTS / old).unlink(missing_ok=True)
    with tempfile.TemporaryDirectory() as folder, cluster() as prefix:
        if SYNAPSE.exists():
            create_database(prefix, "synapse", collation="C")
        bench = Bench(Path(folder))
        figures = asyncio.run(bench.run(prefix))
    run = {
        "n": ROUNDS, "seed": None, "command": "make bench-chat", "versions": versions(),
        "configuration": {"members": MEMBERS, "senders": SENDERS, "prosody": "MUC, muc_mam, internal storage",
                          "synapse": "one process, PostgreSQL, presence off, rate limits off"},
        "samples": bench.samples,
    }  # fmt: skip
    (RESULTS / "chat.json").write_text(json.dumps({"figures": figures, "runs": [run]}, indent=1) + "\n")
    (RESULTS / "chat.svg").write_text(plot(figures, BARS))
    return table(figures)


def ingest_alone() -> int:
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        asyncio.run(bench.run_ingest())
    for server in ("floor", "verbund"):
        each_us = [one["cpu_s"] / one["messages"] * 1e6 for one in bench.samples if one["server"] == server]
        sys.stdout.write(f"{server:32} {statistics.median(each_us):>10.0f} µs\n")
    lost = sum(one["messages"] - one["stored"] for one in bench.samples if "stored" in one)
    figures = {"ingest_vs_raw_50": bench.ratio("ingest", cpu_each, "floor", "verbund"), "lost_of_acknowledged": lost}
    return table(figures)


def table(figures: dict[str, float]) -> int:
    failed = 0
    for name, (sign, bar) in BARS.items():
        value = figures.get(name)
        if value is None:
            sys.stdout.write(f"{name:32} nicht gemessen\n")
            continue
        met = value >= bar if sign == ">=" else value <= bar
        failed += not met
        sys.stdout.write(f"{name:32} {value:>10} {sign} {bar:<6} {'✓' if met else '✗'}\n")
    failed += figures["lost_of_acknowledged"] != 0
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
