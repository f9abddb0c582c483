"""Who is far behind asks for the newest of a space before the rest, and goes on asking until it has caught up."""

import asyncio
from pathlib import Path

import pytest

from tests.partners.providers import Provider, eventually, running, say
from tests.partners.sides import PAGE, End, Side
from tests.partners.test_links import equal
from tests.partners.test_state import WORKSHOP, sent
from verbund.base.ids import SpaceId
from verbund.chat.queries import messages
from verbund.chat.tables import MAIN
from verbund.log import newest
from verbund.partners import early
from verbund.partners.early import AGAIN_MS, FIRST_MS
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
    assert sent(there.hear(digest), Want)


def test_nothing_that_goes_ahead_keeps_nobody_waiting(werkhof: Side, nordhof: Side) -> None:
    _, there, digest = linked(werkhof, nordhof)
    there.hear(digest)
    there.hear(Early(WORKSHOP, 0, last=True, e=[]))
    assert sent(there.hear(digest), Want)


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
