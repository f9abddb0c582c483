"""The way in for own people: accepted once, refused with a void, asked for what is missing."""

import asyncio

import msgspec
from sqlalchemy import func, select

from tests.log import notes
from verbund.base.refusal import Broken
from verbund.log import search, tables
from verbund.log.core import Parcel
from verbund.log.entry import VOID, Entry
from verbund.log.service import LogService


async def test_note_is_accepted_and_folded(log: LogService, anna: notes.Person) -> None:
    space, genesis = anna.found()
    core, parcel = anna.note(space, "Guten Morgen 🪵")
    outcomes = await log.submit([genesis, parcel])
    assert [one.st for one in outcomes] == ["accepted", "accepted"]
    with log.store.read() as connection:
        row = connection.execute(select(notes.note)).one()
    assert (row.id, row.text) == (core, "Guten Morgen 🪵")


async def test_same_parcel_twice_is_one(log: LogService, anna: notes.Person) -> None:
    space, genesis = anna.found()
    _, parcel = anna.note(space, "einmal")
    await log.submit([genesis, parcel])
    again = await log.submit([genesis, parcel])
    assert [one.st for one in again] == ["accepted", "accepted"]
    assert log.vector(space) == {f"{log.provider}.1": 2}


async def test_refused_core_leaves_a_void_and_its_number_stays_used(log: LogService, anna: notes.Person) -> None:
    space, genesis = anna.found()
    void, rude = anna.note(space, "rude")
    refused = (await log.submit([genesis, rude]))[1]
    assert (refused.st, refused.ds, refused.dp) == ("refused", 3, void)
    assert refused.refusal is not None
    assert refused.refusal.code == "test.rude"
    _, polite = anna.note(space, "polite")
    assert (await log.submit([polite]))[0].st == "accepted"
    entries, _ = log.entries(space, {})
    second = msgspec.json.decode(entries[1], type=Entry)
    assert (second.x, second.b, second.sa) == (VOID, None, None)


async def test_gap_is_asked_for_and_nothing_kept(log: LogService, anna: notes.Person) -> None:
    space, genesis = anna.found()
    first, one = anna.note(space, "1")
    _, two = anna.note(space, "2")
    asked = (await log.submit([genesis, two]))[1]
    assert (asked.st, asked.ds, asked.missing) == ("ask", 2, (first,))
    assert [one.st for one in await log.submit([one, two])] == ["accepted", "accepted"]


async def test_number_used_twice_is_refused(log: LogService, anna: notes.Person) -> None:
    space, genesis = anna.found()
    _, one = anna.note(space, "1")
    anna.heads[space] = (1, genesis_id(space))
    _, other = anna.note(space, "another 1")
    outcomes = await log.submit([genesis, one, other])
    assert outcomes[2].refusal is not None
    assert outcomes[2].refusal.code == "log.reused_number"


async def test_stranger_and_forger_leave_nothing(log: LogService, anna: notes.Person) -> None:
    space, genesis = anna.found()
    stranger = notes.Person(99)
    _, unknown = stranger.note(space, "hallo")
    _, parcel = anna.note(space, "echt")
    forged = Parcel(parcel.c, unknown.s, parcel.sa, parcel.b)
    outcomes = await log.submit([genesis, unknown, forged])
    assert [one.refusal.code for one in outcomes[1:] if one.refusal] == ["base.unknown", "log.unsigned"]
    with log.store.read() as connection:
        assert connection.execute(select(func.count()).select_from(tables.entry)).scalar() == 1


async def test_what_one_author_gets_wrong_harms_no_other_of_the_batch(
    log: LogService, anna: notes.Person, ben: notes.Person
) -> None:
    """Forms and signatures of a batch are looked at first; what is wrong is refused in its turn."""
    space, genesis = anna.found()
    elsewhere, founding = ben.found()
    _, note = ben.note(elsewhere, "am Anfang")
    _, parcel = anna.note(space, "echt")
    forged = Parcel(parcel.c, note.s, parcel.sa, parcel.b)
    broken = Parcel(parcel.c[:-1], parcel.s, parcel.sa, parcel.b)
    told = await asyncio.gather(
        log.submit([genesis, broken]), log.submit([forged]), log.submit([founding, note, parcel])
    )
    found = [one.refusal.code if one.refusal else one.st for outcomes in told for one in outcomes]
    assert found == ["accepted", "log.malformed_core", "log.unsigned", "accepted", "accepted", "accepted"]


async def test_known_core_with_another_signature_is_refused(log: LogService, anna: notes.Person) -> None:
    space, genesis = anna.found()
    _, parcel = anna.note(space, "echt")
    await log.submit([genesis, parcel])
    forged = Parcel(parcel.c, genesis.s, parcel.sa, parcel.b)
    outcomes = await log.submit([forged, parcel])
    assert [one.refusal.code if one.refusal else one.st for one in outcomes] == ["log.unsigned", "accepted"]


async def test_one_crashing_fold_fails_alone(log: LogService, anna: notes.Person, ben: notes.Person) -> None:
    space, genesis = anna.found()
    await log.submit([genesis])
    crashing, crash = ben.note(space, "crash")
    _, first = anna.note(space, "vorher")
    _, last = anna.note(space, "nachher")
    (one, two, three), alone = await asyncio.gather(log.submit([first, crash, last]), log.submit([crash]))
    assert [one.st, two.st, three.st, alone[0].st] == ["accepted", "refused", "accepted", "refused"]
    for refused in (two, alone[0]):
        assert refused.id == crashing
        assert refused.refusal is not None
        assert refused.refusal.code == Broken.code
    with log.store.read() as connection:
        assert sorted(connection.execute(select(notes.note.c.text)).scalars()) == ["nachher", "vorher"]


async def test_changed_body_is_refused(log: LogService, anna: notes.Person) -> None:
    space, genesis = anna.found()
    _, parcel = anna.note(space, "ja")
    changed = Parcel(parcel.c, parcel.s, parcel.sa, '{"text":"no"}')
    outcomes = await log.submit([genesis, changed])
    assert outcomes[1].refusal is not None
    assert outcomes[1].refusal.code == "log.malformed_core"


async def test_future_stamp_is_refused_with_a_sentence(log: LogService, anna: notes.Person) -> None:
    space, genesis = anna.found()
    anna.ms = log.core.clock.now_ms() + 3_600_000
    _, parcel = anna.note(space, "morgen")
    told = (await log.submit([genesis, parcel]))[1].wire("de")
    assert (told["code"], told["detail"].startswith("Die Uhr")) == ("log.future_stamp", True)


async def test_refold_gives_the_same_rows(log: LogService, anna: notes.Person, ben: notes.Person) -> None:
    space, genesis = anna.found()
    core, parcel = anna.note(space, "alt")
    _, change = anna.write(space, notes.Rewritten.kind, {"note": core, "text": "neu"}, re=[core])
    _, other = ben.note(space, "Ben")
    await log.submit([genesis, parcel, change, other])
    with log.store.read() as connection:
        before = notes.rows(connection)
    await log.refold()
    with log.store.read() as connection:
        assert notes.rows(connection) == before


async def test_refold_forgets_what_is_found_but_not_there(log: LogService, anna: notes.Person) -> None:
    space, genesis = anna.found()
    other, second = anna.found()
    await log.submit([genesis, second])
    for place, position in ((space, 1), (other, 2)):
        await log.write(lambda tx, at=position, sp=place: search.index(tx, at, sp, "note", 0, "Hobelbank"))
    await log.write(lambda tx: log.core.refold(tx, space))
    with log.store.read() as connection:
        assert [hit.space for hit in search.find(connection, "Hobelbank", [space, other])] == [other]


def genesis_id(space: str) -> str:
    return space
