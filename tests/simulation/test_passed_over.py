"""Numbers of which nobody has the facts become voids; what turns up after all counts beside what was written anew."""

from collections.abc import Iterator

import pytest

from tests.simulation.device import LOST_ASKS, Device, Item
from tests.simulation.provider import Provider
from tests.simulation.test_erasure import Firm
from verbund.base.ids import CoreId
from verbund.chat.events import MessageEdited, MessagePosted
from verbund.log.entry import SETTLED, VOID
from verbund.log.outcome import Outcome


@pytest.fixture
def firm() -> Iterator[Firm]:
    firm = Firm()
    yield firm
    firm.a.stop()
    firm.b.stop()


def send_all(firm: Firm, device: Device, provider: Provider) -> None:
    """What waits goes there, until it is answered for good or asked for once more."""
    for core, parcel in device.batch():
        outcome: Outcome = provider.write(lambda tx, parcel=parcel: provider.log.submit(tx, parcel))
        firm.time[0] += 1_000
        device.answered(core, outcome)


def put_back(firm: Firm) -> Item:
    """Ben writes a fact that A has alone; then his browser is as it was before, and A tells where it goes on."""
    firm.ben.outbox.clear()
    firm.ben.save_profile()
    lost = firm.ben.write(firm.space, MessagePosted(text="Das hatte nur A."))
    assert firm.sends(lost, firm.a) == "accepted"
    firm.ben.restore_profile(0)
    with firm.a.reader() as view:
        firm.ben.reconcile({firm.space: view.head(firm.space, firm.ben.dev)})
    return lost


@pytest.mark.parametrize("returns", [True, False])
def test_what_waits_is_sent_behind_voids_and_what_turns_up_still_counts(firm: Firm, returns: bool) -> None:
    lost = put_back(firm)
    message = firm.ben.write(firm.space, MessagePosted(text="Danach."))
    firm.ben.write(firm.space, MessageEdited(message=message.id, text="Danach, verbessert."), [message.id])
    firm.ben.connect(firm.b)
    for asked in range(LOST_ASKS):
        assert {item.ds for item in firm.ben.outbox.values()} == {lost.ds + 1, lost.ds + 2}, asked
        send_all(firm, firm.ben, firm.b)
    send_all(firm, firm.ben, firm.b)
    counting = {firm.ben.own[core].ds: state for core, state in firm.b.states().items() if core in firm.ben.own}
    passed = {number: counting[number] for number in range(lost.ds, lost.ds + 5)}
    assert passed == {lost.ds + number: VOID if number < 3 else SETTLED for number in range(5)}
    if returns:
        firm.meet()
        assert [one.states()[lost.id] for one in (firm.a, firm.b)] == [SETTLED, SETTLED]
        firm.same()
    shown: set[CoreId] = {core for core, state in firm.b.states().items() if state == SETTLED}
    assert (lost.id in shown) == returns
    assert message.id not in shown
