"""A full disk refuses with a sentence, breaks nothing, and the upload goes on once there is room."""

import os
import random
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.blobs.conftest import Server, plan_of
from verbund.blobs.limits import CHUNK_BYTES, MIB


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 24 MiB."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("mounting a small disk needs root; the size limit is tested beside this")
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", folder], check=False)
    if mounted.returncode != 0:
        pytest.skip("this machine allows no mounts")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def test_full_disk_refuses_and_goes_on_later(own_server: Callable[..., Server], small_disk: Path) -> None:
    anna = own_server(data=small_disk / "data", limits={"free_bytes_min": 0}).person("anna")
    small = b"small and finished before the disk is full"
    kept = anna.upload(small)
    raw = random.Random(1).randbytes(4 * CHUNK_BYTES)
    plan = plan_of(raw)
    assert anna.have(plan).status_code == 200
    ballast = small_disk / "ballast"
    fill(ballast, leave=CHUNK_BYTES + MIB)
    answers = [anna.send(raw[at : at + CHUNK_BYTES]) for at in range(0, len(raw), CHUNK_BYTES)]
    refused = [answer for answer in answers if answer.status_code != 204]
    assert {(answer.status_code, answer.json()["code"]) for answer in refused} == {(507, "blobs.disk_full")}
    assert anna.have(plan_of(raw + b"another")).json()["code"] == "blobs.disk_full"
    assert anna.get(kept).content == small
    ballast.unlink()
    assert anna.get(anna.upload(raw)).content == raw


def fill(file: Path, leave: int) -> None:
    disk = os.statvfs(file.parent)
    file.write_bytes(b"\1" * (disk.f_bavail * disk.f_frsize - leave))


def test_room_is_kept_free_for_the_log(own_server: Callable[..., Server], tmp_path: Path) -> None:
    disk = os.statvfs(tmp_path)
    more_than_there_is = disk.f_blocks * disk.f_frsize * 2
    anna = own_server(limits={"free_bytes_min": more_than_there_is}).person("anna")
    answer = anna.have(plan_of(b"tiny"))
    assert (answer.status_code, answer.json()["code"]) == (507, "blobs.disk_full")


def test_files_that_may_not_grow_refuse_and_break_nothing(own_server: Callable[..., Server]) -> None:
    """The system's size limit for files answers in the middle of a chunk, as a full disk does."""
    server = own_server(file_bytes_max=6 * MIB)
    anna = server.person("anna")
    raw = random.Random(2).randbytes(2 * CHUNK_BYTES)
    answer = anna.have(plan_of(raw))
    assert (answer.status_code, answer.json()["code"]) == (507, "blobs.disk_full")
    fits = raw[: CHUNK_BYTES + 1]
    assert anna.get(anna.upload(fits)).content == fits
    assert not [path for path in (server.data / "uploads").iterdir() if path.is_dir()]
