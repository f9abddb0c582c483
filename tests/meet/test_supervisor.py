"""Janus and its supervisor: what comes back after which death. Real processes, no browser."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.meet.host import WAIT_S, janus_of, supervisors_of
from tests.ports import free_port
from verbund.meet.janus.process import confined
from verbund.meet.janus.sfu import JanusSfu
from verbund.meet.janus.supervised import Supervised
from verbund.meet.janus.supervisor import Wanted
from verbund.meet.sfu import SfuLost, SfuRefused, Source

pytestmark = pytest.mark.programs
POLL_S = 0.05


class Listener:
    def up(self, leg: str) -> None: ...
    def down(self, leg: str, reason: str) -> None: ...
    def talking(self, on: bool) -> None: ...


class Side:
    """The web process's side, and the lives of Janus that it heard of (None = away)."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.sfu, self.lives = folder, JanusSfu(), list[str | None]()
        first = 44000 + (free_port() % 50) * 100
        wanted = Wanted(
            janus="/usr/bin/janus", modules="/usr/lib/*/janus", address="", public_address="",
            ports=f"{first}-{first + 99}",
        )  # fmt: skip
        self.wanted = wanted
        self.supervised = Supervised(folder, wanted, self.sfu, self.changed)

    async def changed(self, generation: str | None) -> None:
        self.lives.append(generation)

    def generations(self) -> list[str]:
        return [one for one in self.lives if one is not None]


async def until(what: str, check: Callable[[], Any]) -> Any:
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end:
        found = await asyncio.to_thread(check)
        if found:
            return found
        await asyncio.sleep(POLL_S)
    raise AssertionError(f"waited {WAIT_S} s for: {what}")


@pytest.fixture
async def side(tmp_path: Path) -> AsyncIterator[Side]:
    side = Side(tmp_path / ("a folder with a long name " * 5) / "meet")
    side.supervised.start()
    try:
        await until("Janus is up", side.generations)
        yield side
    finally:
        await side.supervised.stop(quit_too=True)
        await until("nothing is left", lambda: not supervisors_of(side.folder) and not janus_of(side.folder))


async def test_rooms_and_refusals_of_a_running_janus(side: Side) -> None:
    await side.sfu.open("room")
    await side.sfu.open("room")
    seat = await side.sfu.seat("room", Listener())
    with pytest.raises(SfuRefused):
        await seat.subscribe([Source("nobody", "0")], [])
    with pytest.raises(SfuRefused):
        await seat.publish("feed", "no description at all", {})
    with pytest.raises(SfuRefused):
        await side.sfu.claim("room", {"session": 1, "publisher": None, "subscriber": None, "feed": ""}, Listener())
    await seat.close()
    await side.sfu.close("room")
    await side.sfu.close("room")


async def test_killed_janus_comes_back_with_new_secrets(side: Side) -> None:
    [before] = side.generations()
    [janus] = janus_of(side.folder)
    seat = await side.sfu.seat("room", Listener())
    os.kill(janus, signal.SIGKILL)
    await until("another life", lambda: len(side.generations()) > 1)
    assert side.lives[:2] == [before, None]
    assert side.sfu.generation not in (None, before)
    with pytest.raises(SfuLost):
        await seat.subscribe([Source("a", "0")], [])
    await side.sfu.open("room")


async def test_stuck_janus_is_replaced(side: Side) -> None:
    [janus] = janus_of(side.folder)
    os.kill(janus, signal.SIGSTOP)
    await until("another life", lambda: len(side.generations()) > 1)
    assert janus not in janus_of(side.folder)


async def test_killed_supervisor_takes_janus_along_and_both_come_back(side: Side) -> None:
    [supervisor], [janus] = supervisors_of(side.folder), janus_of(side.folder)
    os.kill(supervisor, signal.SIGKILL)
    await until("another life", lambda: len(side.generations()) > 1)
    assert janus not in janus_of(side.folder)
    assert len(supervisors_of(side.folder)) == 1


async def test_next_process_finds_the_same_janus(side: Side) -> None:
    [janus], [generation] = janus_of(side.folder), side.generations()
    earlier = side.supervised
    await earlier.stop(quit_too=False)
    assert janus_of(side.folder) == [janus]
    side.sfu = JanusSfu()
    side.supervised = Supervised(side.folder, side.wanted, side.sfu, side.changed)
    side.supervised.start()
    await until("it is attached again", lambda: side.sfu.generation)
    assert (side.sfu.generation, janus_of(side.folder)) == (generation, [janus])
    await side.supervised.stop(quit_too=True)
    await earlier.stop(quit_too=True)


async def test_second_supervisor_steps_back(side: Side) -> None:
    command = [sys.executable, "-m", "verbund.meet.janus.supervisor", str(side.folder)]
    done = await asyncio.to_thread(subprocess.run, command, timeout=WAIT_S, check=False)
    assert done.returncode == 0
    assert len(supervisors_of(side.folder)) == 1


async def test_folder_and_sandbox_keep_others_out(side: Side) -> None:
    assert side.folder.stat().st_mode & 0o077 == 0
    [janus] = janus_of(side.folder)
    environment, status, sees_passwords = await asyncio.to_thread(seen_of, janus)
    assert b"VERBUND" not in environment
    if confined():
        assert not sees_passwords
        assert "CapEff:\t0000000000000000" in status


def seen_of(pid: int) -> tuple[bytes, str, bool]:
    """(environment, status, whether it could read the machine's accounts) of a process."""
    process = Path(f"/proc/{pid}")
    passwords = (process / "root/etc/passwd").exists()
    return (process / "environ").read_bytes(), (process / "status").read_text(), passwords


async def test_who_stops_at_once_waits_for_nobody(tmp_path: Path) -> None:
    """A supervisor that is still coming up has heard nothing of the end, and must not be waited for."""
    side = Side(tmp_path / "meet")
    side.supervised.start()
    await until("a supervisor is under way", lambda: supervisors_of(side.folder))
    await side.supervised.stop(quit_too=True)
    await until("both are gone", lambda: not supervisors_of(side.folder) and not janus_of(side.folder))
