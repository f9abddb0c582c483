"""What can happen to a house: each fault lasts as long as its block, and is over afterwards. For every drill."""

import os
import shutil
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from bench.town import line
from bench.town.ground import LINE_FIRST, NETWORK, run
from bench.town.house import HTTPS, House
from bench.town.names import Lie
from bench.town.town import Town

Fault = Callable[[Town], AbstractContextManager[None]]
#: Not its program, which would stand between us and the server.
CLOCK = "*/faketime/libfaketimeMT.so.1"
FILLER, FILL_BYTES = "voll", 1024 * 1024
#: What a corrupted disk looks like: bytes in the middle of what people wrote.
ROT = b"\x00VERROTTET\x00"


class Known(NamedTuple):
    """A fault, as the report calls it."""

    title: str
    begin: Fault


@contextmanager
def killed(town: Town) -> Iterator[None]:
    """Power cut: the whole tree."""
    town.home.kill()
    try:
        yield
    finally:
        town.home.start()


@contextmanager
def stopped(town: Town) -> Iterator[None]:
    """Alive and silent: nothing is refused, nothing is answered."""
    town.home.signal_all(signal.SIGSTOP)
    try:
        yield
    finally:
        town.home.signal_all(signal.SIGCONT)


def dropping(*rules: str) -> Fault:
    """Packets that fit a rule vanish at the home's door."""

    @contextmanager
    def fault(town: Town) -> Iterator[None]:
        house, partner = town.home, town.houses[1].ip
        chain = "{ type filter hook %s priority 0; }"
        house.inside("nft", "add", "table", "inet", "drill")
        for hook in ("input", "output"):
            house.inside("nft", "add", "chain", "inet", "drill", hook, chain % hook)
        try:
            for rule in rules:
                hook, *match = rule.format(partner=partner).split()
                house.inside("nft", "add", "rule", "inet", "drill", hook, *match, "drop")
            yield
        finally:
            house.inside("nft", "delete", "table", "inet", "drill")

    return fault


def lying(lie: Lie) -> Fault:
    """The home's name leads nowhere, or somewhere else."""

    @contextmanager
    def fault(town: Town) -> Iterator[None]:
        town.names.lies[town.home.plot.domain] = lie
        try:
            yield
        finally:
            del town.names.lies[town.home.plot.domain]

    return fault


@contextmanager
def full_disk(town: Town) -> Iterator[None]:
    """Not a byte is free where the home keeps everything."""
    filler = town.home.data / FILLER
    try:
        with filler.open("wb", 0) as file:
            try:
                while True:
                    os.posix_fallocate(file.fileno(), file.seek(0, os.SEEK_END), FILL_BYTES)
            except OSError:
                pass
        yield
    finally:
        filler.unlink(missing_ok=True)


def clock_off(shift: str) -> Fault:
    """The home's clock goes wrong: it is started anew with it, and again with the right one."""

    @contextmanager
    def fault(town: Town) -> Iterator[None]:
        house, before = town.home, town.home.prefix
        try:
            preloaded = f"LD_PRELOAD={next(Path('/usr/lib').glob(CLOCK))}"
            house.prefix = (*before, "env", preloaded, f"FAKETIME={shift}", "FAKETIME_DONT_FAKE_MONOTONIC=1")
            restarted(house)
            yield
        finally:
            house.prefix = before
            restarted(house)

    return fault


def restarted(house: House) -> None:
    house.stop()
    house.start()


@contextmanager
def rotten(town: Town) -> Iterator[None]:
    """While it is away, bytes of what it keeps change: a message's body in the store, and every file on the shelf."""
    house = town.home
    house.kill()
    rot(house.data)
    house.start()
    yield


def rot(data: Path) -> None:
    with closing(sqlite3.connect(data / "verbund.db")) as store, store:
        kind = "SELECT number FROM word WHERE text = 'chat.message_posted.1'"
        newest = f"SELECT max(position) FROM core WHERE kind = ({kind})"
        store.execute(f"UPDATE core SET body = ? WHERE position = ({newest})", (ROT,))
    for file in (data / "blobs").rglob("*"):
        if file.is_file() and file.stat().st_size > len(ROT):
            file.chmod(0o600)
            with file.open("r+b") as bytes_:
                bytes_.write(ROT)


@contextmanager
def disk_lost(town: Town) -> Iterator[None]:
    """The disk is gone; the backup of before is played back onto a new one, as the handbook says."""
    house = town.home
    backup = house.data.with_name("sicherung")
    house.command("backup", str(backup), port=False)
    house.kill()
    house.new_disk()
    try:
        yield
    finally:
        house.command("restore", str(backup), port=False)
        shutil.rmtree(backup)
        house.start()


def on_a_line(way: line.Way) -> Fault:
    """Whoever looks the home up meanwhile reaches it over a line that does this; connections of before break."""

    @contextmanager
    def fault(town: Town) -> Iterator[None]:
        house, here = town.home, f"{NETWORK}.{LINE_FIRST}"
        run("ip", "addr", "add", f"{here}/24", "dev", "town")
        between = line.Line((here, HTTPS), (house.ip, HTTPS), source=here).start()
        between.become(way)
        known = town.names.known
        before, known[house.plot.domain] = known[house.plot.domain], type(known[house.plot.domain])(here)
        house.inside("nft", "add", "table", "inet", "line")
        house.inside("nft", "add", "chain", "inet", "line", "input", "{ type filter hook input priority 0; }")
        house.inside(
            *f"nft add rule inet line input tcp dport {HTTPS} ip saddr != {here} reject with tcp reset".split()
        )
        try:
            yield
        finally:
            known[house.plot.domain] = before
            house.inside("nft", "delete", "table", "inet", "line")
            between.stop()
            run("ip", "addr", "del", f"{here}/24", "dev", "town")

    return fault


@contextmanager
def twice(town: Town) -> Iterator[None]:
    """Killed in the middle of coming back."""
    with killed(town):
        yield
    town.home.kill()
    time.sleep(1)
    town.home.start()


FAULTS = {
    "kill": Known("Stromausfall (kill -9)", killed),
    "stop": Known("Alles bleibt stehen (SIGSTOP)", stopped),
    "black-hole": Known("Schwarzes Loch", dropping("input", "output")),
    "deaf": Known("Hört niemanden mehr, spricht noch", dropping("input")),
    "mute": Known("Hört noch, erreicht niemanden", dropping("output")),
    "partner-cut": Known("Leitung zum Partner weg", dropping("input ip saddr {partner}", "output ip daddr {partner}")),
    "partner-one-way": Known("Leitung zum Partner einseitig weg", dropping("output ip daddr {partner}")),
    "name-gone": Known("Name weg (NXDOMAIN)", lying("nxdomain")),
    "name-servfail": Known("Name: SERVFAIL", lying("servfail")),
    "name-empty": Known("Name: leere Antwort", lying("empty")),
    "name-stale": Known("Name: alte Adresse", lying("stale")),
    "name-slow": Known("Name: Antwort nach 4 s", lying("slow")),
    "full-disk": Known("Platte voll", full_disk),
    "clock-ahead": Known("Uhr 5 min vor", clock_off("+5m")),
    "clock-behind": Known("Uhr 5 min nach", clock_off("-5m")),
    "rotten": Known("Verfälschte Platte", rotten),
    "disk-lost": Known("Platte verloren, Sicherung zurückgespielt", disk_lost),
    "slow-line": Known("Langsame Leitung", on_a_line(line.SLOW)),
    "reset-line": Known("Leitung bricht ab (RST)", on_a_line(line.RESET)),
    "half-closed-line": Known("Leitung halb geschlossen", on_a_line(line.HALF_CLOSED)),
    "twice": Known("Stirbt beim Wiederkommen noch einmal", twice),
}
