"""Any order of arrival gives the same authority: histories by chance, of people who have not seen each other's acts."""

import random
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.spaces.acts import Actor, Scene, shown
from verbund.base.ids import b64
from verbund.base.keys import DeviceKey
from verbund.log.registry import Fact
from verbund.spaces.events import HomeChosen, ProviderAdded, ProviderRemoved, SpaceArchived
from verbund.spaces.history import History, fold_authority

PEOPLE = 5
PLACES = [DeviceKey(bytes([number]) * 32).public for number in (1, 2)]
ROLES = ["owner", "admin", "member", "guest"]


def by_chance(seed: int, steps: int) -> Scene:
    """Everybody has a view of their own; now and then two of them compare."""
    chance = random.Random(seed)
    people = [Actor(f"{seed} {number}") for number in range(PEOPLE)]
    scene = Scene(people[0])
    for one in people[1:4]:
        scene.add(people[0], one, chance.choice(ROLES))
    views = [list(scene.facts) for _ in people]
    links = [scene.invite(people[0])]
    for view in views:
        view.append(links[0][0])
    for _ in range(steps):
        me = chance.randrange(PEOPLE)
        act(chance, scene, people, me, views, links)
        one, other = chance.sample(range(PEOPLE), 2)
        if chance.random() < 0.5:
            merged = {fact.id: fact for fact in (*views[one], *views[other])}
            views[one] = list(merged.values())
            if chance.random() < 0.5:
                views[other] = list(merged.values())
    return scene


def act(
    chance: random.Random, scene: Scene, people: list[Actor], me: int, views: list[list[Fact]], links: list[object]
) -> None:
    actor, other, seen = people[me], chance.choice(people), views[me]
    what = chance.randrange(9)
    if what == 0:
        scene.add(actor, other, chance.choice(ROLES), seen)
    elif what == 1:
        scene.change(actor, other, chance.choice(ROLES), seen)
    elif what in (2, 3):
        scene.remove(actor, other, seen, cut=chance.choice([None, 0, 1, 2]))
    elif what == 4:
        links.append(scene.invite(actor, chance.choice(ROLES[1:]), seen))
    elif what == 5:
        link = chance.choice(links)
        scene.join(actor, link, seen)  # type: ignore[arg-type]
    elif what == 6:
        scene.act(actor, SpaceArchived(archived=chance.random() < 0.5), seen)
    elif what == 7:
        scene.act(actor, HomeChosen(provider=chance.choice(PLACES).provider), seen)
    else:
        key = chance.choice(PLACES)
        came = ProviderAdded(provider=key.provider, alg=key.alg, key=b64(key.raw), name="", url="https://a.example")  # type: ignore[arg-type]
        scene.act(actor, chance.choice([came, ProviderRemoved(provider=key.provider)]), seen)
    views[me].append(scene.facts[-1])


def causal_orders(facts: list[Fact], chance: random.Random, count: int) -> Iterator[list[Fact]]:
    """Orders in which causes come first: as they can reach a provider."""
    known = {fact.id for fact in facts}
    for _ in range(count):
        done: list[Fact] = []
        ids: set[str] = set()
        rest = list(facts)
        while rest:
            ready = [
                fact
                for fact in rest
                if all(one in ids for one in (*fact.core.ah, *filter(None, (fact.core.dp,))) if one in known)
            ]
            chosen = chance.choice(ready)
            rest.remove(chosen)
            ids.add(chosen.id)
            done.append(chosen)
        yield done


@settings(max_examples=120, deadline=None)
@given(seed=st.integers(0, 2**32), steps=st.integers(3, 18), shuffle=st.randoms(use_true_random=False))
def test_any_order_gives_the_same_authority(seed: int, steps: int, shuffle: random.Random) -> None:
    facts = by_chance(seed, steps).facts
    wanted = shown(fold_authority(facts))
    mixed = list(facts)
    for _ in range(3):
        shuffle.shuffle(mixed)
        assert shown(fold_authority(mixed)) == wanted
        assert shown(fold_authority([*mixed, *mixed[:3]])) == wanted


@settings(max_examples=120, deadline=None)
@given(seed=st.integers(0, 2**32), steps=st.integers(3, 18))
def test_growing_gives_what_folding_gives(seed: int, steps: int) -> None:
    facts = by_chance(seed, steps).facts
    for order in causal_orders(facts, random.Random(seed), 3):
        history = History(facts[0].space)
        for number, fact in enumerate(order, 1):
            history.add(fact)
            assert shown(history.current()) == shown(fold_authority(order[:number]))


@settings(max_examples=80, deadline=None)
@given(seed=st.integers(0, 2**32), steps=st.integers(3, 18))
def test_a_space_always_has_an_owner_while_somebody_is_more_than_a_guest(seed: int, steps: int) -> None:
    state = fold_authority(by_chance(seed, steps).facts)
    assert state is not None
    if any(member.role in ("admin", "member") for member in state.members.values()):
        assert state.owners()


@pytest.mark.parametrize("seed", range(5))
def test_the_chance_makes_what_it_is_meant_to(seed: int) -> None:
    """The histories have removals that void something, else the tests above show nothing."""
    scenes = [by_chance(seed * 1000 + number, 18) for number in range(20)]
    histories = [scene.history() for scene in scenes]
    void = [len([step for step in one.steps if step.rightful]) - len(one.effective()) for one in histories]
    assert sum(count > 0 for count in void) >= 2
