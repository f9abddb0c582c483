"""When a finding is told: after it has stayed for a while, once, and again when all has been well for a while. Pure."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec

from verbund.ops.finding import Finding, State, found

ALARMS_MAX = 200
#: Check → (s that it must stay, s that all must be well). What flickers is told once, not each time.
PATIENCE_S: dict[str, tuple[float, float]] = {
    "partner.away": (60, 30),
    "partner.behind": (120, 120),
    "clock.apart": (150, 300),
    "disk.little": (60, 900),
    "disk.full": (30, 300),
    "janus.down": (60, 60),
    "blobs.missing": (3600, 60),
    "writer.slow": (30, 120),
}
PATIENCE_OTHER_S = (0.0, 60.0)


class Alarm(msgspec.Struct, frozen=True):
    """A finding that is told. `about`: the partner's id, or nothing; `since` in ms."""

    code: str
    about: str
    fields: dict[str, Any]
    since: int

    @property
    def finding(self) -> Finding:
        return found(self.code, **self.fields)

    @property
    def state(self) -> State:
        return self.finding.state

    def sentence(self, language: str = "de") -> str:
        return self.finding.sentence(language)


class Change(NamedTuple):
    """An alarm began (`raised`) or is over."""

    alarm: Alarm
    raised: bool


Key = tuple[str, str]


class Alarms:
    """Who flickers is told once. `raised` may come from an earlier process: then it is not told again."""

    def __init__(self, raised: Iterable[Alarm] = ()) -> None:
        self.raised: dict[Key, Alarm] = {(one.code, one.about): one for one in raised}
        self._seen: dict[Key, float] = {}
        self._well: dict[Key, float] = {}

    def see(self, findings: Iterable[tuple[str, Finding]], now_s: float, at_ms: int) -> list[Change]:
        """What is to be told now. `now_s` of a clock that only goes forward; `at_ms` is what people call the time."""
        here = dict(list({(one.code, about): one for about, one in findings}.items())[:ALARMS_MAX])
        return [*self._begin(here, now_s, at_ms), *self._end(here, now_s)]

    def _begin(self, here: dict[Key, Finding], now_s: float, at_ms: int) -> list[Change]:
        told = []
        self._seen = {key: self._seen.get(key, now_s) for key in here}
        for key, finding in here.items():
            self._well.pop(key, None)
            held = self.raised.get(key)
            if held is not None:
                self.raised[key] = msgspec.structs.replace(held, fields=finding.fields)
            elif now_s - self._seen[key] >= _patience(key)[0]:
                began = at_ms - int((now_s - self._seen[key]) * 1000)
                self.raised[key] = Alarm(finding.code, key[1], finding.fields, began)
                told.append(Change(self.raised[key], True))
        return told

    def _end(self, here: dict[Key, Finding], now_s: float) -> list[Change]:
        told = []
        for key in [key for key in self.raised if key not in here]:
            self._well.setdefault(key, now_s)
            if now_s - self._well[key] >= _patience(key)[1]:
                del self._well[key]
                told.append(Change(self.raised.pop(key), False))
        return told


def _patience(key: Key) -> tuple[float, float]:
    return PATIENCE_S.get(key[0], PATIENCE_OTHER_S)
