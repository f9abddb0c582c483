"""The drill itself: a real run with one fault, on networks of its own, ends with a report that says what happened."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.drill.report import page, stretches
from bench.drill.unattended import Round, driven, failures
from bench.drill.watch import longest
from bench.town import ground
from tests.flows.ready import ASKED

ROOT = Path(__file__).parents[2]
RUN_TIMEOUT_S = 300
#: How fast a program loads is not what is looked at here; a town starts twenty.
READY = {**os.environ, ASKED: "1"}


def test_what_stood_still_is_red_and_the_rest_green() -> None:
    beats = [*range(500, 5_000, 500), *range(9_000, 12_000, 500)]
    function = {"beats": beats, "longest_ms": longest(beats, 0, 12_000, 500)}
    assert function["longest_ms"] == 4_000
    worked, stood, again = (0, 5_000, True), (5_000, 9_000, False), (9_000, 12_000, True)
    assert stretches("messages", function, 0, 12_000) == [worked, stood, again]
    run = {
        "title": "Probe <1>", "began": 0, "ended": 12_000, "fault": [4_000, 8_000], "equal_at": 12_500, "lost": 0,
        "functions": {"messages": function},
    }  # fmt: skip
    shown = page("Übung", "Eine Probe.", [run], {})
    assert "Probe &lt;1&gt;" in shown
    assert "4,0 s" in shown
    assert "http://" not in shown.replace("http://www.w3.org/2000/svg", "")


def test_a_round_that_fails_is_counted_and_the_rest_goes_on() -> None:
    plan: list[Round] = [{"round": name} for name in ("well", "fails", "well", "hangs", "ends", "well", "well")]
    kept: list[int] = []
    samples = driven("tests.flows.fragile", plan, lambda so_far: kept.append(len(so_far)), round_s_max=3)
    assert [one["round"] for one in samples] == [one["round"] for one in plan]
    assert kept == [1, 2, 3, 4, 5, 6, 7]
    assert failures(samples) == 3
    assert [one.get("failed") for one in samples[:4]] == [
        None, "AssertionError: it did not come to pass", None, "nothing came for 3 s",
    ]  # fmt: skip
    worlds = [one["world"] for one in samples if "world" in one]
    assert len(worlds) == 4
    assert worlds[2] == worlds[3] != worlds[1]


def test_a_world_that_never_stands_ends_the_drill() -> None:
    samples = driven("tests.flows.nowhere", [{"round": "well"}] * 9, lambda _: None)
    assert len(samples) == failures(samples) == 3


@pytest.mark.browser
@pytest.mark.programs
def test_a_power_cut_in_a_town_of_providers(tmp_path: Path) -> None:
    if why := ground.missing():
        pytest.skip(why)
    command = [sys.executable, "-m", "bench.drill", "faults", "--only", "kill", "--hold", "4", "--out", str(tmp_path)]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=RUN_TIMEOUT_S, check=False, env=READY
    )
    assert done.returncode == 0, done.stdout + done.stderr
    [run] = json.loads((tmp_path / "drill-faults.json").read_text())["runs"][0]["samples"]
    assert (run["lost"], run["functions"]["messages"]["unread"]) == (0, 0)
    assert run["typed"] > 10
    assert run["equal_at"]
    assert "Stromausfall" in (tmp_path / "drill-faults.html").read_text()


@pytest.mark.browser
@pytest.mark.programs
def test_two_of_three_providers_are_lost_one_after_the_other(tmp_path: Path) -> None:
    if why := ground.missing():
        pytest.skip(why)
    command = [sys.executable, "-m", "bench.drill", "three", "--hold", "5", "--out", str(tmp_path)]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=3 * RUN_TIMEOUT_S, check=False, env=READY
    )
    assert done.returncode == 0, done.stdout + done.stderr
    [run] = json.loads((tmp_path / "drill-three.json").read_text())["runs"][0]["samples"]
    assert sorted(run["worked"]) == ["Nordlicht", "Südnetz", "Werkhof"]
    assert run["worked"][0] == "Werkhof"
    assert (run["lost"], run["functions"]["messages"]["unread"]) == (0, 0)
    assert run["equal_at"]
