"""How long until the next try."""

from verbund.partners.dialling import WAIT_S_MAX, WAIT_S_MIN, wait_s


def test_wait_grows_to_its_maximum_and_is_spread() -> None:
    waits = [wait_s(failures, 1.0) for failures in range(30)]
    assert waits[0] == WAIT_S_MIN
    assert waits == sorted(waits)
    assert waits[-1] == WAIT_S_MAX
    assert wait_s(3, 0.0) == wait_s(3, 1.0) / 2
