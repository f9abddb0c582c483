"""The share of the line that files and films get."""

from verbund.partners.share import BURST_S, PACE_BYTES_S_MIN, PACE_S, Pace, Share


def test_what_is_within_the_share_waits_for_nothing() -> None:
    share = Share(1_000, now_s=0)
    assert share.wait_s(int(1_000 * BURST_S), 0) == 0
    assert share.wait_s(500, 0.5) == 0


def test_over_a_while_no_more_comes_than_the_share() -> None:
    share, now, came = Share(1_000, now_s=0), 0.0, 0
    while now < 60:
        came += 300
        now += share.wait_s(300, now)
    assert 60_000 <= came <= 60_000 + 1_000 * BURST_S + 300


def test_a_rest_saves_up_only_so_much() -> None:
    share = Share(1_000, now_s=0)
    assert share.wait_s(10_000, 3_600) == (10_000 - 1_000 * BURST_S) / 1_000


def test_without_a_share_nothing_waits() -> None:
    assert Share(0, now_s=0).wait_s(10**12, 0) == 0


def test_who_drips_is_not_waited_for() -> None:
    pace, now = Pace(0.0), 0.0
    assert pace.keeps(1_000_000_000, 1.0), "a fast beginning"
    while pace.keeps(1, now):
        now += 9.0
        assert now < 3 * PACE_S, "saves nothing up for later"


def test_our_own_share_is_nobody_elses_slowness() -> None:
    pace, now = Pace(0.0), 0.0
    for _ in range(100):
        now += 1.0
        assert pace.keeps(PACE_BYTES_S_MIN, now)
        now += 10.0
        pace.waits_from(now)
