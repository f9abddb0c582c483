"""What was withdrawn is erased at both providers, whichever came first there: the withdrawal or the cut."""

import random
from collections.abc import Iterator

import pytest
from sqlalchemy import select

from tests.simulation.device import Device, Item
from tests.simulation.invariants import check_erased, rows, standing
from tests.simulation.people import People
from tests.simulation.provider import REGISTRY, Clock, Disk, Provider, key_of
from verbund.chat.events import MessageEdited, MessagePosted, MessageWithdrawn
from verbund.log import tables
from verbund.log.core import Parcel
from verbund.log.entry import SETTLED
from verbund.log.outcome import Outcome
from verbund.spaces.events import MemberRemoved

START_MS = 1_800_000_000_000
SHOWN = MessagePosted(text="Das nehme ich zurück.")


class Firm:
    """Anna's space at two providers, with Ben in it; what is exchanged is exchanged by hand."""

    def __init__(self) -> None:
        self.time = [START_MS]
        chance = random.Random(1)
        self.a, self.b = (Provider(name, 1, Clock(self.time, 0), chance, Disk()) for name in ("A", "B"))
        self.a.meet(self.b)
        self.b.meet(self.a)
        self.anna, self.ben = (Device(name, key_of(name), Clock(self.time, 0), chance) for name in ("anna", "ben"))
        people = People([self.anna, self.ben], chance)
        people.open_accounts()
        people.found((self.a.provider, self.b.provider))
        self.space = people.space
        for device in (self.anna, self.ben):
            for item in device.own.values():
                assert self.sends(item, self.a) == "accepted"
        self.sees(self.ben, self.a)
        assert self.sends(people.join(self.ben, people.links[0]), self.a) == "accepted"
        self.sees(self.anna, self.a)
        self.meet()

    def sends(self, item: Item, provider: Provider) -> str:
        self.time[0] += 1_000
        outcome: Outcome = provider.write(lambda tx: provider.log.submit(tx, item.parcel))
        return outcome.st

    def sees(self, device: Device, provider: Provider) -> None:
        page = provider.entries(self.space, device.vectors.get(self.space, {}), 500)
        device.shown(self.space, page, REGISTRY)

    def meet(self) -> None:
        """Each takes over what the other has and it has not."""
        for giving, taking in ((self.a, self.b), (self.b, self.a)):
            for space in giving.vectors():
                taking.accept(giving.entries(space, taking.vectors().get(space, {}), 500))
            taking.commit()

    def bodies(self, provider: Provider, *items: Item) -> int:
        with provider.reader() as view:
            ids = [item.id for item in items]
            core = tables.core.c
            return len(view.execute(select(core.id).where(core.id.in_(ids), core.body.is_not(None))).all())

    def same(self) -> None:
        """Both hold the same; folding again changes nothing."""
        for _ in range(2):
            assert standing(self.a) == standing(self.b)
            assert rows(self.a) == rows(self.b)
            for provider in (self.a, self.b):
                check_erased(provider)
                provider.write(provider.log.refold)


@pytest.fixture
def firm() -> Iterator[Firm]:
    firm = Firm()
    yield firm
    firm.a.stop()
    firm.b.stop()


def removal(firm: Firm, last: int) -> Item:
    """Anna removes Ben; what he wrote after number `last` is set aside."""
    return firm.anna.write(firm.space, MemberRemoved(account=firm.ben.account, cuts={firm.ben.dev: last}))


def edit(firm: Firm, message: Item) -> Item:
    return firm.ben.write(firm.space, MessageEdited(message=message.id, text="Anders gesagt."), [message.id])


def withdrawal(firm: Firm, message: Item) -> Item:
    return firm.ben.write(firm.space, MessageWithdrawn(message=message.id), [message.id])


@pytest.mark.parametrize("kept", [0, 1, 2])
@pytest.mark.parametrize("known", [True, False])
def test_a_cut_and_a_withdrawal_that_do_not_know_of_each_other(firm: Firm, kept: int, known: bool) -> None:
    """`kept`: of the message and its edit this many are within the cut. `known`: both were at A before the cut."""
    message = firm.ben.write(firm.space, SHOWN)
    change = edit(firm, message)
    assert [firm.sends(one, firm.b) for one in (message, change)] == ["accepted", "accepted"]
    if known:
        firm.meet()
    assert firm.sends(removal(firm, message.ds - 1 + kept), firm.a) == "accepted"
    assert firm.sends(withdrawal(firm, message), firm.b) == "accepted"
    firm.meet()
    assert firm.bodies(firm.a, message, change) == firm.bodies(firm.b, message, change) == 0
    firm.same()


def test_an_edit_that_comes_after_the_withdrawal_and_is_set_aside_is_erased_too(firm: Firm) -> None:
    message = firm.ben.write(firm.space, SHOWN)
    assert firm.sends(message, firm.a) == "accepted"
    firm.meet()
    firm.sees(firm.anna, firm.a)
    back = firm.anna.write(firm.space, MessageWithdrawn(message=message.id, by="moderator"), [message.id])
    assert [firm.sends(one, firm.a) for one in (back, removal(firm, message.ds))] == ["accepted", "accepted"]
    change = edit(firm, message)
    assert firm.sends(change, firm.b) == "accepted"
    firm.meet()
    assert firm.bodies(firm.a, message, change) == firm.bodies(firm.b, message, change) == 0
    firm.same()


@pytest.mark.parametrize("message_first", [True, False])
def test_what_was_refused_here_and_accepted_there_may_come_after_what_builds_on_it(
    firm: Firm, message_first: bool
) -> None:
    """Edit and withdrawal look through the void that stands for the message here; nothing comes back behind them."""
    message = firm.ben.write(firm.space, SHOWN)
    header = Item(message.id, message.space, message.ds, _bodiless(message.parcel), message.kind)
    assert [firm.sends(header, firm.a), firm.sends(message, firm.b)] == ["refused", "accepted"]
    first = firm.b.entries(firm.space, firm.a.vectors()[firm.space], 500)
    before = firm.b.vectors()[firm.space]
    firm.b.stop()
    firm.b.begin_incarnation()
    firm.a.meet(firm.b)
    change, back = edit(firm, message), withdrawal(firm, message)
    assert firm.sends(change, firm.b) == "accepted"
    pages = [firm.b.entries(firm.space, before, 500)]
    assert firm.sends(back, firm.b) == "accepted"
    pages.append(firm.b.entries(firm.space, before, 500))
    pages.insert(1 if message_first else 2, first)
    for page in pages:
        firm.a.accept(page)
        assert firm.a.commit()
    assert firm.a.states()[back.id] == SETTLED
    assert firm.bodies(firm.a, message, change) == firm.bodies(firm.b, message, change) == 0
    firm.meet()
    firm.same()


def _bodiless(parcel: Parcel) -> Parcel:
    return Parcel(parcel.c, parcel.s, None, None)


def test_who_was_removed_withdraws_nothing_where_that_is_known(firm: Firm) -> None:
    message = firm.ben.write(firm.space, SHOWN)
    assert firm.sends(message, firm.a) == "accepted"
    firm.sees(firm.anna, firm.a)
    assert firm.sends(removal(firm, message.ds), firm.a) == "accepted"
    assert firm.sends(withdrawal(firm, message), firm.a) == "refused"
    firm.meet()
    assert firm.bodies(firm.a, message) == firm.bodies(firm.b, message) == 1
    firm.same()
