"""What a link does where another history is here than its provider signed for others, or a forged copy took a place."""

import msgspec
import pytest

from tests.partners.sides import Side, entry, head, named, settle, third, written
from verbund.base.ids import SpaceId, unb64
from verbund.log.entry import Entry, sublog
from verbund.partners.detours import AGAIN_MAX
from verbund.partners.schemas import Bulk, Digest, Entries, Frame, Have, Heads, Mark, No, Want
from verbund.partners.state import ASIDE_MS
from verbund.partners.tails import ORPHANED_MS, Tails

WORKSHOP = SpaceId(named("Werkstatt"))


@pytest.fixture
def werkhof() -> Side:
    return Side("Werkhof")


@pytest.fixture
def nordhof() -> Side:
    """The one that tells Werkhof another history than others."""
    return Side("Nordhof")


@pytest.fixture
def suednetz(werkhof: Side, nordhof: Side) -> Side:
    return third(WORKSHOP, "Südnetz", werkhof, nordhof)


def apart(side: Side) -> list[Entry]:
    """What came at places of another history, in their order."""
    return [one for _, one in sorted({one.n: one for one in side.apart.get(WORKSHOP, [])}.items())]


def wanted(frames: list[Frame | Bulk]) -> list[dict[str, int]]:
    return [one.after for one in frames if isinstance(one, Want)]


def tells_otherwise(werkhof: Side, nordhof: Side, suednetz: Side, count: int) -> list[Entry]:
    """Nordhof wrote `count` entries that Südnetz has and that are signed; Werkhof was told four others first."""
    here, _ = werkhof.link(nordhof)
    here.hear(Entries(WORKSHOP, 1, written(WORKSHOP, nordhof, 4, "nur für Werkhof")))
    assert werkhof.here.vector(WORKSHOP) == {sublog(nordhof.id, 1): 4}
    werkhof.cut(nordhof)
    true = written(WORKSHOP, nordhof, count)
    suednetz.keep(WORKSHOP, true)
    return true


@pytest.mark.parametrize("signed", ["where it ends here", "later only"])
@pytest.mark.parametrize("protocol", [1, 3])
def test_true_history_is_taken_at_places_of_our_own(
    werkhof: Side, nordhof: Side, suednetz: Side, signed: str, protocol: int
) -> None:
    true, sub = tells_otherwise(werkhof, nordhof, suednetz, 9), sublog(nordhof.id, 1)
    if signed == "where it ends here":
        werkhof.vouch(WORKSHOP, [head(WORKSHOP, true[3])])
        assert werkhof.here.apart == {(WORKSHOP, sub): 0}
    suednetz.vouch(WORKSHOP, [head(WORKSHOP, true[8])])
    werkhof.link(suednetz, protocol)
    settle(werkhof, suednetz)
    assert apart(werkhof) == true
    assert werkhof.here.vector(WORKSHOP)[sub] == 4, "what is on disk stays as it is"
    later = entry(WORKSHOP, nordhof.id, 10, before=unb64(true[-1].h))
    suednetz.keep(WORKSHOP, [later])
    suednetz.vouch(WORKSHOP, [head(WORKSHOP, later)])
    settle(werkhof, suednetz)
    assert apart(werkhof) == [*true, later]


def test_what_was_told_otherwise_goes_to_the_others_too(werkhof: Side, nordhof: Side, suednetz: Side) -> None:
    """Though Nordhof is there and goes on: nobody takes its other history from Werkhof."""
    true, sub, tails = tells_otherwise(werkhof, nordhof, suednetz, 9), sublog(nordhof.id, 1), Tails()
    suednetz.vouch(WORKSHOP, [head(WORKSHOP, true[8])])
    assert tails.orphaned(werkhof.here, {sub}, 0) == tails.orphaned(werkhof.here, {sub}, ORPHANED_MS) == []
    werkhof.link(suednetz)
    settle(werkhof, suednetz)
    tails.orphaned(werkhof.here, {sub}, 2 * ORPHANED_MS)
    assert tails.orphaned(werkhof.here, {sub}, 4 * ORPHANED_MS) == [(WORKSHOP, sub, 0)]


def test_only_what_may_differ_is_taken_again(werkhof: Side, nordhof: Side, suednetz: Side) -> None:
    """What was signed as it is here need not come again."""
    true, sub = written(WORKSHOP, nordhof, 9), sublog(nordhof.id, 1)
    here, _ = werkhof.link(nordhof)
    here.hear(Entries(WORKSHOP, 1, true[:3]))
    here.hear(Heads(WORKSHOP, [], [head(WORKSHOP, true[2])]))
    here.hear(Entries(WORKSHOP, 2, [entry(WORKSHOP, nordhof.id, 4, "anders", before=unb64(true[2].h))]))
    werkhof.cut(nordhof)
    suednetz.keep(WORKSHOP, true)
    suednetz.vouch(WORKSHOP, [head(WORKSHOP, one) for one in (true[2], true[8])])
    werkhof.link(suednetz)
    settle(werkhof, suednetz)
    assert werkhof.here.apart == {(WORKSHOP, sub): 3}
    assert apart(werkhof) == true[3:]


@pytest.mark.parametrize("have", [0, 4])
def test_who_spoils_what_somebody_signed_makes_nobody_leave_what_is_here(
    werkhof: Side, nordhof: Side, suednetz: Side, have: int
) -> None:
    """The first of a frame with another time: its chain, and all after it, are as they were signed."""
    true, sub = written(WORKSHOP, nordhof, 9), sublog(nordhof.id, 1)
    if have:
        first, _ = werkhof.link(nordhof)
        first.hear(Entries(WORKSHOP, 1, true[:have]))
        werkhof.cut(nordhof)
    here, _ = werkhof.link(suednetz)
    here.hear(Heads(WORKSHOP, [], [head(WORKSHOP, true[8])]))
    digest = Digest({WORKSHOP: {sub: Mark(9, true[8].h, 9)}}, [])
    spoilt = [msgspec.structs.replace(true[have], at=7), *true[have + 1 :]]
    asked = wanted(here.hear(Entries(WORKSHOP, 1, spoilt)))
    if have:
        assert asked == [{sub: have - 1}], "perhaps it is here that something else stands"
        here.hear(Entries(WORKSHOP, 2, [true[have - 1], *spoilt]))
    assert werkhof.here.apart == {}
    assert werkhof.here.vector(WORKSHOP).get(sub, 0) == have
    werkhof.now += ASIDE_MS + 1
    assert wanted(here.hear(digest)) == [{sub: have} if have else {}]
    here.hear(Entries(WORKSHOP, 2 + bool(have), true[have:]))
    assert werkhof.here.vector(WORKSHOP) == {sub: 9}


def test_what_nobody_signed_changes_nothing(werkhof: Side, nordhof: Side, suednetz: Side) -> None:
    """A partner that invents a history of somebody else's makes nobody leave the one that is here."""
    tells_otherwise(werkhof, nordhof, suednetz, 9)
    werkhof.link(suednetz)
    settle(werkhof, suednetz)
    assert werkhof.here.apart == {}
    assert not werkhof.apart.get(WORKSHOP)


def test_frame_that_could_not_be_taken_comes_again(werkhof: Side, nordhof: Side, suednetz: Side) -> None:
    true, sub = tells_otherwise(werkhof, nordhof, suednetz, 6), sublog(nordhof.id, 1)
    here, _ = werkhof.link(suednetz)
    here.hear(Heads(WORKSHOP, [], [head(WORKSHOP, true[3])]))
    werkhof.is_well = False
    (answer,) = [one for one in here.hear(Entries(WORKSHOP, 1, true)) if isinstance(one, Have | No)]
    assert isinstance(answer, No)
    werkhof.is_well = True
    werkhof.now += 10_000
    assert wanted(here.hear(Digest({WORKSHOP: {sub: Mark(6, true[5].h, 6)}}, []))) == [{sub: 0}]
    here.hear(Entries(WORKSHOP, 2, true))
    assert werkhof.apart[WORKSHOP] == true


def test_place_of_a_forged_copy_is_asked_for_once_by_each_link(werkhof: Side, suednetz: Side) -> None:
    sub = sublog(suednetz.id, 1)
    true = written(WORKSHOP, suednetz, 9)
    for _ in range(2):
        here, _ = werkhof.link(suednetz)
        here.hear(Entries(WORKSHOP, 1, true))
        digest = Digest({WORKSHOP: {sub: Mark(9, true[8].h, 9)}}, [])
        werkhof.here.forged = {}
        assert wanted(here.hear(digest)) == []
        werkhof.here.forged = {WORKSHOP: {sub: 5}}
        assert wanted(here.hear(digest)) == [{sub: 4}]
        assert wanted(here.hear(digest)) == []
        werkhof.cut(suednetz)


def test_what_lies_far_back_is_not_asked_for_again(werkhof: Side, suednetz: Side) -> None:
    sub, end = sublog(suednetz.id, 1), AGAIN_MAX + 4
    here, _ = werkhof.link(suednetz)
    werkhof.here.advance(WORKSHOP, [(sub, end, "")])
    for seq, asked in ((4, []), (5, [{sub: 4}])):
        werkhof.here.forged = {WORKSHOP: {sub: seq}}
        assert wanted(here.hear(Digest({WORKSHOP: {sub: Mark(end, "", end)}}, []))) == asked
