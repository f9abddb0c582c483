"""Facts of calls."""

from typing import Annotated, ClassVar

from msgspec import Meta

from verbund.base.ids import AccountId, CoreId, ProviderId
from verbund.log.registry import Event

CALL_PEOPLE_MAX = 100
CALL_SECONDS_MAX = 7 * 24 * 3600

TALK = frozenset({"organisation", "team", "private", "direct", "meeting"})

AnyCore = Annotated[CoreId, Meta(pattern=r"^[A-Za-z0-9_-]{43}$")]
Nonce = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{16,43}$")]
AnyProvider = Annotated[ProviderId, Meta(pattern=r"^[A-Za-z0-9_-]{43}$")]
AnyAccount = Annotated[AccountId, Meta(pattern=r"^[A-Za-z0-9_-]{43}$")]


class CallStarted(Event, frozen=True):
    """Somebody began a call; its id is the fact's. It is at the provider that took this in. Of two begun at once, at
    one provider or at two, the first is kept and the other ended with nobody in it. `call`: the room it is for."""

    kind: ClassVar[str] = "meet.call_started.1"
    sorts: ClassVar[frozenset[str]] = TALK

    call: Nonce


class CallJoined(Event, frozen=True):
    """Somebody came into a call. Per person the first time counts."""

    kind: ClassVar[str] = "meet.call_joined.1"
    sorts: ClassVar[frozenset[str]] = TALK

    call: AnyCore


class CallLeft(Event, frozen=True):
    """Somebody went out of a call. Per person the last time counts."""

    kind: ClassVar[str] = "meet.call_left.1"
    sorts: ClassVar[frozenset[str]] = TALK

    call: AnyCore


class CallMoved(Event, frozen=True):
    """The call goes on at another provider, which says so: its own was gone. The latest counts."""

    kind: ClassVar[str] = "meet.call_moved.1"
    sorts: ClassVar[frozenset[str]] = TALK

    call: AnyCore
    to: AnyProvider


class CallEnded(Event, frozen=True):
    """The last person is gone: how long it was and who took part, as the provider that ran it saw it. Two providers'
    copies are one: the longer wins, of equally long ones the later."""

    kind: ClassVar[str] = "meet.call_ended.1"
    sorts: ClassVar[frozenset[str]] = TALK

    call: AnyCore
    seconds: Annotated[int, Meta(ge=0, le=CALL_SECONDS_MAX)]
    people: Annotated[tuple[AnyAccount, ...], Meta(max_length=CALL_PEOPLE_MAX)]


EVENTS: tuple[type[Event], ...] = (CallStarted, CallJoined, CallLeft, CallMoved, CallEnded)
