"""The one place that says what is wrong: a picture in, findings out. Pure, but for the checks of the place itself."""

from collections.abc import Iterator
from datetime import UTC, datetime

from verbund.base.settings import Settings
from verbund.log.judge import NumberUsed
from verbund.log.registry import UnknownKind
from verbund.log.writer import QUEUE_MAX
from verbund.ops import place
from verbund.ops.finding import Finding, State, found
from verbund.ops.watch.picture import Partner, Picture

LAG_MS_MAX = 60_000
CLOCK_MS_MAX = 500
DAY_MS = 24 * 3600 * 1000
#: Of these checks of the place nothing else but time changes the answer.
CHECKS = (place.check_disk, place.check_certificate)


def judge(picture: Picture, settings: Settings, known_since: int) -> Iterator[tuple[str, Finding]]:
    """(what it is about, finding) for everything that is not as it should be. `known_since`: when this installation
    began (ms)."""
    for check in CHECKS:
        finding = check(settings)
        if finding.state is not State.OK:
            yield "", finding
    for partner in picture.partners:
        yield from ((partner.provider, finding) for finding in _of_partner(partner))
    yield from (("", finding) for finding in _of_backup(picture, settings, known_since))
    if picture.janus == "away":
        yield "", found("janus.down")
    twice = picture.counts.set_aside.get(NumberUsed.code, 0)
    if twice:
        yield "", found("set_aside.twice", count=twice)
    newer = picture.counts.set_aside.get(UnknownKind.code, 0)
    if newer:
        yield "", found("set_aside.newer", count=newer)
    if picture.queue > QUEUE_MAX // 2:
        yield "", found("writer.slow", queue=picture.queue)
    if picture.counts.blobs_missing:
        yield "", found("blobs.missing", count=picture.counts.blobs_missing)
    if picture.counts.films_failed:
        yield "", found("films.failed", count=picture.counts.films_failed)


def _of_partner(one: Partner) -> Iterator[Finding]:
    if not one.linked:
        yield found("partner.away", name=one.name, last=_moment(one.equal_at))
    elif one.lag_ms > LAG_MS_MAX:
        yield found("partner.behind", name=one.name, entries=one.backlog, minutes=one.lag_ms // 60_000)
    if one.proofs:
        yield found("partner.contradicts", name=one.name, count=one.proofs)
    if one.clock_ms is not None and abs(one.clock_ms) > CLOCK_MS_MAX:
        # Told without the number, which changes all the time: the same alarm stays the same.
        yield found("clock.apart", name=one.name)


def _of_backup(picture: Picture, settings: Settings, known_since: int) -> Iterator[Finding]:
    days = settings.backup_days_max
    if not days:
        return
    if picture.backup_at is None:
        if picture.at - known_since > days * DAY_MS:
            yield found("backup.none", days=days)
    elif picture.at - picture.backup_at > days * DAY_MS:
        yield found("backup.old", last=_moment(picture.backup_at), days=days)


def _moment(at_ms: int | None) -> str:
    if at_ms is None:
        return "–"
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone().strftime("%d.%m.%Y %H:%M")
