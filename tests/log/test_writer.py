"""Whose turn it is: what people write goes ahead of what takes long, which keeps its own order."""

import asyncio
import threading
from collections.abc import Callable

import pytest

from tests.log import notes
from verbund.log import writer
from verbund.log.service import LogService
from verbund.log.tx import Tx


class Turns:
    """Notes who wrote in which transaction. `held` keeps the writer until `go`."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.transactions: list[Tx] = []
        self.begun, self.go = threading.Event(), threading.Event()

    def of(self, name: str) -> Callable[[Tx], None]:
        def work(tx: Tx) -> None:
            self.names.append(name)
            self.transactions.append(tx)

        return work

    def held(self, tx: Tx) -> None:
        self.of("held")(tx)
        self.begun.set()
        assert self.go.wait(30)


async def queued(log: LogService, turns: Turns, *names: str) -> asyncio.Future[list[object]]:
    """All of these wait behind `held`: people's, and what takes long ("lang …")."""
    held = asyncio.create_task(log.write(turns.held))
    await asyncio.to_thread(turns.begun.wait)
    ways = {True: log.write_long, False: log.write}
    waiting = [asyncio.create_task(ways[one.startswith("lang")](turns.of(one))) for one in names]
    await asyncio.sleep(0)
    return asyncio.gather(held, *waiting, return_exceptions=True)


async def test_whoever_writes_waits_for_one_long_thing_at_most(log: LogService) -> None:
    turns = Turns()
    done = await queued(log, turns, "lang 1", "lang 2", "lang 3", "lang 4")
    behind = asyncio.create_task(log.write(turns.of("Anna")))
    await asyncio.sleep(0)
    turns.go.set()
    await asyncio.gather(done, behind)
    assert turns.names.index("Anna") <= turns.names.index("lang 2") - 1
    assert [one for one in turns.names if one.startswith("lang")] == ["lang 1", "lang 2", "lang 3", "lang 4"]


async def test_long_things_go_one_by_one_and_people_together(log: LogService) -> None:
    turns = Turns()
    done = await queued(log, turns, "Anna", "lang 1", "Ben", "lang 2")
    turns.go.set()
    await done
    of = dict(zip(turns.names, turns.transactions, strict=True))
    assert of["Anna"] is of["Ben"]
    assert len({id(one) for one in of.values()}) == 4


async def test_long_things_go_on_while_people_write_all_the_time(log: LogService) -> None:
    """Each that is done brings the next thing that people write."""
    turns = Turns()
    done = await queued(log, turns, "lang 1", "lang 2", "lang 3")

    async def write_on() -> None:
        while "lang 3" not in turns.names:
            await log.write(turns.of("Anna"))

    people = [asyncio.create_task(write_on()) for _ in range(3)]
    turns.go.set()
    await done
    await asyncio.gather(*people)


async def test_what_was_queued_first_is_never_overtaken_by_what_takes_long(
    log: LogService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even where it is more than a batch."""
    # The order is what is tried: with batches as they are, it would take hundreds to fill more than one.
    monkeypatch.setattr(writer, "BATCH_MAX", 2)
    turns = Turns()
    names = ["Anna 1", "Anna 2", "Anna 3", "lang 1", "Anna 4", "lang 2"]
    done = await queued(log, turns, *names)
    turns.go.set()
    await done
    assert turns.names.index("lang 1") > turns.names.index("Anna 3")
    assert turns.names.index("lang 2") > turns.names.index("Anna 4")


async def test_what_takes_long_and_fails_is_taken_back_alone(log: LogService, anna: notes.Person) -> None:
    space, genesis = anna.found()

    def wrong(tx: Tx) -> None:
        log.core.submit(tx, genesis)
        raise notes.Rude()

    with pytest.raises(notes.Rude):
        await log.write_long(wrong)
    assert log.vector(space) == {}
    assert [one.st for one in await log.submit([genesis])] == ["accepted"]


async def test_writer_that_ends_does_what_is_queued_first(log: LogService) -> None:
    turns = Turns()
    done = await queued(log, turns, "lang 1", "Anna", "lang 2", "lang 3")
    stopped = asyncio.create_task(log.stop())
    await asyncio.sleep(0)
    turns.go.set()
    await asyncio.gather(done, stopped)
    assert sorted(turns.names) == ["Anna", "held", "lang 1", "lang 2", "lang 3"]
