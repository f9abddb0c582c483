"""The picture in the text format of Prometheus."""

from collections.abc import Callable, Iterable, Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric

from verbund import __version__
from verbund.ops.watch.alarms import Alarm
from verbund.ops.watch.picture import Partner, Picture

COMMIT_BUCKETS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
_PARTNER = ["partner", "name"]


class Commits:
    """How long commits take, and how much is in one. Counted in the writer's thread."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._seconds = Histogram(
            "verbund_commit_seconds", "Time of one commit, flush to disk included",
            registry=self._registry, buckets=COMMIT_BUCKETS_S,
        )  # fmt: skip
        self._jobs = Counter("verbund_commit_jobs", "Pieces of work committed", registry=self._registry)

    def measured(self, seconds: float, count: int) -> None:
        """One commit with so much work in it."""
        self._seconds.observe(seconds)
        self._jobs.inc(count)

    def text(self) -> bytes:
        return generate_latest(self._registry)


def text(picture: Picture, alarms: Iterable[Alarm], commits: Commits) -> bytes:
    """Everything, for one scrape."""
    registry = CollectorRegistry()
    registry.register(_Once([*_of_partners(picture), *_of_all(picture), _of_alarms(alarms)]))
    return generate_latest(registry) + commits.text()


class _Once:
    """A collector of what is known already."""

    def __init__(self, found: list[Metric]) -> None:
        self._found = found

    def collect(self) -> Iterator[Metric]:
        yield from self._found


def _of_partners(picture: Picture) -> Iterator[Metric]:
    table: dict[str, tuple[str, Callable[[Partner], float]]] = {
        "verbund_partner_linked": ("1 while the link to the partner stands", lambda one: int(one.linked)),
        "verbund_partner_lag_seconds": ("Age of the oldest entry it has not got", lambda one: one.lag_ms / 1000),
        "verbund_partner_backlog_entries": ("Entries it has not got", lambda one: one.backlog),
        "verbund_partner_backlog_bytes": ("The same in bytes, about", lambda one: one.backlog_bytes),
        "verbund_partner_equal_timestamp_seconds": (
            "When it last had everything", lambda one: (one.equal_at or 0) / 1000
        ),
        "verbund_partner_proofs": ("Contradictions it was found in", lambda one: one.proofs),
    }  # fmt: skip
    for name, (about, value) in table.items():
        metric = GaugeMetricFamily(name, about, labels=_PARTNER)
        for one in picture.partners:
            metric.add_metric([one.provider, one.name], value(one))
        yield metric
    clocks = GaugeMetricFamily("verbund_partner_clock_seconds", "How far its clock is ahead, at least", labels=_PARTNER)
    for one in picture.partners:
        if one.clock_ms is not None:
            clocks.add_metric([one.provider, one.name], one.clock_ms / 1000)
    yield clocks


def _of_all(picture: Picture) -> Iterator[Metric]:
    yield InfoMetricFamily("verbund", "The release that runs", value={"version": __version__})
    counts = picture.counts
    for name, about, value in (
        ("verbund_undurable_entries", "Own entries that not enough providers have yet", picture.undurable),
        ("verbund_waiting_cores", "Facts that wait for others", counts.waiting),
        ("verbund_writer_queue", "Work that waits to be written", picture.queue),
        ("verbund_sockets", "Open sockets of browsers", picture.sockets),
        ("verbund_calls", "Calls that run here", picture.calls),
        ("verbund_blobs_missing", "Files that facts name and that are not here", counts.blobs_missing),
        ("verbund_disk_free_bytes", "Free on the disk of the data folder", picture.disk_free),
        ("verbund_janus_up", "1 while Janus runs or is not wanted", int(picture.janus != "away")),
        ("verbund_backup_timestamp_seconds", "When the last backup ended, 0: never", (picture.backup_at or 0) / 1000),
    ):
        yield GaugeMetricFamily(name, about, value=value)
    aside = GaugeMetricFamily("verbund_set_aside_cores", "Facts that are kept and never shown", labels=["reason"])
    for reason, count in sorted(counts.set_aside.items()):
        aside.add_metric([reason], count)
    yield aside
    films = GaugeMetricFamily("verbund_film_jobs", "Films on their way", labels=["state"])
    films.add_metric(["waiting"], counts.films_waiting)
    films.add_metric(["failed"], counts.films_failed)
    yield films


def _of_alarms(alarms: Iterable[Alarm]) -> Metric:
    metric = GaugeMetricFamily("verbund_alarm", "1 for each alarm that holds", labels=["code", "state", "about"])
    for one in alarms:
        metric.add_metric([one.code, one.state.name.lower(), one.about], 1)
    return metric
