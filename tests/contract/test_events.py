"""Every event has a versioned kind, says what happened and how concurrent copies merge, has a rule and a fold."""

import re

import msgspec

from tests.contract.source import import_all, modules
from verbund.log.registry import Event

SORTS = {"organisation", "team", "private", "direct", "meeting", "public", "personal", "account"}
DOC_MIN = 40
_KIND = re.compile(r"[a-z]+\.[a-z]+(_[a-z]+)*\.[1-9][0-9]*")


def events(root: type[Event] = Event) -> list[type[Event]]:
    import_all()
    found = []
    for event in root.__subclasses__():
        own = "kind" in event.__dict__ and event.__module__.startswith("verbund.")
        found += ([event] if own else []) + events(event)
    return sorted(found, key=lambda event: event.kind)


def faults(event: type[Event]) -> list[str]:
    """What is wrong with an event's class."""
    config = event.__struct_config__
    checks = {
        "kind is capability.noun_verbed.version": bool(_KIND.fullmatch(event.kind)),
        "kind begins with its part": event.kind.split(".")[0]
        in (event.__module__.split(".")[1], "authority", "account"),
        "lives in events.py": event.__module__.split(".")[2] == "events",
        "sorts of space are named and known": bool(event.sorts) and event.sorts <= SORTS,
        "frozen, unknown fields forbidden": config.frozen and config.forbid_unknown_fields,
        "docstring says what happened and how copies merge": len((event.__doc__ or "").strip()) >= DOC_MIN,
        "has a schema": bool(msgspec.json.schema(event)),
    }
    return [what for what, holds in checks.items() if not holds]


def test_every_event_is_well_formed() -> None:
    assert events()
    wrong = [f"{event.__name__} ({event.kind}): {what}" for event in events() for what in faults(event)]
    assert not wrong, "\n".join(wrong)


def test_a_kind_means_one_event() -> None:
    kinds = [event.kind for event in events()]
    assert len(kinds) == len(set(kinds))


def test_every_part_with_events_is_known() -> None:
    with_events = {module.part for module in modules() if module.role == "events"}
    assert with_events <= {event.__module__.split(".")[1] for event in events()}, "an events.py without events"
