"""What has an order among its device's facts does not count before its turn, whichever way it comes."""

from collections.abc import Iterator

import pytest

from tests.simulation.ordered import LineAdded
from tests.simulation.test_erasure import Firm
from verbund.chat.events import MessagePosted
from verbund.log import early
from verbund.log.entry import SETTLED


@pytest.fixture
def firm() -> Iterator[Firm]:
    firm = Firm()
    yield firm
    firm.a.stop()
    firm.b.stop()


def test_it_does_not_go_ahead_and_what_comes_after_it_does(firm: Firm) -> None:
    lines = [firm.ben.write(firm.space, LineAdded(text=f"{number}")) for number in range(3)]
    said = firm.ben.write(firm.space, MessagePosted(text="Das Neueste."))
    assert [firm.sends(one, firm.a) for one in (*lines, said)] == ["accepted"] * 4
    page = {one.id: one for one in firm.a.entries(firm.space, firm.b.vectors()[firm.space], 500)}

    ahead = [page[one.id] for one in (lines[2], said)]
    assert firm.b.write(lambda tx: [early.take(firm.b.log, tx, one) for one in ahead]) == [False, True]
    assert [firm.b.states().get(one.id) for one in (lines[2], said)] == [None, SETTLED]

    more = firm.ben.write(firm.space, LineAdded(text="3"))
    assert firm.sends(more, firm.b) == "ask", "its own provider does not let it go ahead either"
    firm.meet()
    assert firm.sends(more, firm.b) == "accepted"
    firm.meet()
    firm.same()
