"""Prepares films, one at a time, found in the tables, so that none waits for ever.

First every film is brought to where it can be watched, then each to its end, oldest first: the one at work gives way.

What is done is on disk and in `media_job`; after `kill -9` the next start goes on at the next missing segment.
"""

import asyncio
import errno
import logging
import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Event as Flag
from typing import Any, NamedTuple, Protocol

from sqlalchemy import update

from verbund.base.clock import Clock
from verbund.base.ids import BlobHash, CoreId, SpaceId
from verbund.base.refusal import Refusal, Unknown
from verbund.log.appended import Appended
from verbund.log.service import LogService
from verbund.log.tx import Tx
from verbund.media import ffmpeg, queries, tables
from verbund.media.events import (
    CHAPTERS_MAX,
    LANGUAGES_MAX,
    ChapterMark,
    FilmAdded,
    FilmClaimed,
    FilmPrepared,
    FilmWithdrawn,
)
from verbund.media.inspection import inspect, maps_tones
from verbund.media.package import MASTER, Packager, Prepared
from verbund.media.plan import Plan, plan_hash, plan_of
from verbund.spaces.queries import providers_of

ATTEMPTS_MAX = 3
HEARD = frozenset({FilmAdded.kind, FilmWithdrawn.kind})
LEASE_MS = 60_000
HEARTBEAT_S = 5.0
LOOK_AGAIN_S = 30.0
RETRY_MS = 60_000
FOLDERS_PAGE = 500
#: A claim is made for so long, and made again when half of it is over.
CLAIM_MS = 600_000
log = logging.getLogger(__name__)


class Failed(Refusal):
    """de: Dieser Film ließ sich nicht aufbereiten. Das Original liegt sicher hier; exportieren Sie ihn in einem
    anderen Format und laden Sie ihn noch einmal hoch.
    en: This film could not be prepared. The original is safe here; export it in another format and upload it once
    more."""

    code = "media.failed"
    status = 422


class Blobs(Protocol):
    """Where uploads lie."""

    def path_of(self, space: SpaceId, one: BlobHash) -> Path: ...


class Hub(Protocol):
    """Where passing news go to."""

    def signal(self, space: SpaceId, kind: str, data: Any) -> None: ...


class Work(NamedTuple):
    """A film to prepare, and how to stop it. `playable` = it could be watched before this attempt."""

    film: CoreId
    space: SpaceId
    source: BlobHash
    attempts: int
    playable: bool
    stop: Flag


class MediaService:
    """The worker of one provider."""

    def __init__(self, log_service: LogService, blobs: Blobs, hub: Hub, clock: Clock, folder: Path) -> None:
        self._log, self._blobs, self._hub, self._clock, self._folder = log_service, blobs, hub, clock, folder
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="film")
        self._wake = asyncio.Event()
        self._current: Work | None = None
        self._running: asyncio.Task[None] | None = None
        self._state: dict[str, Any] = {}
        self._claimed_at = 0

    async def start(self) -> None:
        """Begin to look for films. Without ffmpeg nothing is prepared."""
        await asyncio.to_thread(self._folder.mkdir, parents=True, exist_ok=True)
        self._log.told.append(self._told)
        if shutil.which("ffmpeg") and shutil.which("ffprobe"):
            self._running = asyncio.create_task(self._run(), name="media")
        else:
            log.warning("ffmpeg is missing: films wait until it is installed")

    async def stop(self) -> None:
        if self._current is not None:
            self._current.stop.set()
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
        await asyncio.to_thread(self._pool.shutdown)
        with suppress(ValueError):
            self._log.told.remove(self._told)

    def _told(self, appended: Appended) -> None:
        if appended.kinds.isdisjoint(HEARD):
            return
        for _, _, fact in appended:
            if fact is not None and isinstance(fact.event, FilmAdded | FilmWithdrawn):
                self._wake.set()
                current = self._current
                if current is None:
                    continue
                withdrawn = isinstance(fact.event, FilmWithdrawn) and current.film == fact.event.film
                if withdrawn or (isinstance(fact.event, FilmAdded) and self._state.get("playable")):
                    current.stop.set()

    async def _run(self) -> None:
        await self._log.write(_forsake)
        while True:
            self._wake.clear()
            try:
                await self.clear_up()
                work = await asyncio.to_thread(self._next)
                if work is None:
                    await self._give_up()
                    with suppress(TimeoutError):
                        await asyncio.wait_for(self._wake.wait(), LOOK_AGAIN_S)
                else:
                    await self._attempt(work)
            except Exception:
                log.exception("looking for films failed, will be tried again")
                await asyncio.sleep(HEARTBEAT_S)

    def _next(self) -> Work | None:
        with self._log.store.read() as connection:
            rows = queries.waiting(connection, self._log.provider, self._clock.now_ms(), ATTEMPTS_MAX)
        if not rows:
            return None
        row = rows[0]
        return Work(row.id, row.space, row.source, row.attempts or 0, bool(row.playable), Flag())

    async def _attempt(self, work: Work) -> None:
        """One attempt under a lease. Whatever happens, the film is prepared, refused, or free again."""
        self._current, self._state = work, {}
        await self._note(work, attempts=work.attempts + 1, lease_until=self._clock.now_ms() + LEASE_MS)
        await self._claim(work)
        beating = asyncio.create_task(self._beat(work))
        try:
            event = await asyncio.get_running_loop().run_in_executor(self._pool, self._work, work)
        except asyncio.CancelledError:
            work.stop.set()
            await asyncio.shield(self._free(work, work.attempts, 0))
            raise
        finally:
            beating.cancel()
            await asyncio.gather(beating, return_exceptions=True)
            self._current = None
        if isinstance(event, FilmPrepared):
            await self._log.author(self._log.provider_device, work.space, event, re=[work.film])
            self._signal(work, state=event.outcome, percent=100)
        else:
            attempts = work.attempts if event in ("again", "stopped") or self._state.get("moved") else work.attempts + 1
            await self._free(work, attempts, self._clock.now_ms() + (0 if event == "stopped" else RETRY_MS))

    def _work(self, work: Work) -> FilmPrepared | str:
        """In the worker's thread: the outcome as an event, or why there is none: stopped, again, failed."""
        try:
            path = self._blobs.path_of(work.space, work.source)
            plan = plan_of(inspect(path), work.source, maps_tones())
            folder = self._folder / work.film / plan_hash(plan)
            packager = Packager(plan, path, folder, self._progress(work, plan), work.stop)
            return _ready(work.film, plan, packager.prepare(), packager.words)
        except ffmpeg.Stopped:
            return "stopped"
        except (Unknown, ffmpeg.ToolMissing):
            return "again"
        except Refusal as refusal:
            return FilmPrepared(film=work.film, outcome="refused", reason=refusal.code)
        except OSError as error:
            log.warning("film %s: %s", work.film, error)
            return "again" if error.errno == errno.ENOSPC else "failed"
        except Exception:
            log.exception("film %s could not be prepared", work.film)
            return "failed"

    def _progress(self, work: Work, plan: Plan) -> Any:
        loop, folder = self._log_loop(), plan_hash(plan)

        def told(percent: int, playable: bool) -> None:
            loop.call_soon_threadsafe(self._moved, work, folder, plan.duration_ms, percent, playable)

        told(0, (self._folder / work.film / folder / MASTER).exists())
        return told

    def _log_loop(self) -> asyncio.AbstractEventLoop:
        assert self._running is not None
        return self._running.get_loop()

    def _moved(self, work: Work, plan: str, duration_ms: int, percent: int, playable: bool) -> None:
        """In the loop: tell who follows the space; written down with the next beat, or now if more can be done."""
        before = self._state
        self._state = {"plan": plan, "duration_ms": duration_ms, "percent": percent, "playable": int(playable)}
        self._state["moved"] = before.get("moved", False) or percent > before.get("percent", percent)
        if before.get("plan") != plan or before.get("playable") != int(playable):
            task = asyncio.ensure_future(self._noted(work, playable and not work.playable))
            task.add_done_callback(_read_error)
        if before.get("percent") != percent or before.get("playable") != int(playable):
            state = "playable" if playable else "working"
            media = f"/media/{work.space}/{work.film}/{plan}/"
            self._signal(work, state=state, percent=percent, media=media, duration_ms=duration_ms)

    async def _noted(self, work: Work, may_give_way: bool) -> None:
        """Write down where the film is; when it can be watched for the first time, others get their turn."""
        await self._note(work, **_columns(self._state))
        if may_give_way and await asyncio.to_thread(self._next) is not None:
            work.stop.set()

    def _signal(self, work: Work, **data: Any) -> None:
        self._hub.signal(work.space, "media.progress", {"film": work.film, **data})

    async def _claim(self, work: Work) -> None:
        """Tell the other providers of the space, if there are any, that this one is at it."""

        def shared() -> bool:
            with self._log.store.read() as connection:
                return len(providers_of(connection, work.space)) > 1

        if await asyncio.to_thread(shared):
            self._claimed_at = self._clock.now_ms()
            event = FilmClaimed(film=work.film, until=self._claimed_at + CLAIM_MS)
            await self._log.author(self._log.provider_device, work.space, event, re=[work.film])

    async def _beat(self, work: Work) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            if self._clock.now_ms() > self._claimed_at + CLAIM_MS // 2:
                await self._claim(work)
            columns = _columns(self._state)
            if self._state.get("moved"):
                columns["attempts"] = 0
            await self._note(work, lease_until=self._clock.now_ms() + LEASE_MS, **columns)

    async def _free(self, work: Work, attempts: int, at: int) -> None:
        await self._note(work, attempts=attempts, lease_until=at)

    async def _note(self, work: Work, **columns: Any) -> None:
        row = {"film": work.film, "space": work.space, **columns}

        def note(tx: Tx) -> None:
            tx.upsert(tables.job, row)

        await self._log.write(note)

    async def _give_up(self) -> None:
        """Films whose attempts are used up get a reason, never silence."""

        def read() -> list[Any]:
            with self._log.store.read() as connection:
                return queries.given_up(connection, self._clock.now_ms(), ATTEMPTS_MAX)

        for row in await asyncio.to_thread(read):
            event = FilmPrepared(film=row.id, outcome="refused", reason=Failed.code)
            await self._log.author(self._log.provider_device, row.space, event, re=[row.id])

    async def clear_up(self) -> None:
        """Remove the folders of films that are gone from the library; what is at work on one of them stops first."""
        current = self._current
        if current is not None and not await asyncio.to_thread(self._is_kept, current.film):
            current.stop.set()
        await asyncio.to_thread(self._clear_up)

    def _is_kept(self, film: CoreId) -> bool:
        with self._log.store.read() as connection:
            return bool(queries.kept(connection, [film]))

    def _clear_up(self) -> None:
        names = sorted(folder.name for folder in self._folder.iterdir() if folder.is_dir())
        for begin in range(0, len(names), FOLDERS_PAGE):
            page = names[begin : begin + FOLDERS_PAGE]
            with self._log.store.read() as connection:
                gone = set(page) - queries.kept(connection, page)
            for name in gone:
                shutil.rmtree(self._folder / name, ignore_errors=True)


def _forsake(tx: Tx) -> None:
    """Whoever had a film is the process before this one, and its programs ended with it: nobody waits for its lease."""
    tx.execute(update(tables.job).where(tables.job.c.lease_until > 0).values(lease_until=0))


def _ready(film: CoreId, plan: Plan, made: Prepared, words: list[str]) -> FilmPrepared:
    first = plan.rungs[0] if plan.rungs else None
    chapters = tuple(ChapterMark(one.start_ms, one.title) for one in plan.chapters if one.start_ms < plan.duration_ms)
    languages = {one.name: one.language or one.label[:20] for one in plan.words}
    return FilmPrepared(
        film=film, outcome="ready", plan=plan_hash(plan), manifest=made.manifest, duration_ms=made.duration_ms,
        width=first.width if first else 0, height=first.height if first else 0, bytes=made.bytes, tone=made.tone,
        sounds=tuple(one.language or one.label[:20] for one in plan.sounds)[:LANGUAGES_MAX],
        words=tuple(languages[name] for name in words)[:LANGUAGES_MAX],
        chapters=chapters[:CHAPTERS_MAX],
    )  # fmt: skip


def _columns(state: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in state.items() if name != "moved"}


def _read_error(task: "asyncio.Future[None]") -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.warning("progress was not written down: %s", error)
