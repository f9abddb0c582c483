"""Who is far behind asks for the newest of a space before the rest, and goes on asking until it has caught up."""

import asyncio
import errno
import logging
from pathlib import Path

import pytest

from tests.partners.providers import Provider, eventually, running, say
from tests.partners.sides import PAGE, End, Side, decoded
from tests.partners.test_links import equal
from tests.partners.test_state import WORKSHOP, sent
from verbund.base.ids import SpaceId
from verbund.chat.queries import messages
from verbund.chat.tables import MAIN
from verbund.log import newest
from verbund.partners import early, taking
from verbund.partners.actions import GiveNewest, TakeNewest
from verbund.partners.early import AGAIN_MS, FAILED_MS, FIRST_MS
from verbund.partners.schemas import AHEAD, PACKED, Digest, Early, No, Want, WantEarly

BEHIND, THERE = 10, 30


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(early, "BEHIND_MIN", BEHIND)


@pytest.fixture
def werkhof() -> Side:
    return Side("Werkhof")


@pytest.fixture
def nordhof(werkhof: Side) -> Side:
    other = Side("Nordhof")
    for _ in range(THERE):
        werkhof.write(WORKSHOP)
    werkhof.holds(WORKSHOP, other)
    other.holds(WORKSHOP, werkhof)
    return other


def linked(werkhof: Side, nordhof: Side, protocol: int = AHEAD) -> tuple[End, End, Digest]:
    """Both ends, and how far the first says that everything is."""
    here, there = werkhof.link(nordhof, protocol)
    (digest,) = sent(here.tick(), Digest)
    here.out.clear()
    return here, there, digest


def answer(here: End, there: End) -> None:
    """What was asked is answered."""
    while here.read():
        pass
    while there.read():
        pass


def test_newest_comes_first_then_the_rest(werkhof: Side, nordhof: Side) -> None:
    here, there, digest = linked(werkhof, nordhof)
    asked = there.hear(digest)
    assert sent(asked, WantEarly)
    assert not sent(asked, Want)
    answer(here, there)
    assert [one.n for one in nordhof.ahead[WORKSHOP]] == list(range(THERE - PAGE + 1, THERE + 1))
    assert nordhof.here.vector(WORKSHOP) == {}
    while here.read() or there.read():
        pass
    assert nordhof.here.vector(WORKSHOP) == werkhof.here.vector(WORKSHOP)


def test_what_cannot_be_taken_yet_is_asked_for_again_and_the_rest_does_not_wait_for_ever(
    werkhof: Side, nordhof: Side
) -> None:
    nordhof.is_ready = False
    here, there, digest = linked(werkhof, nordhof)
    there.hear(digest)
    answer(here, there)
    nordhof.now += AGAIN_MS
    assert sent(there.tick(), WantEarly)
    answer(here, there)
    nordhof.now += FIRST_MS
    assert sent(there.tick(), Want)


def test_nothing_that_goes_ahead_keeps_nobody_waiting(werkhof: Side, nordhof: Side) -> None:
    _, there, digest = linked(werkhof, nordhof)
    there.hear(digest)
    assert sent(there.hear(Early(WORKSHOP, 0, last=True, e=[])), Want)


def test_rest_is_asked_for_when_nothing_is_answered(werkhof: Side, nordhof: Side) -> None:
    """Not only when the partner compares again, which may be half a minute later."""
    _, there, digest = linked(werkhof, nordhof)
    there.hear(digest)
    assert not sent(there.tick(), Want)
    nordhof.now += FIRST_MS
    assert sent(there.tick(), Want)


def test_what_was_not_asked_for_is_not_looked_at(werkhof: Side, nordhof: Side) -> None:
    _, there, _ = linked(werkhof, nordhof)
    entries = [one for entries in werkhof.stored[WORKSHOP].values() for one in entries]
    there.hear(Early(WORKSHOP, 99, last=True, e=entries))
    assert nordhof.ahead == {}


def test_who_does_not_hold_a_space_gets_nothing_of_it(werkhof: Side, nordhof: Side) -> None:
    here, _, _ = linked(werkhof, nordhof)
    werkhof.here.holders = {}
    (no,) = sent(here.hear(WantEarly(WORKSHOP, {}, 0)), No)
    assert no.code == "partners.not_held"


def test_partner_of_an_earlier_release_is_not_asked(werkhof: Side, nordhof: Side) -> None:
    _, there, digest = linked(werkhof, nordhof, PACKED)
    asked = there.hear(digest)
    assert sent(asked, Want)
    assert not sent(asked, WantEarly)


def test_what_could_not_be_written_is_tried_again_less_and_less_often(werkhof: Side, nordhof: Side) -> None:
    nordhof.is_well = False
    here, there, digest = linked(werkhof, nordhof)
    (asked,) = sent(there.hear(digest), WantEarly)
    gaps = []
    for _ in range(2):
        give(asked, here, there)
        since = nordhof.now
        (asked,) = next(found for _ in range(100) if (found := later(nordhof, there)))
        gaps.append(nordhof.now - since)
    assert gaps == [FAILED_MS, 2 * FAILED_MS]
    nordhof.is_well = True
    give(asked, here, there)
    assert nordhof.ahead[WORKSHOP]


def give(asked: WantEarly, here: End, there: End) -> None:
    """This question alone is answered, and the answer heard."""
    here.hear(asked)
    while there.read():
        pass


def later(side: Side, end: End) -> list[WantEarly]:
    """What is asked a little later."""
    side.now += AGAIN_MS
    return sent(end.tick(), WantEarly)


def test_the_rest_does_not_wait_for_what_cannot_be_written(werkhof: Side, nordhof: Side) -> None:
    nordhof.is_well = False
    here, there, digest = linked(werkhof, nordhof)
    assert not sent(there.hear(digest), Want)
    while here.read():
        pass
    assert sent(there.hear(decoded(there.into.popleft())), Want)


def test_who_could_not_read_it_says_so_rests_and_answers_again(werkhof: Side, nordhof: Side) -> None:
    werkhof.is_well = False
    here, there, digest = linked(werkhof, nordhof)
    there.hear(digest)
    while here.read():
        pass
    assert sent(there.hear(decoded(there.into.popleft())), Want)
    werkhof.is_well = True
    (nothing,) = sent(here.hear(WantEarly(WORKSHOP, {}, 0)), Early)
    assert nothing.last
    assert nothing.e == []
    werkhof.now += FAILED_MS
    (found,) = sent(here.hear(WantEarly(WORKSHOP, {}, 0)), Early)
    assert len(found.e) == PAGE


async def test_new_replica_has_the_newest_and_then_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(newest, "NEWEST_MAX", 5)
    werkhof = Provider(tmp_path, "werkhof")
    nordhof = Provider(tmp_path, "nordhof", werkhof.address)
    async with running(werkhof, nordhof):
        anna = await werkhof.firm()
        team = await asyncio.to_thread(anna.create, "Werkstatt")
        for number in range(THERE):
            await say(anna, team, f"{number}")
        await nordhof.named_by(anna, anna.organisation)
        await eventually(lambda: equal(werkhof, nordhof, team))
        await eventually(lambda: f"{nordhof.id}.1" in werkhof.vector(team))
        assert shown(nordhof, team) == shown(werkhof, team) == [f"{number}" for number in range(THERE)]
        await asyncio.to_thread(anna.refresh)
        await say(anna, team, "und weiter")
        await eventually(lambda: shown(nordhof, team)[-1] == "und weiter")
        anna.close()


def shown(provider: Provider, space: SpaceId) -> list[str]:
    with provider.services.store.read() as connection:
        return [one.text for one in messages(connection, space, MAIN, None, None, 100)[0]]


async def test_what_fails_is_told_once_and_the_space_comes_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither who gives nor who takes can do it: a disk is full. It fails in these two alone; one that is really
    full (tests/blobs/test_disk_full.py) stops whatever else this story needs.
    """

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    caplog.set_level(logging.ERROR, "verbund.partners.link")
    monkeypatch.setattr(taking, "newest", full)
    monkeypatch.setattr(early, "FAILED_MS", 1)
    werkhof = Provider(tmp_path, "werkhof")
    nordhof = Provider(tmp_path, "nordhof", werkhof.address)
    async with running(werkhof, nordhof):
        anna = await werkhof.firm()
        team = await asyncio.to_thread(anna.create, "Werkstatt")
        for number in range(THERE):
            await say(anna, team, f"{number}")
        await nordhof.named_by(anna, anna.organisation)
        await eventually(lambda: equal(werkhof, nordhof, team))
        anna.close()
        link = werkhof.partners.links[nordhof.id]
        for _ in range(2):
            asked = GiveNewest(team, {}, 0)
            await werkhof.partners.give_newest(link, asked)
        monkeypatch.setattr(taking, "take_early", full)
        back = nordhof.partners.links[werkhof.id]
        for _ in range(2):
            await nordhof.partners.take_newest(back, TakeNewest(team, [], 0))
    told = [
        one.getMessage() for one in caplog.records if one.name == "verbund.partners.link" and one.levelname == "ERROR"
    ]
    assert [told.count(one) for one in dict.fromkeys(told)] == [1, 1]
    assert all("No space left" in one for one in told)
