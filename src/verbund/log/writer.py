"""The one writer: a thread that commits everything that queued up in one transaction.

Everything that is written, facts and local state alike, goes through here; so there is never a second writer to wait
for, and one flush to disk pays for a whole batch. What takes long stands in a queue of its own
and goes one at a time between two batches: whoever writes waits for one such thing at most, however many there are.
"""

import asyncio
import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Connection

from verbund.base.refusal import Overloaded, Refusal
from verbund.log.cache import Cache
from verbund.log.store import Store, writing
from verbund.log.tx import Tx

QUEUE_MAX = 10_000
BATCH_MAX = 256
#: A batch of at least so many says that many write at once: the next waits for more, as long as the last commit took
#: and so long at most. In a batch twice as large a message costs a tenth less.
CROWD = 8
LINGER_MAX_S = 0.010
STOP_TIMEOUT_S = 30
Result = TypeVar("Result")
log = logging.getLogger(__name__)


class Work:
    """Something to write: what `work(tx)` gives, or the error that took it back."""

    __slots__ = ("error", "guarded", "result", "work")

    def __init__(self, work: Callable[[Tx], Any], guarded: bool) -> None:
        self.work = work
        self.guarded = guarded
        self.result: Any = None
        self.error: BaseException | None = None


class Job(Work):
    """Work that somebody in a loop waits for: `told(job)` is called there once it is on disk, or will never be."""

    __slots__ = ("is_long", "loop", "told")

    def __init__(self, work: Callable[[Tx], Any], guarded: bool, told: Callable[[Work], None]) -> None:
        super().__init__(work, guarded)
        self.loop = asyncio.get_running_loop()
        self.told = told
        self.is_long = False


class Writer:
    """Runs jobs in order, many to a transaction. `begin` makes a Tx, `ahead` does for the whole batch what is nobody's
    turn, `finish` completes it before the commit, `committed` gets it afterwards; `settled` is called once the batch's
    authors are being told.
    """

    def __init__(
        self,
        store: Store,
        begin: Callable[[Connection, Cache], Tx],
        ahead: Callable[[Tx, Sequence[Work]], None],
        finish: Callable[[Tx], None],
        committed: Callable[[Tx], None],
        settled: Callable[[], None],
    ) -> None:
        self._store = store
        self._begin, self._ahead, self._finish = begin, ahead, finish
        self._committed, self._settled = committed, settled
        self._cache = Cache()
        self._queue: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        #: What takes long and whose turn came: everything that queued up before it is written. The thread's alone.
        self._long: deque[Job] = deque()
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._stopped = False
        self._linger_s = 0.0
        #: Told after each commit how long it took (s) and how much work was in it.
        self.measured: Callable[[float, int], None] = _unmeasured

    @property
    def waiting(self) -> int:
        """How much work is queued."""
        return self._queue.qsize() + len(self._long)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Finish what is queued, then end the thread."""
        if not self._stopped and self._thread.is_alive():
            self._stopped = True
            self._queue.put(None)
            self._thread.join(STOP_TIMEOUT_S)

    async def run(self, work: Callable[[Tx], Result], guarded: bool = True) -> Result:
        """What `work(tx)` gives, once it is on disk.

        `guarded` work may raise a Refusal after having written: its writes are taken back, the batch goes on.
        Raises Overloaded when the queue is full.
        """
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self.post(work, partial(_resolve, future), guarded)
        return await future

    async def run_long(self, work: Callable[[Tx], Result]) -> Result:
        """Like `run`, for what takes long: in a transaction of its own, never before what was queued before it."""
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        job = Job(work, True, partial(_resolve, future))
        job.is_long = True
        self._put(job)
        return await future

    def post(self, work: Callable[[Tx], Any], told: Callable[[Work], None], guarded: bool = True) -> None:
        """Like `run`, for whoever has many at once: a call instead of a task that waits. Raises Overloaded."""
        self._put(Job(work, guarded, told))

    def _put(self, job: Job) -> None:
        if self._stopped or self.waiting >= QUEUE_MAX:
            raise Overloaded()
        self._queue.put(job)

    def _run(self) -> None:
        is_ending = False
        with writing(self._store.engine) as connection:
            while not is_ending or self._long:
                waiting = self._waiting(is_ending)
                is_ending = is_ending or None in waiting
                jobs = [one for one in waiting if one is not None]
                self._long += [one for one in jobs if one.is_long]
                self._commit(connection, [one for one in jobs if not one.is_long])
                if self._long:
                    self._commit(connection, [self._long.popleft()])

    def _waiting(self, is_ending: bool) -> list[Job | None]:
        """What queued up. Where there is nothing to do, the thread sleeps until there is."""
        if self._linger_s and not self._long and not is_ending and self._queue.qsize() < BATCH_MAX:
            # Asleep once, not woken by each that comes: every time this thread wakes, the loop's has to stand aside.
            time.sleep(self._linger_s)
        batch = [] if self._long or is_ending else [self._queue.get()]
        while len(batch) < BATCH_MAX:
            try:
                batch.append(self._queue.get_nowait())
            except queue.Empty:
                break
        return batch

    def _commit(self, connection: Connection, jobs: list[Job]) -> None:
        if jobs:
            self.write(connection, jobs)
            _settle(jobs)
            self._settled()

    def write(self, connection: Connection, batch: Sequence[Work]) -> None:
        """All of it in one transaction; what fails is taken back alone and keeps its error."""
        try:
            self._transact(connection, batch)
        except Exception as error:  # noqa: BLE001  # the edge of every write: taken back, told to its author
            connection.rollback()
            self._cache.clear()
            self._alone(connection, batch, error)

    def _alone(self, connection: Connection, batch: Sequence[Work], error: Exception) -> None:
        """One of the batch broke it: each gets a transaction of its own, so only that one fails."""
        if len(batch) == 1:
            batch[0].error = error
            if not isinstance(error, Refusal):
                log.error("a write failed and was taken back", exc_info=error)
            return
        for job in batch:
            job.error = None
            try:
                self._transact(connection, [job])
            except Exception as own_error:
                connection.rollback()
                self._cache.clear()
                job.error = own_error
                log.exception("a write failed and was taken back")

    def _transact(self, connection: Connection, batch: Sequence[Work]) -> None:
        begun = time.perf_counter()
        with connection.begin():
            tx = self._begin(connection, self._cache)
            self._ahead(tx, batch)
            for job in batch:
                if job.guarded and len(batch) > 1:
                    self._guarded(tx, job)
                else:
                    job.result = job.work(tx)
            self._finish(tx)
            tx.flush()
        took = time.perf_counter() - begun
        self._linger_s = min(took, LINGER_MAX_S) if len(batch) >= CROWD else 0.0
        self.measured(took, len(batch))
        self._committed(tx)
        for call in tx.after_commit_calls:
            call()

    def _guarded(self, tx: Tx, job: Work) -> None:
        tx.flush()
        mark = tx.mark()
        point = tx.connection.begin_nested()
        try:
            job.result = job.work(tx)
            tx.flush()
            point.commit()
        except Refusal as refusal:
            point.rollback()
            tx.back_to(mark)
            self._cache.clear()
            job.error = refusal


def _unmeasured(_seconds: float, _count: int) -> None:
    """Where nobody keeps count."""


def _settle(batch: list[Job]) -> None:
    for loop in {id(job.loop): job.loop for job in batch}.values():
        jobs = [job for job in batch if job.loop is loop]
        if not loop.is_closed():
            loop.call_soon_threadsafe(_hand_over, jobs)


def _hand_over(jobs: list[Job]) -> None:
    """In the loop's thread: whoever waits learns what came out, one after the other."""
    for job in jobs:
        job.told(job)


def _resolve(future: "asyncio.Future[Any]", work: Work) -> None:
    if future.cancelled():
        return
    if work.error is not None:
        future.set_exception(work.error)
    else:
        future.set_result(work.result)
