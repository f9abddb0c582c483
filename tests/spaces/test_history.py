"""Which facts of authority count, when people act without having seen each other."""

import pytest

from tests.spaces.acts import Actor, Scene, shown
from verbund.log.registry import Fact
from verbund.spaces.events import InvitationMade, SpaceArchived
from verbund.spaces.history import fold_authority


@pytest.fixture
def anna() -> Actor:
    return Actor("anna")


@pytest.fixture
def ben() -> Actor:
    return Actor("ben")


@pytest.fixture
def carla() -> Actor:
    return Actor("carla")


@pytest.fixture
def scene(anna: Actor, ben: Actor, carla: Actor) -> Scene:
    """Anna owns it, Ben is an admin, Carla a member."""
    scene = Scene(anna)
    scene.add(anna, ben, "admin")
    scene.add(anna, carla)
    return scene


def test_roles_come_from_facts(scene: Scene, anna: Actor, ben: Actor, carla: Actor) -> None:
    state = scene.now()
    assert [state.role_of(one.account) for one in (anna, ben, carla)] == ["owner", "admin", "member"]
    assert state.role_of(Actor("stranger").account) is None


def test_what_an_admin_did_while_being_removed_does_not_count(scene: Scene, anna: Actor, ben: Actor) -> None:
    before = list(scene.facts)
    dora = Actor("dora")
    scene.add(ben, dora, "member", before)
    scene.remove(anna, ben, before)
    state = scene.now()
    assert state.role_of(ben.account) is None
    assert state.role_of(dora.account) is None


def test_what_an_admin_did_before_the_removal_stays(scene: Scene, anna: Actor, ben: Actor) -> None:
    dora = Actor("dora")
    scene.add(ben, dora)
    scene.remove(anna, ben)
    assert scene.now().role_of(dora.account) == "member"


def test_a_cut_spares_what_came_before_it(scene: Scene, anna: Actor, ben: Actor) -> None:
    before = list(scene.facts)
    dora, emil = Actor("dora"), Actor("emil")
    scene.add(ben, dora, "member", before)
    scene.add(ben, emil, "member", [*before, scene.facts[-1]])
    scene.remove(anna, ben, before, cut=1)
    state = scene.now()
    assert state.role_of(dora.account) == "member"
    assert state.role_of(emil.account) is None


def test_who_came_by_a_void_invitation_is_not_in(scene: Scene, anna: Actor, ben: Actor) -> None:
    before = list(scene.facts)
    dora, emil = Actor("dora"), Actor("emil")
    invitation = scene.invite(ben, "member", before)
    join = scene.join(dora, invitation, [*before, invitation[0]])
    second = scene.invite(anna, "member", before)
    scene.join(emil, second, [*before, second[0]])
    scene.remove(anna, ben, [*before, second[0]])
    state = scene.now()
    assert state.role_of(dora.account) is None
    assert invitation[0].id not in state.invitations
    assert state.role_of(emil.account) == "member"
    assert join.id  # it is in the log, and counts for nothing


def test_of_two_who_remove_each_other_the_owner_stays(scene: Scene, anna: Actor, ben: Actor) -> None:
    scene.change(anna, ben, "owner")
    before = list(scene.facts)
    scene.remove(ben, anna, before)
    scene.remove(anna, ben, before)
    state = scene.now()
    assert state.role_of(anna.account) == "owner"
    assert state.role_of(ben.account) is None


def test_a_ring_of_removals_ends_with_somebody_in_charge(anna: Actor, ben: Actor, carla: Actor) -> None:
    scene = Scene(anna)
    scene.add(anna, ben, "owner")
    scene.add(anna, carla, "owner")
    before = list(scene.facts)
    scene.remove(anna, ben, before)
    scene.remove(ben, carla, before)
    scene.remove(carla, anna, before)
    state = scene.now()
    # Anna's word weighs most, so Ben is out and his removal of Carla is void; nobody voids what Carla did.
    assert [state.role_of(one.account) for one in (anna, ben, carla)] == [None, None, "owner"]


def test_a_removal_wins_over_being_taken_in_at_once(scene: Scene, anna: Actor, ben: Actor, carla: Actor) -> None:
    before = list(scene.facts)
    scene.remove(anna, carla, before)
    scene.add(ben, carla, "member", before)
    assert scene.now().role_of(carla.account) is None


def test_who_is_taken_in_again_counts_from_there_on(scene: Scene, anna: Actor, ben: Actor) -> None:
    before = list(scene.facts)
    late = scene.invite(ben, "member", before)
    scene.remove(anna, ben, before)
    scene.add(anna, ben, "admin", [fact for fact in scene.facts if fact is not late[0]])
    fresh = scene.invite(ben)
    state = scene.now()
    assert state.role_of(ben.account) == "admin"
    assert fresh[0].id in state.invitations
    assert late[0].id not in state.invitations


def test_an_old_link_does_not_let_the_removed_back_in(scene: Scene, anna: Actor, carla: Actor) -> None:
    link = scene.invite(anna)
    scene.remove(anna, carla)
    scene.join(carla, link)
    assert scene.now().role_of(carla.account) is None
    fresh = scene.invite(anna)
    scene.join(carla, fresh)
    assert scene.now().role_of(carla.account) == "member"


def test_who_left_may_come_back_by_an_old_link(scene: Scene, anna: Actor, carla: Actor) -> None:
    link = scene.invite(anna)
    scene.remove(carla, carla)
    scene.join(carla, link)
    assert scene.now().role_of(carla.account) == "member"


def test_what_was_done_with_a_role_that_was_being_taken_does_not_count(scene: Scene, anna: Actor, ben: Actor) -> None:
    before = list(scene.facts)
    dora = Actor("dora")
    scene.add(ben, dora, "member", before)
    scene.change(anna, ben, "member", before)
    state = scene.now()
    assert state.role_of(ben.account) == "member"
    assert state.role_of(dora.account) is None


def test_two_owners_who_step_down_at_once_leave_an_owner(anna: Actor, ben: Actor) -> None:
    scene = Scene(anna)
    scene.add(anna, ben, "owner")
    before = list(scene.facts)
    scene.change(anna, anna, "member", before)
    scene.change(ben, ben, "member", before)
    assert len(scene.now().owners()) == 1


def test_the_latest_word_on_archiving_counts(scene: Scene, anna: Actor, ben: Actor) -> None:
    before = list(scene.facts)
    scene.act(ben, SpaceArchived(archived=True), before)
    scene.act(anna, SpaceArchived(archived=False), before)
    assert scene.now().archived is False


def test_a_clock_that_was_turned_back_changes_nothing_of_what_was_seen(scene: Scene, anna: Actor, ben: Actor) -> None:
    scene.act(ben, SpaceArchived(archived=True))
    scene.act(anna, SpaceArchived(archived=False), t="0000000000010000")
    assert scene.now().archived is False


def test_strangers_and_guests_change_nothing(scene: Scene, anna: Actor) -> None:
    guest, stranger = Actor("guest"), Actor("stranger")
    scene.add(anna, guest, "guest")
    before = shown(scene.now())
    scene.add(stranger, stranger, "owner")
    scene.add(guest, stranger, "guest")
    scene.change(guest, guest, "owner")
    scene.remove(guest, anna)
    scene.invite(guest)
    assert shown(scene.now()) == before


def test_an_invitation_with_a_foreign_signature_opens_nothing(scene: Scene, anna: Actor) -> None:
    made, _ = scene.invite(anna)
    dora = Actor("dora")
    scene.join(dora, (made, dora.key))
    assert scene.now().role_of(dora.account) is None


def test_without_a_founding_fact_there_is_nothing(scene: Scene) -> None:
    assert fold_authority(scene.facts[1:]) is None


def test_an_author_is_judged_by_what_they_had_seen(scene: Scene, anna: Actor, ben: Actor) -> None:
    before = list(scene.facts)
    removal = scene.remove(anna, ben)
    history = scene.history()
    then, now = history.heads([before[-1].id]), history.heads([removal.id])
    assert then is not None
    assert now is not None
    assert then.role_of(ben.account) == "admin"
    assert now.role_of(ben.account) is None
    assert now.includes(removal.id)
    assert not then.includes(removal.id)


def test_invitations_of_an_admin_make_no_admins(scene: Scene, anna: Actor, ben: Actor) -> None:
    def roles(fact: Fact) -> str:
        event: InvitationMade = fact.event
        return event.role

    admin, _ = scene.invite(ben, "admin")
    member, _ = scene.invite(ben, "member")
    owners, _ = scene.invite(anna, "admin")
    held = {roles(fact) for fact in (admin, member, owners) if fact.id in scene.now().invitations}
    assert held == {"member", "admin"}
    assert admin.id not in scene.now().invitations
