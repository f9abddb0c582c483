"""Alarms come once, after a while, and are over after a while; what flickers is told once."""

from pathlib import Path

import msgspec
import pytest

from verbund.base.settings import BadSetting, Settings, check
from verbund.ops.finding import Finding, State, found
from verbund.ops.watch import messenger
from verbund.ops.watch.alarms import ALARMS_MAX, Alarm, Alarms, Change
from verbund.ops.watch.api import may_look
from verbund.ops.watch.judge import DAY_MS, judge
from verbund.ops.watch.picture import Counts, Partner, Picture, _at_least

NOW = 1_800_000_000_000
AWAY = ("P", found("partner.away", name="Südnetz", last="–"))
WELL: list[tuple[str, Finding]] = []
PICTURE = Picture(NOW, [], Counts(), 0, 0, 0, 0, "on", 10**12, NOW)
PARTNER = Partner("P", "Südnetz", True, 0, 0, 0, NOW, 0, 0)


def seen(alarms: Alarms, *looks: tuple[float, list[tuple[str, Finding]]]) -> list[tuple[float, str, bool]]:
    return [
        (at, change.alarm.code, change.raised)
        for at, findings in looks
        for change in alarms.see(findings, at, NOW + int(at * 1000))
    ]


def test_an_alarm_comes_once_after_a_while_and_ends_after_a_while() -> None:
    told = seen(Alarms(), (0, [AWAY]), (59, [AWAY]), (60, [AWAY]), (90, [AWAY]), (100, WELL), (129, WELL), (130, WELL))
    assert told == [(60, "partner.away", True), (130, "partner.away", False)]


def test_what_flickers_is_told_once() -> None:
    alarms = Alarms()
    assert not seen(alarms, *((at, [AWAY] if at % 20 else WELL) for at in range(0, 300, 10)))
    looks: list[tuple[float, list[tuple[str, Finding]]]] = [(900, WELL)]
    looks += [(at, [AWAY]) for at in range(1000, 1070, 10)]
    looks += [(at, WELL if at % 20 else [AWAY]) for at in range(1070, 1500, 10)]
    assert seen(alarms, *looks) == [(1060, "partner.away", True)]


def test_an_alarm_says_since_when_it_is_so() -> None:
    alarms = Alarms()
    seen(alarms, (0, [AWAY]), (75, [AWAY]))
    (alarm,) = alarms.raised.values()
    assert alarm.since == NOW
    assert alarm.state is State.FAULT


def test_a_new_process_does_not_tell_again_what_was_told() -> None:
    alarms = Alarms()
    seen(alarms, (0, [AWAY]), (60, [AWAY]))
    raw = msgspec.json.encode(list(alarms.raised.values()))
    again = Alarms(msgspec.json.decode(raw, type=list[Alarm]))
    assert not seen(again, (5, [AWAY]), (500, [AWAY]))
    assert seen(again, (600, WELL), (630, WELL)) == [(630, "partner.away", False)]


def test_there_is_an_end_to_alarms() -> None:
    many = [(str(number), found("films.failed", count=1)) for number in range(2 * ALARMS_MAX)]
    alarms = Alarms()
    alarms.see(many, 0, NOW)
    assert len(alarms.raised) == ALARMS_MAX


def codes(picture: Picture, settings: Settings, since: int = NOW) -> set[str]:
    return {finding.code for _, finding in judge(picture, settings, since)} - {"disk.little", "disk.full"}


def test_the_judge_says_what_is_wrong(tmp_path: Path) -> None:
    settings = Settings(data=str(tmp_path))
    change = msgspec.structs.replace
    assert codes(PICTURE, settings) == set()
    cases = {
        "partner.away": change(PICTURE, partners=[change(PARTNER, linked=False)]),
        "partner.behind": change(PICTURE, partners=[change(PARTNER, lag_ms=61_000, backlog=3)]),
        "partner.contradicts": change(PICTURE, partners=[change(PARTNER, proofs=1)]),
        "clock.apart": change(PICTURE, partners=[change(PARTNER, clock_ms=-501)]),
        "janus.down": change(PICTURE, janus="away"),
        "set_aside.twice": change(PICTURE, counts=Counts(set_aside={"log.reused_number": 2, "log.removed": 9})),
        "blobs.missing": change(PICTURE, counts=Counts(blobs_missing=1)),
        "films.failed": change(PICTURE, counts=Counts(films_failed=1)),
        "writer.slow": change(PICTURE, queue=9_000),
        "backup.old": change(PICTURE, backup_at=NOW - 8 * DAY_MS),
    }
    for code, picture in cases.items():
        assert codes(picture, settings) == {code}
    assert codes(change(PICTURE, partners=[PARTNER], janus="off"), settings) == set()
    never = change(PICTURE, backup_at=None)
    assert codes(never, settings) == set()
    assert codes(never, settings, NOW - 8 * DAY_MS) == {"backup.none"}
    assert codes(never, Settings(data=str(tmp_path), backup_days_max=0), 0) == set()


def test_a_clock_is_wrong_only_as_far_as_the_answer_proves() -> None:
    assert _at_least(700, 300) == 400
    assert _at_least(-700, 300) == -400
    assert _at_least(200, 300) == 0


def test_the_operators_program_gets_the_sentence_and_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERBUND_METRICS_TOKEN", "a secret that nobody shall see")
    program, said = tmp_path / "alarm", tmp_path / "said"
    program.write_text(f"#!/bin/sh\n(env; cat) >> {said}\n")
    program.chmod(0o700)
    settings = check(Settings(data=str(tmp_path), name="Werkhof", alarm_command=str(program)))
    alarm = Alarm("partner.away", "P", {"name": "Südnetz", "last": "–"}, NOW)
    messenger.tell(settings, [Change(alarm, raised=True), Change(alarm, raised=False)])
    text = said.read_text("utf-8")
    assert "Werkhof: Südnetz ist nicht erreichbar" in text
    assert "Werkhof: Wieder in Ordnung: Südnetz" in text
    assert "VERBUND_ALARM=partner.away" in text
    assert "VERBUND_ALARM_STATE=over" in text
    assert "a secret" not in text


def test_a_program_that_fails_is_only_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    alarm = Alarm("janus.down", "", {}, NOW)
    for command in ("false", str(tmp_path / "gone")):
        messenger.tell(Settings(data=str(tmp_path), alarm_command=command), [Change(alarm, raised=True)])
    assert [record.levelname for record in caplog.records] == ["ERROR", "ERROR"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"metrics": "public"},
        {"metrics": "token"},
        {"metrics_token": "x" * 40},
        {"metrics": "token", "metrics_token": "short"},
        {"metrics": "loopback", "behind_proxy": True, "url": "https://verbund.lindner.example"},
        {"alarm_command": "no-such-program-here --now"},
        {"alarm_command": "unclosed 'quote"},
        {"backup_days_max": -1},
        {"seal_after_days": -1},
    ],
    ids=repr,
)
def test_settings_that_contradict_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(BadSetting):
        check(Settings(**wrong))  # type: ignore[arg-type]


def test_strangers_see_no_numbers() -> None:
    token = "t" * 32
    closed, local = Settings(), Settings(metrics="loopback")
    guarded = Settings(metrics="token", metrics_token=token)
    assert not may_look(closed, "127.0.0.1", "")
    assert not may_look(closed, "127.0.0.1", "Bearer ")
    assert may_look(local, "127.0.0.1", "")
    assert may_look(local, "::1", "")
    assert not may_look(local, "192.0.2.7", "")
    assert may_look(guarded, "192.0.2.7", f"Bearer {token}")
    assert not may_look(guarded, "127.0.0.1", "")
    assert not may_look(guarded, "127.0.0.1", f"Bearer {token[:-1]}ü")
