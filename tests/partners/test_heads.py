"""Signed heads: what proves them, what ends a key, and that nobody else's word makes a place in a sub-log."""

from pathlib import Path

import msgspec
import pytest

from tests.partners.sides import Side, entry, head, named, settle, third, written
from verbund.base.ids import SpaceId, b64
from verbund.base.keys import DeviceKey, PublicKey
from verbund.log.entry import Entry, sublog
from verbund.partners.headkey import RENEW_DAYS, HeadKey
from verbund.partners.heads import (
    DAY_MS,
    HANDOVER_MS,
    KEY_DAYS,
    STRIDE,
    End,
    certify,
    check_certificate,
    check_head,
    counts,
    sign,
)
from verbund.partners.held import HELD_BYTES_MAX
from verbund.partners.identity import NotProven
from verbund.partners.schemas import PROTOCOLS, Certificate, Digest, Entries, Have, Head, Heads, Mark, No, WantHeads
from verbund.partners.tails import ORPHANED_MS, Tails

WORKSHOP = SpaceId(named("Werkstatt"))
START = 1_800_000_000_000
ROOT, KEY = DeviceKey.generate(), DeviceKey.generate()


def certificate(number: int = START, days: int = KEY_DAYS, revoked: tuple[int, ...] = ()) -> Certificate:
    return certify(ROOT, KEY.public, number, number + days * DAY_MS, revoked)


def ends(count: int) -> list[End]:
    return [End(SpaceId(named(f"Bereich {n}")), 1, n + 1, bytes([n % 256]) * 32) for n in range(count)]


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8, 13, 64, 100])
def test_every_head_of_a_tree_proves_itself_and_nothing_else(count: int) -> None:
    shown = certificate()
    check_certificate(shown)
    said = ends(count)
    heads = sign(KEY, shown, said, START)
    assert len({one.sig for one in heads}) == 1, "one signature for all of them"
    for end, one in zip(said, heads, strict=True):
        check_head(end.space, one, shown)
        for wrong in (
            msgspec.structs.replace(one, n=one.n + 1),
            msgspec.structs.replace(one, i=2),
            msgspec.structs.replace(one, h=b64(b"x" * 32)),
            msgspec.structs.replace(one, at=one.at + 1),
            msgspec.structs.replace(one, size=one.size + 1),
            msgspec.structs.replace(one, index=one.index + 1),
            msgspec.structs.replace(one, path=one.path + b64(bytes(33))),
            msgspec.structs.replace(one, path="%"),
            msgspec.structs.replace(one, sig=b64(bytes(64))),
            msgspec.structs.replace(one, n=2**60),
        ):
            with pytest.raises(NotProven):
                check_head(end.space, wrong, shown)
        with pytest.raises(NotProven):
            check_head(WORKSHOP, one, shown)


def test_inner_node_is_no_leaf() -> None:
    shown = certificate()
    first, *_ = sign(KEY, shown, ends(4), START)
    for wrong in (
        msgspec.structs.replace(first, size=2, path=first.path[43:]),
        msgspec.structs.replace(first, size=1, index=0, path=""),
    ):
        with pytest.raises(NotProven):
            check_head(SpaceId(named("Bereich 0")), wrong, shown)


def test_certificate_of_anybody_else_is_worth_nothing() -> None:
    shown, thief = certificate(), DeviceKey.generate()
    for wrong in (
        msgspec.structs.replace(shown, key=b64(thief.public.raw)),
        msgspec.structs.replace(shown, root=b64(thief.public.raw)),
        msgspec.structs.replace(shown, until=shown.until + 1),
        msgspec.structs.replace(shown, revoked=[1]),
        msgspec.structs.replace(shown, number=shown.number - 1),
        msgspec.structs.replace(shown, alg="p256"),
        msgspec.structs.replace(shown, alg="none"),
        msgspec.structs.replace(shown, key=b64(bytes(32))),
        certify(ROOT, KEY.public, START, START + (KEY_DAYS + 1) * DAY_MS),
        certify(ROOT, KEY.public, START, START - 1),
    ):
        with pytest.raises(Exception, match=r"partners\.unproven|base\.weak_key"):
            check_certificate(wrong)


def test_key_signs_only_in_its_time() -> None:
    shown = certificate()
    (end,) = ends(1)
    for at, good in ((START, True), (shown.until, True), (START - 1, False), (shown.until + 1, False)):
        (one,) = sign(KEY, shown, [end], at)
        if good:
            check_head(end.space, one, shown)
        else:
            with pytest.raises(NotProven):
                check_head(end.space, one, shown)


def test_key_ends_with_the_next_one_and_at_once_when_it_was_stolen() -> None:
    old = certificate()
    later = certificate(START + 60 * DAY_MS)
    stolen = certificate(START + 60 * DAY_MS, revoked=(START,))
    before, after = (sign(KEY, old, ends(1), START + days * DAY_MS)[0] for days in (1, 61))
    assert counts(before, [old])
    assert counts(after, [old])
    assert counts(before, [old, later]), "what was signed in its time stays signed"
    assert not counts(after, [old, later]), "but a key that was followed by another one signs nothing new"
    assert counts(sign(KEY, old, ends(1), later.number + HANDOVER_MS)[0], [old, later])
    assert not counts(before, [old, stolen])


def test_key_is_renewed_by_itself_and_by_its_operator(tmp_path: Path) -> None:
    def held() -> HeadKey:
        def given(key: PublicKey, number: int, until: int, revoked: list[int]) -> Certificate:
            return certify(ROOT, key, number, until, revoked)

        return HeadKey(tmp_path, given)

    serving = held()
    key, first = serving.present(START)
    check_certificate(first)
    assert serving.present(START + (KEY_DAYS - RENEW_DAYS) * DAY_MS)[1] == first
    assert held().present(START)[0].seed == key.seed, "it outlives a restart"
    _, second = serving.present(START + (KEY_DAYS - RENEW_DAYS) * DAY_MS + 1)
    assert (second.number > first.number, second.revoked) == (True, [])
    _, third = held().renew(second.number, stolen=True)
    assert third.number > second.number
    assert third.revoked == [second.number]
    assert serving.present(second.number + 1)[1] == third, "the running server takes up what the command renewed"
    assert (tmp_path / "heads.json").stat().st_mode & 0o777 == 0o600


# What a link does with them


@pytest.fixture
def werkhof() -> Side:
    return Side("Werkhof")


@pytest.fixture
def nordhof(werkhof: Side) -> Side:
    """The third: its sub-log comes to Werkhof over Südnetz only."""
    return Side("Nordhof")


@pytest.fixture
def suednetz(werkhof: Side, nordhof: Side) -> Side:
    return third(WORKSHOP, "Südnetz", werkhof, nordhof)


def relayed(side: Side, count: int, text: str = "") -> list[Entry]:
    return written(WORKSHOP, side, count, text)


def test_relayed_entry_waits_until_its_provider_has_signed(werkhof: Side, suednetz: Side, nordhof: Side) -> None:
    here, _ = werkhof.link(suednetz)
    sub, (first, second) = sublog(nordhof.id, 1), relayed(nordhof, 2)
    answers = here.hear(Entries(WORKSHOP, 1, [first, second]))
    assert [one.n for one in answers if isinstance(one, Have)] == [1], "it is answered, so that more can come"
    assert werkhof.here.vector(WORKSHOP) == {}
    here.hear(Heads(WORKSHOP, [], [head(WORKSHOP, first)]))
    assert werkhof.here.vector(WORKSHOP) == {sub: 1}
    here.hear(Heads(WORKSHOP, [], [head(WORKSHOP, second)]))
    assert werkhof.here.vector(WORKSHOP) == {sub: 2}


def test_partner_writes_its_own_sub_log_without_waiting(werkhof: Side, suednetz: Side) -> None:
    here, _ = werkhof.link(suednetz)
    here.hear(Entries(WORKSHOP, 1, [entry(WORKSHOP, suednetz.id, 1)]))
    assert werkhof.here.vector(WORKSHOP) == {sublog(suednetz.id, 1): 1}


def test_invented_places_in_a_thirds_sub_log_are_not_taken(werkhof: Side, suednetz: Side, nordhof: Side) -> None:
    here, _ = werkhof.link(suednetz)
    invented = relayed(nordhof, 3, "erfunden")
    here.hear(Entries(WORKSHOP, 1, invented))
    here.hear(Heads(WORKSHOP, [], [head(WORKSHOP, invented[2], by=suednetz.id)]))
    assert werkhof.here.vector(WORKSHOP) == {}, "what the relay signs itself is worth nothing"
    true = relayed(nordhof, 3)
    answers = here.hear(Heads(WORKSHOP, [], [head(WORKSHOP, true[2])]))
    assert [one.code for one in answers if isinstance(one, No)] == ["partners.contradicted"]
    assert werkhof.here.vector(WORKSHOP) == {}
    answers = here.hear(Entries(WORKSHOP, 2, invented))
    assert [one.code for one in answers if isinstance(one, No)] == ["partners.contradicted"]
    here.hear(Entries(WORKSHOP, 3, true))
    assert werkhof.here.vector(WORKSHOP) == {sublog(nordhof.id, 1): 3}, "and what is true comes all the same"


def test_provider_that_sends_another_entry_than_it_signed_is_refused(werkhof: Side, suednetz: Side) -> None:
    here, _ = werkhof.link(suednetz)
    here.hear(Heads(WORKSHOP, [], [head(WORKSHOP, entry(WORKSHOP, suednetz.id, 1))]))
    answers = here.hear(Entries(WORKSHOP, 1, [entry(WORKSHOP, suednetz.id, 1, "anders")]))
    assert [one.code for one in answers if isinstance(one, No)] == ["partners.contradicted"]


def test_a_forged_history_does_not_keep_its_victims_own_facts_away(
    werkhof: Side, suednetz: Side, nordhof: Side
) -> None:
    """Südnetz was told another history by Nordhof than others were, and gives it on in good faith."""
    here, _ = werkhof.link(suednetz)
    here.hear(Heads(WORKSHOP, [], [head(WORKSHOP, relayed(nordhof, 2)[1])]))
    forged = relayed(nordhof, 2, "nur für Südnetz")
    here.hear(Entries(WORKSHOP, 1, [entry(WORKSHOP, suednetz.id, 1), *forged]))
    assert werkhof.here.vector(WORKSHOP) == {sublog(suednetz.id, 1): 1}


def test_facts_of_a_forged_history_get_places_of_their_own(werkhof: Side, nordhof: Side) -> None:
    """Nobody takes that history from Werkhof: what people wrote there gets to others in Werkhof's own sub-log."""
    here, _ = werkhof.link(nordhof)
    sub, tails = sublog(nordhof.id, 1), Tails()
    werkhof.here.holders = {WORKSHOP: frozenset({werkhof.id, nordhof.id})}
    here.hear(Entries(WORKSHOP, 1, relayed(nordhof, 2, "nur für Werkhof")))
    assert werkhof.here.vector(WORKSHOP) == {sub: 2}
    assert tails.orphaned(werkhof.here, {sub}, 0) == tails.orphaned(werkhof.here, {sub}, ORPHANED_MS) == []
    here.hear(Heads(WORKSHOP, [], [head(WORKSHOP, relayed(nordhof, 2)[1])]))
    tails.orphaned(werkhof.here, {sub}, ORPHANED_MS)
    assert tails.orphaned(werkhof.here, {sub}, 2 * ORPHANED_MS) == [(WORKSHOP, sub, 0)]
    assert tails.orphaned(werkhof.here, {sub}, 4 * ORPHANED_MS) == [], "once for what there is"


def test_what_waits_for_a_head_is_bounded(werkhof: Side, suednetz: Side, nordhof: Side) -> None:
    here, _ = werkhof.link(suednetz)
    size, n = 150_000, 0
    for n, one in enumerate(relayed(nordhof, HELD_BYTES_MAX // size + 2, "x" * size), 1):
        answers = here.hear(Entries(WORKSHOP, n, [one]))
        if [one for one in answers if isinstance(one, No)]:
            break
    assert [one.code for one in answers if isinstance(one, No)] == ["partners.too_much"]
    assert here.exchange._vouching._held._bytes == 0
    assert here.closed is None


def test_heads_that_are_missing_are_asked_for(werkhof: Side, suednetz: Side, nordhof: Side) -> None:
    here, _ = werkhof.link(suednetz)
    sub = sublog(nordhof.id, 1)
    asked = [one for one in here.hear(Digest({WORKSHOP: {sub: Mark(200, "", 200)}}, [])) if isinstance(one, WantHeads)]
    assert asked == [WantHeads(WORKSHOP, {sub: 0})]
    far = entry(WORKSHOP, nordhof.id, STRIDE + 1)
    here.hear(Heads(WORKSHOP, [], [head(WORKSHOP, far)]))
    assert werkhof.here.vouched.seq(WORKSHOP, sub) == 0, "one that leaves a gap could not be given on"


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_new_replica_gets_everything_over_a_relay_when_its_author_is_gone(
    werkhof: Side, suednetz: Side, nordhof: Side, protocol: int
) -> None:
    nordhof.link(suednetz)
    for n in range(5 * STRIDE + 7):
        nordhof.write(WORKSHOP, "x" * (n % 50))
    settle(nordhof, suednetz)
    nordhof.cut(suednetz)
    werkhof.link(suednetz, protocol)
    settle(werkhof, suednetz)
    assert werkhof.here.vector(WORKSHOP) == nordhof.here.vector(WORKSHOP)
    kept: list[Head] = werkhof.heads[WORKSHOP][sublog(nordhof.id, 1)]
    assert [one.n for one in kept] == [*range(STRIDE, 5 * STRIDE + 1, STRIDE), 5 * STRIDE + 7]
