"""The fact by which a provider answers for an erasure."""

from typing import Annotated, ClassVar

from msgspec import Meta

from verbund.base.ids import CoreId
from verbund.log.registry import Event

SORTS = frozenset({"organisation", "team", "private", "direct", "meeting", "public"})
COUNT_MAX = 2**53 - 1
_HASH = r"\A[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]\Z"

Count = Annotated[int, Meta(ge=0, le=COUNT_MAX)]


class ErasureConfirmed(Event, frozen=True):
    """A provider has carried out an order of erasure: so many bodies and files are gone from its disks. Its copies are
    one, the latest."""

    kind: ClassVar[str] = "erasure.erasure_confirmed.1"
    sorts: ClassVar[frozenset[str]] = SORTS

    order: Annotated[CoreId, Meta(pattern=_HASH)]
    bodies: Count
    files: Count


EVENTS: tuple[type[Event], ...] = (ErasureConfirmed,)
