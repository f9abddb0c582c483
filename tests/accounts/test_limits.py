"""Limits: delays that pass, a memory that is bounded."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.accounts.people import Clock
from verbund.accounts.challenges import REDEEMED_MAX, Challenges, StaleChallenge
from verbund.accounts.limits import KEYS_MAX, Buckets, Limiter, network_of
from verbund.base.refusal import TooFast


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_bucket_empties_and_fills_again(clock: Clock) -> None:
    buckets = Buckets(clock, burst=3, every_s=10)
    for _ in range(3):
        assert buckets.wait_s("anna") == 0
        buckets.spend("anna")
    assert 0 < buckets.wait_s("anna") <= 10
    assert buckets.wait_s("ben") == 0
    clock.pass_s(buckets.wait_s("anna"))
    assert buckets.wait_s("anna") == 0


def test_a_bucket_never_holds_more_than_its_burst(clock: Clock) -> None:
    buckets = Buckets(clock, burst=2, every_s=1)
    buckets.spend("anna")
    for _ in range(10):
        buckets.refund("anna")
    clock.pass_s(1000)
    for _ in range(2):
        buckets.spend("anna")
    assert buckets.wait_s("anna") > 0


def test_several_tries_are_used_up_together(clock: Clock) -> None:
    buckets = Buckets(clock, burst=64, every_s=0.5)
    buckets.spend("anna", 60)
    assert buckets.wait_s("anna", 4) == 0
    wait = buckets.wait_s("anna", 10)
    assert wait == 3
    clock.pass_s(wait)
    assert buckets.wait_s("anna", 10) == 0


def test_taking_is_all_or_nothing(clock: Clock) -> None:
    buckets = Buckets(clock, burst=64, every_s=0.5)
    assert buckets.take("anna", 60) == 0
    assert buckets.take("anna", 6) == 1
    assert buckets.take("anna", 4) == 0
    assert buckets.take("anna") == 1
    clock.pass_s(1)
    assert buckets.take("anna", 2) == 0


def test_the_memory_is_bounded(clock: Clock) -> None:
    buckets = Buckets(clock, burst=1, every_s=1)
    for number in range(KEYS_MAX + 500):
        buckets.spend(str(number))
    assert len(buckets) == KEYS_MAX


def guess(limiter: Limiter, times: int) -> None:
    """Try as fast as it goes."""
    for _ in range(times):
        with contextlib.suppress(TooFast):
            limiter.sign_in("anna", "198.51.100.0/24", None)


def test_waiting_is_short_enough_to_wait_for(clock: Clock) -> None:
    """However long somebody guessed: who waits once as told may try again."""
    limiter = Limiter(clock)
    guess(limiter, 100)
    for _ in range(50):
        with pytest.raises(TooFast) as refused:
            limiter.sign_in("anna", "198.51.100.0/24", None)
        assert refused.value.fields["retry_after_s"] <= 60
        clock.pass_s(refused.value.fields["retry_after_s"])
        limiter.sign_in("anna", "198.51.100.0/24", None)


def test_a_known_browser_has_a_bucket_of_its_own(clock: Clock) -> None:
    limiter = Limiter(clock)
    guess(limiter, 100)
    limiter.sign_in("anna", "198.51.100.0/24", "a browser that anna used")


@pytest.mark.parametrize(
    ("host", "network"),
    [
        ("192.0.2.7", "192.0.2.0/24"), ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.0/24"), (None, "unknown"), ("not an address", "unknown"),
    ],
)  # fmt: skip
def test_networks(host: str | None, network: str) -> None:
    assert network_of(host) == network


@given(st.text())
def test_any_host_has_a_network(host: str) -> None:
    assert network_of(host)


def test_a_challenge_is_for_one_purpose(clock: Clock) -> None:
    challenges = Challenges(clock)
    challenge, _ = challenges.issue("one")
    with pytest.raises(StaleChallenge):
        challenges.redeem("other", challenge)
    assert challenges.redeem("one", challenge)
    with pytest.raises(StaleChallenge):
        challenges.redeem("one", challenge)


def test_issuing_costs_no_memory_and_redeemed_ones_are_forgotten(clock: Clock) -> None:
    challenges = Challenges(clock)
    issued = [challenges.issue("one")[0] for _ in range(1000)]
    assert len(challenges._redeemed) == 0
    for challenge in issued:
        challenges.redeem("one", challenge)
    clock.pass_s(700)
    challenges.redeem("one", challenges.issue("one")[0])
    assert len(challenges._redeemed) == 1
    assert len(issued) < REDEEMED_MAX


@given(st.text() | st.binary().map(lambda raw: raw.hex()))
def test_rubbish_is_no_challenge(text: str) -> None:
    with pytest.raises(StaleChallenge):
        Challenges(Clock()).redeem("one", text)


def test_a_whole_office_comes_over_at_once_and_only_what_fails_counts(clock: Clock) -> None:
    limiter = Limiter(clock)
    with contextlib.ExitStack() as together:
        for _ in range(500):
            together.enter_context(limiter.failures("192.0.2.0/24"))
    for _ in range(20):
        with pytest.raises(StaleChallenge), limiter.failures("192.0.2.0/24"):
            raise StaleChallenge()
    with pytest.raises(TooFast), limiter.failures("192.0.2.0/24"):
        pytest.fail("it was let in")
