"""Partners that ask for much, say more than is true, or never end: what it costs, and what it does not change."""

import pytest

from tests.partners.sides import Side, entry, named, settle
from tests.partners.test_state import OFFICE, WORKSHOP, sent
from verbund.base.ids import SpaceId
from verbund.log.bulk import ENTRIES_MAX
from verbund.log.entry import sublog
from verbund.partners.actions import Give
from verbund.partners.durable import durable
from verbund.partners.push import CREDITS, KNOWN_MAX
from verbund.partners.schemas import Digest, Entries, Have, Mark, Want, WantHeads
from verbund.partners.state import DIGEST_MS


@pytest.fixture
def werkhof() -> Side:
    return Side("Werkhof")


@pytest.fixture
def suednetz(werkhof: Side) -> Side:
    other = Side("Südnetz")
    for space in (WORKSHOP, OFFICE):
        werkhof.holds(space, other)
        other.holds(space, werkhof)
    return other


def test_who_asks_again_and_again_gets_no_more_than_it_acknowledges(werkhof: Side, suednetz: Side) -> None:
    for _ in range(60):
        werkhof.write(WORKSHOP, "x" * 20_000)
    here, _ = werkhof.link(suednetz)
    frames = [one for _ in range(500) for one in sent(here.hear(Want(WORKSHOP, {})), Entries)]
    assert len(frames) == CREDITS
    assert here.closed is None


def test_signed_heads_are_given_to_one_question_at_a_time(werkhof: Side, suednetz: Side) -> None:
    here, _ = werkhof.link(suednetz)
    sub = sublog(werkhof.id, 1)
    for _ in range(1_000):
        here.exchange.received(WantHeads(WORKSHOP, {sub: 0}), 0)
    assert len([one for one in here.exchange.actions() if isinstance(one, Give)]) == 1


def test_receipt_for_what_was_never_written_makes_nothing_durable(werkhof: Side, suednetz: Side) -> None:
    werkhof.write(WORKSHOP)
    here, _ = werkhof.link(suednetz)
    sub, (mine,) = sublog(werkhof.id, 1), werkhof.stored[WORKSHOP][sublog(werkhof.id, 1)]

    def safe() -> dict[str, int]:
        return dict(durable(WORKSHOP, werkhof.here, werkhof.peers))

    for lie in (Mark(1_000, mine.h, 1_000), Mark(1, named("andere Geschichte"), 1), Mark(2, "", 2)):
        here.hear(Have(WORKSHOP, 0, {sub: lie}))
        assert safe() == {}, lie
    here.hear(Have(WORKSHOP, 0, {sub: Mark(1, mine.h, 1_000)}))
    assert safe() == {sub: 1}


def test_who_says_to_have_more_than_it_gives_is_asked_now_and_then(werkhof: Side, suednetz: Side) -> None:
    here, _ = werkhof.link(suednetz)
    asked = 0
    for _ in range(100):
        werkhof.now += DIGEST_MS
        asked += len(sent(here.hear(Digest({WORKSHOP: {sublog(suednetz.id, 1): Mark(10**9, "", 10**9)}}, [])), Want))
    assert 0 < asked <= 50
    suednetz.write(WORKSHOP)
    here.hear(Entries(WORKSHOP, 1, suednetz.stored[WORKSHOP][sublog(suednetz.id, 1)]))
    assert werkhof.here.vector(WORKSHOP) == {sublog(suednetz.id, 1): 1}, "and what it does give is taken"


def test_invented_sub_logs_fill_no_memory(werkhof: Side, suednetz: Side) -> None:
    here, _ = werkhof.link(suednetz)
    for n in range(20):
        invented = {sublog(named(f"{n} {one}"), 1): Mark(5, "", 5) for one in range(256)}
        here.hear(Digest({WORKSHOP: invented}, [named(str(one)) for one in range(1_000)]))
        here.hear(Have(WORKSHOP, 0, invented))
    assert len(here.exchange._push.known[WORKSHOP]) <= KNOWN_MAX
    assert len(here.peer.reach[WORKSHOP]) <= 256
    assert here.closed is None


def test_tiny_entries_come_a_frame_at_a_time(werkhof: Side, suednetz: Side) -> None:
    here, _ = werkhof.link(suednetz)
    tiny = [entry(WORKSHOP, suednetz.id, 1)] * (ENTRIES_MAX + 1)
    here.hear(Entries(WORKSHOP, 1, tiny))
    assert werkhof.here.vector(WORKSHOP) == {}, "nothing of a frame with too many"
    assert here.closed is None


def test_frames_of_one_space_hold_nobody_else_up(werkhof: Side, suednetz: Side) -> None:
    """A partner that fills one space goes on; what is said in another one goes out beside it all the same."""
    here, there = werkhof.link(suednetz)
    settle(werkhof, suednetz)
    for _ in range(300):
        suednetz.write(WORKSHOP, "x" * 2_000)
    werkhof.write(OFFICE, "dazwischen")
    here.act()
    for _ in range(20):
        there.read()
        here.read()
    assert suednetz.here.vector(OFFICE) == {sublog(werkhof.id, 1): 1}


def test_withheld_entry_is_missed_and_got_from_somebody_else(werkhof: Side, suednetz: Side) -> None:
    mitte = Side("Mitte")
    for side, others in ((werkhof, (suednetz, mitte)), (suednetz, (werkhof, mitte)), (mitte, (werkhof, suednetz))):
        side.holds(WORKSHOP, *others)
    here, _ = werkhof.link(suednetz)
    suednetz.link(mitte)
    mitte.link(werkhof)
    suednetz.write(WORKSHOP, "verschwiegen")
    while here.into:
        here.into.popleft()
    here.closed = "withheld"  # nothing of what Südnetz says arrives at Werkhof
    settle(werkhof, suednetz, mitte)
    assert werkhof.here.vector(WORKSHOP) == suednetz.here.vector(WORKSHOP)


def test_answers_out_of_order_end_the_link(werkhof: Side, suednetz: Side) -> None:
    for wrong in (Have(WORKSHOP, 7, {}), Entries(WORKSHOP, 2, [entry(WORKSHOP, suednetz.id, 1)])):
        here, _ = werkhof.link(suednetz)
        here.hear(wrong)
        assert here.closed == "partners.malformed"


def test_head_of_a_space_that_is_not_shared_is_left_alone(werkhof: Side, suednetz: Side) -> None:
    here, _ = werkhof.link(suednetz)
    werkhof.here.local.add(SpaceId(named("Privat")))
    foreign = WantHeads(SpaceId(named("Privat")), {sublog(werkhof.id, 1): 0})
    assert [one.code for one in here.hear(foreign)] == ["partners.not_held"]  # type: ignore[union-attr]
