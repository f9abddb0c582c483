"""Shapes of calls that leave the server."""

from typing import Any

from msgspec import Struct

from verbund.base.ids import AccountId, CoreId


class CallShape(Struct, frozen=True):
    """A call in the conversation. `seconds` null: not over; `people`: who took part (so far)."""

    id: CoreId
    author: AccountId
    t: str
    at: int
    seconds: int | None
    people: list[AccountId]


class CallPage(Struct, frozen=True):
    """Calls in order, oldest first, and whether there are older ones."""

    calls: list[CallShape]
    more_before: bool


class RunningCall(Struct, frozen=True):
    """What goes on in a space now: `running` is null when nobody is in a call (shape of the signal `meet.people`)."""

    available: bool
    running: dict[str, Any] | None
