"""Previews: pictures made anew in the sandbox, kept on disk up to a bound. The one adapter to the preview program."""

import asyncio
import os
import secrets
import time
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path
from signal import SIGKILL, SIGXCPU
from typing import IO

from verbund.base.ids import BlobHash
from verbund.base.refusal import Malformed, Overloaded, Refusal
from verbund.blobs import limits, preview_child
from verbund.blobs.limits import Limits
from verbund.blobs.refusals import NotAPicture, PictureBroken, PictureTooLarge
from verbund.blobs.sandbox import TIMED_OUT, run_python
from verbund.blobs.shelf import Shelf, check_room, disk_full_refused

_SCRIPT = Path(preview_child.__file__)
_OUT_OF_CPU = (-SIGXCPU, 128 + SIGXCPU, -SIGKILL, 128 + SIGKILL)
_PURGE_TO = 0.8
_TOUCH_AFTER_S = limits.DAY_S

Key = tuple[BlobHash, int]


class Previews:
    """Makes and keeps previews. The same one is made once, however many ask; two are made at once."""

    def __init__(self, folder: Path, shelf: Shelf, bounds: Limits) -> None:
        self._folder = folder
        self._shelf = shelf
        self._bytes_max = bounds.previews_bytes_max
        self._free_bytes_min = bounds.free_bytes_min
        self._slots = asyncio.Semaphore(limits.PREVIEWS_AT_ONCE_MAX)
        self._making: dict[Key, asyncio.Task[Path]] = {}
        self._failures: OrderedDict[Key, type[Refusal]] = OrderedDict()
        folder.mkdir(parents=True, exist_ok=True)
        for draft in folder.glob("*.part"):
            draft.unlink(missing_ok=True)
        self._bytes = sum(size for _, size, _ in self._kept())

    async def path(self, blob: BlobHash, size: int, picture: str, width_px: int) -> Path:
        """The preview of a blob of this size (bytes) and picture format, not wider than `width_px`.

        Raises NotAPicture, PictureTooLarge, PictureBroken, Overloaded, DiskFull.
        """
        if width_px not in limits.PREVIEW_WIDTHS_PX:
            raise Malformed()
        if not picture:
            raise NotAPicture()
        if size > limits.PREVIEW_SOURCE_BYTES_MAX:
            raise PictureTooLarge()
        key = (blob, width_px)
        if key in self._failures:
            raise self._failures[key]()
        if await asyncio.to_thread(self._touch, self._path(key)):
            return self._path(key)
        return await asyncio.shield(self._task(key, picture))

    def forget(self, blob: BlobHash) -> None:
        """Remove every preview of a blob that is gone."""
        for width_px in limits.PREVIEW_WIDTHS_PX:
            self._path((blob, width_px)).unlink(missing_ok=True)

    def _task(self, key: Key, picture: str) -> "asyncio.Task[Path]":
        task = self._making.get(key)
        if task is None:
            if len(self._making) >= limits.PREVIEWS_WAITING_MAX:
                raise Overloaded()
            task = self._making[key] = asyncio.create_task(self._make(key, picture))
            task.add_done_callback(lambda done: self._made(key, done))
        return task

    def _made(self, key: Key, task: "asyncio.Task[Path]") -> None:
        del self._making[key]
        error = None if task.cancelled() else task.exception()
        if isinstance(error, PictureTooLarge | PictureBroken):
            self._failures[key] = type(error)
            if len(self._failures) > limits.PREVIEW_FAILURES_KEPT_MAX:
                self._failures.popitem(last=False)

    async def _make(self, key: Key, picture: str) -> Path:
        target = self._path(key)
        draft = self._folder / f"{secrets.token_hex(16)}.part"
        async with self._slots:
            try:
                _check(await self._run(key, picture, draft))
                return await asyncio.to_thread(self._keep, draft, target)
            finally:
                await asyncio.to_thread(draft.unlink, missing_ok=True)

    async def _run(self, key: Key, picture: str, draft: Path) -> int:
        bounds = (
            limits.PREVIEW_PIXELS_MAX, limits.PREVIEW_MEMORY_BYTES_MAX,
            limits.PREVIEW_CPU_S_MAX, limits.PREVIEW_RESULT_BYTES_MAX,
        )  # fmt: skip
        arguments = [str(key[1]), picture, *(str(bound) for bound in bounds)]
        source, result = await asyncio.to_thread(self._open, key[0], draft)
        with source, result:
            return await run_python(_SCRIPT, arguments, source, result, limits.PREVIEW_TIMEOUT_S)

    def _open(self, blob: BlobHash, draft: Path) -> tuple[IO[bytes], IO[bytes]]:
        check_room(self._folder, limits.PREVIEW_RESULT_BYTES_MAX, self._free_bytes_min)
        with disk_full_refused():
            return self._shelf.open(blob), draft.open("wb", buffering=0)

    def _keep(self, draft: Path, target: Path) -> Path:
        size = draft.stat().st_size
        if self._bytes + size > self._bytes_max:
            self._purge(int(self._bytes_max * _PURGE_TO) - size)
        self._bytes += size
        target.parent.mkdir(exist_ok=True)
        return draft.replace(target)

    def _purge(self, bytes_wanted: int) -> None:
        """Remove those that nobody has looked at for longest, until so much is left."""
        kept = sorted(self._kept())
        self._bytes = sum(size for _, size, _ in kept)
        for _, size, path in kept:
            if self._bytes <= bytes_wanted:
                break
            path.unlink(missing_ok=True)
            self._bytes -= size

    def _kept(self) -> list[tuple[float, int, Path]]:
        found = []
        for path in self._folder.glob("??/*.webp"):
            with suppress(FileNotFoundError):
                status = path.stat()
                found.append((status.st_mtime, status.st_size, path))
        return found

    def _path(self, key: Key) -> Path:
        blob, width_px = key
        return self._folder / blob[:2] / f"{blob}-{width_px}.webp"

    def _touch(self, path: Path) -> bool:
        """Whether it is there; if so, it counts as looked at today."""
        try:
            if path.stat().st_mtime < time.time() - _TOUCH_AFTER_S:
                os.utime(path)
        except FileNotFoundError:
            return False
        return True


def _check(code: int) -> None:
    if code == TIMED_OUT:
        raise Overloaded()
    if code in (preview_child.TOO_LARGE, *_OUT_OF_CPU):
        raise PictureTooLarge()
    if code != 0:
        raise PictureBroken()
