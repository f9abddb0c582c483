"""The way in for partners: what one log took in, another takes over, in any order of arrival."""

import itertools
from collections.abc import Callable

import msgspec
import pytest
from sqlalchemy import event

from tests.log import notes
from verbund.base.ids import SpaceId
from verbund.base.refusal import Refusal
from verbund.log import early
from verbund.log.ahead import Examined
from verbund.log.entry import QUARANTINED, SETTLED, WAITING, Entry
from verbund.log.log import Log
from verbund.log.service import LogService
from verbund.log.tx import Tx
from verbund.partners.actions import Take
from verbund.partners.taking import accept

Logs = Callable[[int], LogService]


def entries_of(log: LogService, space: str, after: dict[str, int] | None = None) -> list[Entry]:
    page, more = log.entries(space, after or {})  # type: ignore[arg-type]
    assert not more
    return [msgspec.json.decode(one, type=Entry) for one in page]


async def test_replica_has_the_same_rows_and_vector(
    logs: Logs, log: LogService, anna: notes.Person, ben: notes.Person
) -> None:
    space, genesis = anna.found()
    core, parcel = anna.note(space, "alt")
    _, change = ben.write(space, notes.Rewritten.kind, {"note": core, "text": "neu"}, re=[core])
    await log.submit([genesis, parcel, change])
    replica = logs(91)
    await replica.accept(entries_of(log, space))
    await replica.accept(entries_of(log, space))
    assert replica.vector(space) == log.vector(space)
    with replica.store.read() as there, log.store.read() as here:
        assert notes.rows(there) == notes.rows(here)


async def test_two_sublogs_in_any_order_give_the_same_rows(logs: Logs, anna: notes.Person, ben: notes.Person) -> None:
    first, second = logs(92), logs(93)
    space, genesis = anna.found()
    core, parcel = anna.note(space, "alt")
    await first.submit([genesis, parcel])
    await second.accept(entries_of(first, space))
    changes = [ben.write(space, notes.Rewritten.kind, {"note": core, "text": f"{n}"}, re=[core])[1] for n in range(2)]
    await second.submit([changes[0], changes[1]])
    _, late = anna.write(space, notes.Rewritten.kind, {"note": core, "text": "Anna"}, re=[core])
    await first.submit([late])
    streams = [entries_of(first, space), [one for one in entries_of(second, space) if one.p == second.provider]]
    found = set()
    for number, order in enumerate(set(itertools.permutations([0, 0, 0, 1, 1]))):
        replica = logs(100 + number)
        queues = [list(stream) for stream in streams]
        for which in order:
            await replica.accept([queues[which].pop(0)])
        with replica.store.read() as connection:
            found.add(notes.rows(connection))
    assert len(found) == 1


async def test_what_waits_for_a_reference_is_folded_when_it_comes(
    logs: Logs, anna: notes.Person, ben: notes.Person
) -> None:
    first, second, third = logs(94), logs(95), logs(96)
    space, genesis = anna.found()
    core, parcel = anna.note(space, "alt")
    await first.submit([genesis, parcel])
    await second.accept(entries_of(first, space))
    await second.submit([ben.write(space, notes.Rewritten.kind, {"note": core, "text": "neu"}, re=[core])[1]])
    own = [one for one in entries_of(second, space) if one.p == second.provider]
    await third.accept(own)
    assert [one.x for one in entries_of(third, space)] == [WAITING]
    await third.accept(entries_of(first, space))
    assert {one.x for one in entries_of(third, space)} == {SETTLED}
    with third.store.read() as there, second.store.read() as here:
        assert notes.rows(there) == notes.rows(here)


@pytest.mark.parametrize("spoil", ["signature", "chain", "skip", "time"])
async def test_spoiled_answer_is_refused_whole(logs: Logs, log: LogService, anna: notes.Person, spoil: str) -> None:
    space, genesis = anna.found()
    parcels = [anna.note(space, f"{n}")[1] for n in range(3)]
    await log.submit([genesis, *parcels])
    entries = entries_of(log, space)
    bad = msgspec.to_builtins(entries[2])
    if spoil == "signature":
        bad["s"] = entries[1].s
    elif spoil == "chain":
        bad["h"] = entries[1].h
    elif spoil == "time":
        bad["at"] += 1
    spoiled = [*entries[:2], msgspec.convert(bad, Entry), entries[3]]
    if spoil == "skip":
        spoiled = [entries[0], entries[1], entries[3]]
    replica = logs(97)
    with pytest.raises(Refusal, match=r"log\.(unsigned|broken_chain)"):
        await replica.accept(spoiled)
    assert replica.vector(space) == {}
    await replica.accept(entries)
    assert replica.vector(space) == log.vector(space)


async def test_void_travels_as_a_void(logs: Logs, log: LogService, anna: notes.Person) -> None:
    space, genesis = anna.found()
    _, rude = anna.note(space, "rude")
    _, polite = anna.note(space, "polite")
    await log.submit([genesis, rude, polite])
    replica = logs(98)
    await replica.accept(entries_of(log, space))
    with replica.store.read() as there, log.store.read() as here:
        assert notes.rows(there) == notes.rows(here)


@pytest.mark.parametrize("again", [False, True])
async def test_of_two_facts_with_one_number_the_same_counts_everywhere(
    logs: Logs, anna: notes.Person, again: bool
) -> None:
    """A browser that was put back to an old profile writes at two providers that do not know of each other."""
    first, second = logs(120), logs(121)
    space, genesis = anna.found()
    await first.submit([genesis])
    await second.accept(entries_of(first, space))
    before = anna.heads[space]
    one, here = anna.note(space, "hier")
    anna.heads[space] = before
    other, there = anna.note(space, "dort")
    await first.submit([here])
    await second.submit([there])
    await first.accept(entries_of(second, space, first.vector(space)))
    await second.accept(entries_of(first, space, second.vector(space)))
    if again:
        await first.refold()
    with first.store.read() as connection, second.store.read() as beside:
        assert notes.rows(connection) == notes.rows(beside)
        assert min(one, other) in str(notes.rows(connection))
        assert max(one, other) not in str(notes.rows(connection))
    states = {entry.id: entry.x for entry in entries_of(first, space)}
    assert states == {entry.id: entry.x for entry in entries_of(second, space)}
    assert (states[min(one, other)], states[max(one, other)]) == (SETTLED, QUARANTINED)


async def test_what_counts_no_longer_cuts_nobody(logs: Logs, anna: notes.Person, ben: notes.Person) -> None:
    """A removal whose number was used twice takes nothing away where it came first."""
    first, second = logs(122), logs(123)
    space, genesis = anna.found()
    await first.submit([genesis])
    await second.accept(entries_of(first, space))
    kept, word = ben.note(space, "bleibt")
    await first.submit([word])
    before = anna.heads[space]
    one, cut = anna.note(space, f"cut {ben.key.device}")
    other, twin = one, cut
    while other >= one:
        anna.heads[space] = before
        other, twin = anna.note(space, "zählt")
    await second.submit([cut])
    await second.accept(entries_of(first, space, second.vector(space)))
    assert {entry.id: entry.x for entry in entries_of(second, space)}[kept] == QUARANTINED
    await first.submit([twin])
    await second.accept(entries_of(first, space, second.vector(space)))
    await first.accept(entries_of(second, space, first.vector(space)))
    for log in (first, second):
        states = {entry.id: entry.x for entry in entries_of(log, space)}
        assert (states[kept], states[other], states[one]) == (SETTLED, SETTLED, QUARANTINED)
        with log.store.read() as connection:
            assert "bleibt" in str(notes.rows(connection))


async def test_restored_log_goes_on_in_a_new_incarnation(
    logs: Logs, log: LogService, people: notes.People, anna: notes.Person
) -> None:
    space, genesis = anna.found()
    await log.submit([genesis, anna.note(space, "vorher")[1]])
    old = log.core
    again = Log(old.clock, old.registry, old.authorities, people, old.provider, incarnation=2)
    service = LogService(log.store, again, log.provider_device)
    await log.stop()
    service.start()
    await service.submit([anna.note(space, "nachher")[1]])
    assert service.vector(space) == {f"{log.provider}.1": 2, f"{log.provider}.2": 1}
    await service.stop()


async def test_refold_waits_for_causes_as_the_arrival_did(
    logs: Logs, log: LogService, anna: notes.Person, ben: notes.Person
) -> None:
    """A core can stand before what it refers to: it came first and waited."""
    late = await _replica_with_the_change_first(logs, log, anna, ben)
    with late.store.read() as connection:
        before = notes.rows(connection)
    assert b"neu" in before
    await late.refold()
    with late.store.read() as connection:
        assert notes.rows(connection) == before
    assert {one.x for one in entries_of(late, next(iter(anna.heads)))} == {SETTLED}


async def _replica_with_the_change_first(
    logs: Logs, log: LogService, anna: notes.Person, ben: notes.Person
) -> LogService:
    between, late = logs(94), logs(95)
    space, genesis = anna.found()
    core, parcel = anna.note(space, "alt")
    await log.submit([genesis, parcel])
    await between.accept(entries_of(log, space))
    await between.submit([ben.write(space, notes.Rewritten.kind, {"note": core, "text": "neu"}, re=[core])[1]])
    await late.accept([one for one in entries_of(between, space) if one.p == between.provider])
    await late.accept(entries_of(log, space))
    return late


async def test_device_may_bring_what_its_later_core_waits_for(logs: Logs, log: LogService, anna: notes.Person) -> None:
    """A partner's entry came without the ones before it; their author's device still has them."""
    between, late = logs(94), logs(95)
    space, genesis = anna.found()
    _, first = anna.note(space, "1")
    await log.submit([genesis, first])
    await between.accept(entries_of(log, space))
    await between.submit([anna.note(space, "2")[1]])
    await late.accept([one for one in entries_of(between, space) if one.p == between.provider])
    assert [one.st for one in await late.submit([genesis, first])] == ["accepted", "accepted"]
    assert [one.x for one in entries_of(late, space)] == [SETTLED] * 3


async def test_much_that_is_known_is_asked_for_at_once(logs: Logs, log: LogService, anna: notes.Person) -> None:
    """What came ahead comes once more, at the places of who had it ahead."""
    space, genesis = anna.found()
    notices = [anna.note(space, f"{n}")[1] for n in range(60)]
    await log.submit([genesis, *notices])
    replica = logs(91)
    ahead = [Examined(one, None) for one in entries_of(log, space)]
    await replica.write(lambda tx: [early.take(replica.core, tx, *one) for one in ahead])
    own = log.ahead.examine(entries_of(replica, space))
    asked: list[str] = []

    def accept_all(tx: Tx) -> None:
        event.listen(log.store.engine, "before_cursor_execute", lambda _c, _k, sql, *_: asked.append(sql))
        accept(log.core, Take(SpaceId(space), 1, []), own, tx)

    await log.write(accept_all)
    assert log.vector(space) == {f"{log.provider}.1": 61, f"{replica.provider}.1": 61}
    assert len(asked) < 20, asked
