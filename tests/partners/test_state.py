"""What a link decides, without sockets: push, ask, answer, refuse."""

import random
from typing import Any

import msgspec
import pytest

from tests.partners.sides import PAGE, Side, decoded, entry, head, named, settle
from verbund.base.ids import SpaceId, b64
from verbund.log.entry import sublog
from verbund.partners.durable import durable
from verbund.partners.peer import INTRODUCED_ENTRIES_MAX, INTRODUCED_MAX
from verbund.partners.push import CREDITS, LIVE_BYTES_MAX
from verbund.partners.schemas import PACKED, Bulk, Digest, Entries, Frame, Have, Mark, No, Want
from verbund.partners.state import DIGEST_MS, FRAMES_REFUSED_MAX, SILENCE_MS_MAX

WORKSHOP, OFFICE = SpaceId(named("Werkstatt")), SpaceId(named("Büro"))


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


def sent(frames: list[Frame | Bulk], kind: type[Any]) -> list[Any]:
    return [one for one in frames if isinstance(one, kind)]


def numbers(frames: list[Frame | Bulk]) -> list[int]:
    return [one.n for frame in frames if isinstance(frame, Entries) for one in frame.e]


def test_commit_goes_out_at_once_when_the_partner_has_what_came_before(werkhof: Side, suednetz: Side) -> None:
    here, there = werkhof.link(suednetz)
    settle(werkhof, suednetz)
    werkhof.write(WORKSHOP)
    werkhof.write(WORKSHOP)
    assert numbers(here.act()) == [1, 2]
    assert there.read()
    assert suednetz.here.vector(WORKSHOP) == {sublog(werkhof.id, 1): 2}


def test_nothing_is_pushed_before_it_is_known_how_far_the_partner_is(werkhof: Side, suednetz: Side) -> None:
    for _ in range(3):
        werkhof.write(WORKSHOP)
    here, _ = werkhof.link(suednetz)
    werkhof.write(WORKSHOP)
    assert numbers(here.act()) == []
    settle(werkhof, suednetz)
    assert suednetz.here.vector(WORKSHOP) == werkhof.here.vector(WORKSHOP)


def test_gap_is_refused_and_asked_for(werkhof: Side, suednetz: Side) -> None:
    _, there = werkhof.link(suednetz)
    answers = there.hear(Entries(WORKSHOP, 1, [entry(WORKSHOP, werkhof.id, 5)]))
    assert [one.code for one in sent(answers, No)] == ["partners.gap"]
    assert [one.after for one in sent(answers, Want)] == [{}]
    assert there.closed is None


def test_gap_just_after_a_frame_is_asked_for_at_once_and_once(werkhof: Side, suednetz: Side) -> None:
    here, _ = werkhof.link(suednetz)
    first, late = entry(WORKSHOP, suednetz.id, 1), entry(WORKSHOP, suednetz.id, 5)
    here.hear(Entries(WORKSHOP, 1, [first]))
    asked = []
    for n, at in enumerate((100, 200, 300, 700), 2):
        werkhof.now = at
        asked.append(len(sent(here.hear(Entries(WORKSHOP, n, [late])), Want)))
    assert asked == [1, 0, 0, 1]
    werkhof.now = 800
    told = Digest({WORKSHOP: {sublog(suednetz.id, 1): Mark(5, late.h, 5)}}, [])
    assert sent(here.hear(told), Want) == [], "what is arriving is not asked for by the digest as well"


def test_what_overflows_is_forgotten_and_repaired_by_the_digest(werkhof: Side, suednetz: Side) -> None:
    here, there = werkhof.link(suednetz)
    settle(werkhof, suednetz)
    big = "x" * 100_000
    for _ in range(LIVE_BYTES_MAX // len(big) + 10):
        werkhof.write(WORKSHOP, big)
    queued = sum(len(one.raw) for queue in here.exchange._push._live.values() for one in queue)
    assert queued <= LIVE_BYTES_MAX
    settle(werkhof, suednetz)
    assert suednetz.here.vector(WORKSHOP) == werkhof.here.vector(WORKSHOP)
    assert there.closed is None


def test_at_most_so_many_frames_are_unanswered(werkhof: Side, suednetz: Side) -> None:
    here, _ = werkhof.link(suednetz)
    settle(werkhof, suednetz)
    frames: list[Frame | Bulk] = []
    for _ in range(3 * CREDITS):
        werkhof.write(WORKSHOP)
        frames += here.act()
    assert len(sent(frames, Entries)) == CREDITS
    frames = here.hear(Have(WORKSHOP, sent(frames, Entries)[0].n, {}))
    assert [len(one.e) for one in sent(frames, Entries)] == [2 * CREDITS], "what waited goes in one frame"


def test_entries_go_packed_to_who_knows_that(werkhof: Side, suednetz: Side) -> None:
    for _ in range(3):
        werkhof.write(WORKSHOP)
    here, there = werkhof.link(suednetz, PACKED)
    here.tick()
    there.tick()
    there.read()
    here.read()
    while here.read():
        pass
    frames = [decoded(raw) for raw in here.out]
    assert [run.count for one in sent(frames, Bulk) for run in one.runs] == [3]
    assert sent(frames, Entries) == []
    settle(werkhof, suednetz)
    assert suednetz.here.reach[WORKSHOP] == werkhof.here.reach[WORKSHOP]
    werkhof.write(WORKSHOP, "x" * 1000)
    assert len(sent(here.act(), Bulk)) == 1
    assert there.read()
    assert suednetz.stored[WORKSHOP] == werkhof.stored[WORKSHOP]


def test_what_is_too_much_for_a_packed_frame_goes_in_several(werkhof: Side, suednetz: Side) -> None:
    here, there = werkhof.link(suednetz, PACKED)
    settle(werkhof, suednetz)
    noise = random.Random(1)
    for _ in range(9):
        werkhof.write(WORKSHOP, b64(noise.randbytes(60_000)))
    counts = []
    while frames := sent(here.act(), Bulk):
        counts += [run.count for one in frames for run in one.runs]
        while there.read():
            pass
        while here.read():
            pass
    assert sum(counts) == 9
    assert 1 < len(counts) < 9
    assert suednetz.here.vector(WORKSHOP) == werkhof.here.vector(WORKSHOP)


def test_partner_beyond_its_credits_is_cut_off(werkhof: Side, suednetz: Side) -> None:
    _, there = werkhof.link(suednetz)
    for n in range(1, CREDITS + 2):
        there.exchange.received(Entries(WORKSHOP, n, [entry(WORKSHOP, werkhof.id, n)]), 0)
    there.act()
    assert there.closed == "partners.too_much"


def test_new_goes_before_old_and_spaces_take_turns(werkhof: Side, suednetz: Side) -> None:
    for _ in range(60):
        werkhof.write(WORKSHOP)
    here, there = werkhof.link(suednetz)
    here.tick()
    there.tick()
    while there.read():
        pass
    here.exchange.received(Digest({OFFICE: {}}, []), 0)
    here.exchange.received(Want(WORKSHOP, {}), 0)
    here.act()
    werkhof.write(OFFICE)
    frames = here.hear(Have(WORKSHOP, 1, {}))
    assert sent(frames, Entries)[0].sp == OFFICE


def test_small_space_is_whole_before_a_large_one_goes_on(werkhof: Side, suednetz: Side) -> None:
    """Accounts and authority are small: who they are is known before what they said."""
    here, _ = werkhof.link(suednetz)
    for _ in range(60):
        werkhof.write(WORKSHOP)
    werkhof.write(OFFICE)
    here.exchange.received(Want(WORKSHOP, {}), 0)
    here.exchange.received(Want(OFFICE, {}), 0)
    frames = sent(here.act(), Entries)
    order = [one.sp for one in frames]
    while frames:
        frames = sent(here.hear(Have(WORKSHOP, frames[-1].n, {})), Entries)
        order += [one.sp for one in frames]
    assert order[0] == OFFICE
    assert order.count(WORKSHOP) >= 60 // PAGE


def test_replica_that_a_parent_promises_has_no_bound(werkhof: Side) -> None:
    partner = Side("Südnetz")
    here, _ = werkhof.link(partner)
    assert not here.peer.introduce(WORKSHOP, INTRODUCED_ENTRIES_MAX + 1, werkhof.here)
    werkhof.here.expected = {WORKSHOP: frozenset({partner.id, werkhof.id})}
    assert here.peer.introduce(WORKSHOP, INTRODUCED_ENTRIES_MAX + 1, werkhof.here)
    stranger, _ = werkhof.link(Side("Fremd"))
    assert not stranger.peer.introduce(WORKSHOP, INTRODUCED_ENTRIES_MAX + 1, werkhof.here)


def test_equal_length_with_another_chain_is_a_contradiction(werkhof: Side, suednetz: Side) -> None:
    werkhof.write(WORKSHOP)
    here, _ = werkhof.link(suednetz)
    sub = sublog(werkhof.id, 1)
    here.hear(Digest({WORKSHOP: {sub: Mark(1, named("andere Geschichte"), 1)}}, []))
    assert [(one.space, one.sub, one.seq) for one in here.proofs] == [(WORKSHOP, sub, 1)]
    assert here.closed is None


def test_entries_of_a_third_are_relayed_only_where_it_is_not_linked(werkhof: Side, suednetz: Side) -> None:
    nordhof = Side("Nordhof")
    werkhof.holds(WORKSHOP, suednetz, nordhof)
    here, _ = werkhof.link(suednetz)
    here.hear(Digest({WORKSHOP: {}}, [nordhof.id]))
    werkhof.keep(WORKSHOP, [entry(WORKSHOP, nordhof.id, 1)])
    assert numbers(here.act()) == []
    here.hear(Digest({WORKSHOP: {sublog(nordhof.id, 1): Mark(1, "", 1)}}, []))
    werkhof.keep(WORKSHOP, [entry(WORKSHOP, nordhof.id, 2)])
    assert numbers(here.act()) == [2]


def test_replica_over_a_third_provider_becomes_equal(werkhof: Side, suednetz: Side) -> None:
    nordhof = Side("Nordhof")
    everybody = (werkhof, suednetz, nordhof)
    for side in everybody:
        side.holds(WORKSHOP, *(one for one in everybody if one is not side))
    werkhof.link(nordhof)
    nordhof.link(suednetz)
    for _ in range(20):
        werkhof.write(WORKSHOP)
        suednetz.write(WORKSHOP)
    settle(*everybody)
    assert werkhof.here.vector(WORKSHOP) == suednetz.here.vector(WORKSHOP) == nordhof.here.vector(WORKSHOP)
    assert len(werkhof.here.vector(WORKSHOP)) == 2


def test_who_lost_a_disk_gets_back_what_it_wrote_before(werkhof: Side, suednetz: Side) -> None:
    again = Side("Werkhof", incarnation=2)
    again.holds(WORKSHOP, suednetz)
    written = [entry(WORKSHOP, werkhof.id, n) for n in (1, 2, 3)]
    suednetz.keep(WORKSHOP, written)
    suednetz.vouch(WORKSHOP, [head(WORKSHOP, written[2])])
    again.keep(WORKSHOP, [entry(WORKSHOP, werkhof.id, 1)])
    again.link(suednetz)
    settle(again, suednetz)
    assert again.here.vector(WORKSHOP) == suednetz.here.vector(WORKSHOP) == {sublog(werkhof.id, 1): 3}


def test_durable_is_what_another_has_with_its_blobs(werkhof: Side, suednetz: Side) -> None:
    werkhof.link(suednetz)
    settle(werkhof, suednetz)
    sub = sublog(werkhof.id, 1)
    for _ in range(3):
        werkhof.write(WORKSHOP)
    assert durable(WORKSHOP, werkhof.here, werkhof.peers) == {}
    suednetz.here.lacks(WORKSHOP, {sub: 1})
    settle(werkhof, suednetz)
    assert durable(WORKSHOP, werkhof.here, werkhof.peers) == {sub: 1}
    suednetz.here.lacks(WORKSHOP, {})
    for end in suednetz.ends.values():
        end.exchange.reached(WORKSHOP)
    settle(werkhof, suednetz)
    assert durable(WORKSHOP, werkhof.here, werkhof.peers) == {sub: 3}
    assert durable(WORKSHOP, suednetz.here, suednetz.peers) == {sub: 3}


def test_space_of_one_provider_is_durable_at_once(werkhof: Side) -> None:
    werkhof.write(WORKSHOP)
    assert durable(WORKSHOP, werkhof.here, {}) == werkhof.here.vector(WORKSHOP)


def test_link_that_falls_silent_ends(werkhof: Side, suednetz: Side) -> None:
    here, _ = werkhof.link(suednetz)
    werkhof.now = SILENCE_MS_MAX
    here.tick()
    assert here.closed is None
    werkhof.now += 1
    here.tick()
    assert here.closed == "partners.silent"


def test_digest_names_what_changed_and_is_a_sign_of_life_without(werkhof: Side, suednetz: Side) -> None:
    here, _ = werkhof.link(suednetz)
    assert set(sent(here.tick(), Digest)[0].sp) == {WORKSHOP, OFFICE}
    assert here.tick() == []
    werkhof.now += DIGEST_MS
    assert sent(here.tick(), Digest)[0].sp == {}
    werkhof.write(OFFICE)
    werkhof.now += DIGEST_MS
    assert set(sent(here.tick(), Digest)[0].sp) == {OFFICE}


# Hostile partners


def test_space_that_the_partner_does_not_hold_is_refused(werkhof: Side, suednetz: Side) -> None:
    stranger = Side("Fremd")
    werkhof.write(WORKSHOP)
    here, _ = werkhof.link(stranger)
    answers = here.hear(Entries(WORKSHOP, 1, [entry(WORKSHOP, stranger.id, 1)]))
    assert [one.code for one in sent(answers, No)] == ["partners.not_held"]
    answers = here.hear(Want(WORKSHOP, {}))
    assert [one.code for one in sent(answers, No)] == ["partners.not_held"]
    assert numbers(answers) == []
    assert here.hear(Digest({WORKSHOP: {sublog(stranger.id, 1): Mark(9, "", 9)}}, [])) == []
    assert werkhof.here.vector(WORKSHOP) == {sublog(werkhof.id, 1): 1}


def test_entry_hidden_in_a_frame_of_another_space_is_refused(werkhof: Side, suednetz: Side) -> None:
    here, _ = werkhof.link(suednetz)
    secret = SpaceId(named("Geschäftsführung"))
    werkhof.write(secret)
    answers = here.hear(Entries(WORKSHOP, 1, [entry(WORKSHOP, suednetz.id, 1), entry(secret, suednetz.id, 1)]))
    assert [one.code for one in sent(answers, No)] == ["partners.malformed"]
    assert werkhof.here.vector(WORKSHOP) == {}


def test_nobody_goes_on_with_our_own_sub_log(werkhof: Side, suednetz: Side) -> None:
    werkhof.write(WORKSHOP)
    here, _ = werkhof.link(suednetz)
    for incarnation in (1, 2):
        forged = entry(WORKSHOP, werkhof.id, 3 - incarnation, "gefälscht", incarnation)
        answers = here.hear(Entries(WORKSHOP, incarnation, [forged]))
        assert [one.code for one in sent(answers, No)] == ["partners.not_held"]
    assert werkhof.here.vector(WORKSHOP) == {sublog(werkhof.id, 1): 1}


def test_what_was_sent_before_is_no_harm(werkhof: Side, suednetz: Side) -> None:
    here, _ = werkhof.link(suednetz)
    for n in (1, 2, 3):
        answers = here.hear(Entries(WORKSHOP, n, [entry(WORKSHOP, suednetz.id, 1)]))
        assert [one.n for one in sent(answers, Have)] == [n]
    assert werkhof.here.vector(WORKSHOP) == {sublog(suednetz.id, 1): 1}


def test_frame_numbers_must_be_right(werkhof: Side, suednetz: Side) -> None:
    for frame in (Entries(WORKSHOP, 2, [entry(WORKSHOP, suednetz.id, 1)]), Have(WORKSHOP, 9, {}), No(WORKSHOP, 9, "x")):
        here, _ = werkhof.link(suednetz)
        here.hear(frame)
        assert here.closed == "partners.malformed"
        assert here.act() == []


def test_wrong_vectors_end_the_link_or_are_left_alone(werkhof: Side, suednetz: Side) -> None:
    for after in ({"x": 1}, {sublog(werkhof.id, 1): -5}, {f"{werkhof.id}.{n}": 1 for n in range(300)}):
        here, _ = werkhof.link(suednetz)
        here.hear(Want(WORKSHOP, after))
        assert here.closed == "partners.malformed"
        here, _ = werkhof.link(suednetz)
        assert here.hear(Digest({WORKSHOP: {sub: Mark(seq, "", seq) for sub, seq in after.items()}}, [])) == []


def test_numbers_beyond_ours_are_refused(werkhof: Side, suednetz: Side) -> None:
    here, _ = werkhof.link(suednetz)
    good = entry(WORKSHOP, suednetz.id, 1)
    wrong = [
        msgspec.structs.replace(good, n=0),
        msgspec.structs.replace(good, i=2**60),
        msgspec.structs.replace(good, at=-1),
        msgspec.structs.replace(good, p="x"),
        msgspec.structs.replace(good, c="[" * 5000),
    ]
    for n, one in enumerate(wrong, 1):
        assert [answer.code for answer in sent(here.hear(Entries(WORKSHOP, n, [one])), No)] == ["partners.malformed"]
    assert sent(here.hear(Entries(WORKSHOP, len(wrong) + 1, [])), No)


def test_who_is_refused_again_and_again_is_cut_off(werkhof: Side, suednetz: Side) -> None:
    here, _ = werkhof.link(suednetz)
    for n in range(1, FRAMES_REFUSED_MAX + 2):
        assert here.closed is None
        here.hear(Entries(WORKSHOP, n, []))
    assert here.closed == "partners.malformed"


def test_partner_may_introduce_only_so_many_spaces_and_entries(werkhof: Side) -> None:
    stranger = Side("Fremd")
    here, _ = werkhof.link(stranger)
    for n in range(INTRODUCED_MAX + 50):
        here.exchange.received(Digest({SpaceId(named(f"{n}")): {sublog(stranger.id, 1): Mark(1, "", 1)}}, []), 0)
    assert len(sent(here.act(), Want)) == INTRODUCED_MAX
    assert len(here.peer.reach) == INTRODUCED_MAX
    new = SpaceId(named("0"))
    here.peer.introduce(new, INTRODUCED_ENTRIES_MAX, werkhof.here)
    assert [one.code for one in sent(here.hear(Entries(new, 1, [entry(new, stranger.id, 1)])), No)] == [
        "partners.too_much"
    ]


@pytest.mark.parametrize("seed", range(60))
def test_any_schedule_of_writes_and_cuts_ends_in_equal_replicas(seed: int) -> None:
    chance, protocol = random.Random(seed), 1 + seed % 2
    sides = [Side(name) for name in ("eins", "zwei", "drei")]
    for side in sides:
        for space in (WORKSHOP, OFFICE):
            side.holds(space, *(one for one in sides if one is not side))
    for _ in range(400):
        one, two = chance.sample(sides, 2)
        match chance.randrange(8):
            case 0 if two.id not in one.ends:
                one.link(two, protocol)
            case 1 if chance.random() < 0.3:
                one.cut(two)
            case 2 | 3:
                one.write(chance.choice((WORKSHOP, OFFICE)), "x" * chance.choice((1, 1, 1, 300_000)))
            case 4:
                one.now += chance.randrange(1500)
                for end in one.ends.values():
                    end.tick()
            case _:
                for end in list(one.ends.values()):
                    end.act()
                    end.read()
    for left, right in ((sides[0], sides[1]), (sides[1], sides[2])):
        if right.id not in left.ends:
            left.link(right, protocol)
    settle(*sides, seconds=60)
    for space in (WORKSHOP, OFFICE):
        vectors = [side.here.vector(space) for side in sides]
        assert vectors[0] == vectors[1] == vectors[2]
        for side in sides:
            whole = {sub: mark.seq for sub, mark in side.here.reach.get(space, {}).items()}
            assert durable(space, side.here, side.peers) == whole
    assert not [end.closed for side in sides for end in side.ends.values() if end.closed]
