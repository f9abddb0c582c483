"""The facts of a space itself: who founded it, who belongs to it, what it is called."""

from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from verbund.accounts.events import Algorithm, AnyDevice, AnyProvider, AnySpace, KeyText, Number
from verbund.base.ids import AccountId, CoreId, SpaceId, direct_space, personal_space
from verbund.log.registry import Event

TITLE_CHARS_MAX = 120
NOTE_CHARS_MAX = 120
DESCRIPTION_CHARS_MAX = 2000
PROVIDERS_MAX = 16
DIRECT_PEOPLE_MAX = 12
CUT_DEVICES_MAX = 600
HEADS_MAX = 4
USES_MAX = 10_000
REASON_CHARS_MAX = 300
_HASH = r"\A[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]\Z"

AnyAccount = Annotated[AccountId, Meta(pattern=_HASH)]
AnyCore = Annotated[CoreId, Meta(pattern=_HASH)]
Title = Annotated[str, Meta(min_length=1, max_length=TITLE_CHARS_MAX)]
Sort = Literal["organisation", "team", "private", "meeting", "public"]
Role = Literal["owner", "admin", "member", "guest"]
AddressForm = Literal["sie", "du"]
Deed = Literal["provider_removed", "person_erased", "owner_removed", "owner_demoted"]
Stamp = Annotated[str, Meta(pattern=r"\A[0-9a-f]{16}\Z")]
Cuts = Annotated[dict[AnyDevice, Number], Meta(max_length=CUT_DEVICES_MAX)]
FOUNDED = frozenset({"organisation", "team", "private", "meeting", "public"})


class SpaceCreated(Event, frozen=True):
    """Somebody founded a space and owns it. The first fact of the space, whose id is its own; nothing is concurrent."""

    kind: ClassVar[str] = "authority.space_created.1"
    sorts: ClassVar[frozenset[str]] = FOUNDED
    authority: ClassVar[bool] = True
    founds: ClassVar[bool] = True

    sort: Sort
    title: Title
    parent: AnySpace | None
    account: AnyAccount
    providers: Annotated[tuple[AnyProvider, ...], Meta(max_length=PROVIDERS_MAX)]
    address_form: AddressForm


class DirectOpened(Event, frozen=True):
    """Somebody began the conversation of these people. Its id follows from the people, so two beginnings are one."""

    kind: ClassVar[str] = "authority.direct_opened.1"
    sorts: ClassVar[frozenset[str]] = frozenset({"direct"})
    authority: ClassVar[bool] = True
    founds: ClassVar[bool] = True

    people: Annotated[tuple[AnyAccount, ...], Meta(min_length=2, max_length=DIRECT_PEOPLE_MAX)]

    def derived_space(self) -> SpaceId:
        return direct_space(list(self.people))


class PersonalOpened(Event, frozen=True):
    """Somebody began the space that is theirs alone. Its id follows from the account, so two beginnings are one."""

    kind: ClassVar[str] = "authority.personal_opened.1"
    sorts: ClassVar[frozenset[str]] = frozenset({"personal"})
    authority: ClassVar[bool] = True
    founds: ClassVar[bool] = True

    account: AnyAccount

    def derived_space(self) -> SpaceId:
        return personal_space(self.account)


class InvitationMade(Event, frozen=True):
    """Somebody made an invitation; its id is this core's. Whoever holds the private half of `key` may join with `role`.
    Concurrent invitations are different ones."""

    kind: ClassVar[str] = "authority.invitation_made.1"
    sorts: ClassVar[frozenset[str]] = FOUNDED
    authority: ClassVar[bool] = True

    key: KeyText
    role: Literal["admin", "member", "guest"]
    expires_at: Number | None
    uses_max: Annotated[int, Meta(ge=1, le=USES_MAX)] | None
    note: Annotated[str, Meta(max_length=NOTE_CHARS_MAX)]


class InvitationWithdrawn(Event, frozen=True):
    """An invitation opens the door no longer. A join that had not seen this stands; copies are one."""

    kind: ClassVar[str] = "authority.invitation_withdrawn.1"
    sorts: ClassVar[frozenset[str]] = FOUNDED
    authority: ClassVar[bool] = True

    invitation: AnyCore


class MemberJoined(Event, frozen=True):
    """Somebody joined, by an invitation's signature or, into a team, as a member of its organisation at `parent_heads`.
    Joining twice is joining once; the higher role stays."""

    kind: ClassVar[str] = "authority.member_joined.1"
    sorts: ClassVar[frozenset[str]] = FOUNDED
    authority: ClassVar[bool] = True

    account: AnyAccount
    invitation: AnyCore | None
    proof: Annotated[str, Meta(max_length=88)] | None
    parent_heads: Annotated[tuple[AnyCore, ...], Meta(max_length=HEADS_MAX)]


class MemberAdded(Event, frozen=True):
    """Somebody who leads the space took a person in. Concurrent additions and changes of role: the last writer wins."""

    kind: ClassVar[str] = "authority.member_added.1"
    sorts: ClassVar[frozenset[str]] = FOUNDED
    authority: ClassVar[bool] = True

    account: AnyAccount
    role: Role


class RoleChanged(Event, frozen=True):
    """A member has another role. Concurrent changes: the last writer wins; a concurrent removal wins over both, and
    what somebody did with a higher role while losing it does not count."""

    kind: ClassVar[str] = "authority.role_changed.1"
    sorts: ClassVar[frozenset[str]] = FOUNDED
    authority: ClassVar[bool] = True

    account: AnyAccount
    role: Role


class MemberRemoved(Event, frozen=True):
    """A member left or was removed. It wins over what that person did concurrently: cores after the cut of their device
    are set aside, a device without a cut has cut 0. Who comes back counts from there on. Of two who remove each other
    the one whose word weighs more stays: the higher role, then who was there earlier. A space that loses its last owner
    falls to whoever weighs most."""

    kind: ClassVar[str] = "authority.member_removed.1"
    sorts: ClassVar[frozenset[str]] = FOUNDED
    authority: ClassVar[bool] = True

    account: AnyAccount
    cuts: Cuts


class SpaceArchived(Event, frozen=True):
    """The space was closed for new content, or opened again. The last writer wins."""

    kind: ClassVar[str] = "authority.space_archived.1"
    sorts: ClassVar[frozenset[str]] = FOUNDED
    authority: ClassVar[bool] = True

    archived: bool


class ProviderAdded(Event, frozen=True):
    """The space lives at one more provider. Added and removed at once: the last writer wins."""

    kind: ClassVar[str] = "authority.provider_added.1"
    sorts: ClassVar[frozenset[str]] = FOUNDED
    authority: ClassVar[bool] = True

    provider: AnyProvider
    alg: Algorithm
    key: KeyText
    name: Annotated[str, Meta(max_length=80)]
    url: Annotated[str, Meta(max_length=200, pattern=r"\Ahttps?://")]


class ProviderRemoved(Event, frozen=True):
    """The space lives at this provider no longer. Added and removed at once: the last writer wins."""

    kind: ClassVar[str] = "authority.provider_removed.1"
    sorts: ClassVar[frozenset[str]] = FOUNDED
    authority: ClassVar[bool] = True

    provider: AnyProvider


class MotionMade(Event, frozen=True):
    """An owner wants something that cannot be taken back; its id is this core's. It takes place when another owner
    seconds it, or after a day, unless an owner stops it. Two motions are two."""

    kind: ClassVar[str] = "authority.motion_made.1"
    sorts: ClassVar[frozenset[str]] = FOUNDED
    authority: ClassVar[bool] = True

    deed: Deed
    provider: AnyProvider | None = None
    account: AnyAccount | None = None
    reason: Annotated[str, Meta(max_length=REASON_CHARS_MAX)] = ""


class MotionSeconded(Event, frozen=True):
    """Another owner agrees to a motion: it takes place at once. Copies are one."""

    kind: ClassVar[str] = "authority.motion_seconded.1"
    sorts: ClassVar[frozenset[str]] = FOUNDED
    authority: ClassVar[bool] = True

    motion: AnyCore


class MotionStopped(Event, frozen=True):
    """An owner stopped a motion. It wins over agreement and time; what had taken place before its provider knew of it
    stays so. Copies are one."""

    kind: ClassVar[str] = "authority.motion_stopped.1"
    sorts: ClassVar[frozenset[str]] = FOUNDED
    authority: ClassVar[bool] = True

    motion: AnyCore


class ErasureOrdered(Event, frozen=True):
    """All that somebody wrote in the space up to `until` is erased: by their own will, by a motion of the owners that a
    provider carries out, or as the parent decided. It counts everywhere once it was taken in anywhere, over every
    removal; several are all carried out."""

    kind: ClassVar[str] = "authority.erasure_ordered.1"
    sorts: ClassVar[frozenset[str]] = FOUNDED | {"direct"}
    authority: ClassVar[bool] = True
    erases: ClassVar[bool] = True

    account: AnyAccount
    until: Stamp
    reason: Annotated[str, Meta(max_length=REASON_CHARS_MAX)] = ""


class HomeChosen(Event, frozen=True):
    """An organisation said which of its providers is its home: where its people sign in first. The last writer wins; a
    home that the space lives at no longer is none."""

    kind: ClassVar[str] = "authority.home_chosen.1"
    sorts: ClassVar[frozenset[str]] = frozenset({"organisation"})
    authority: ClassVar[bool] = True

    provider: AnyProvider


class SpaceDescribed(Event, frozen=True):
    """The space's title, description and form of address. The last writer wins, for all three together."""

    kind: ClassVar[str] = "spaces.space_described.1"
    sorts: ClassVar[frozenset[str]] = FOUNDED

    title: Title
    description: Annotated[str, Meta(max_length=DESCRIPTION_CHARS_MAX)]
    address_form: AddressForm


EVENTS: tuple[type[Event], ...] = (
    SpaceCreated,
    DirectOpened,
    PersonalOpened,
    InvitationMade,
    InvitationWithdrawn,
    MemberJoined,
    MemberAdded,
    RoleChanged,
    MemberRemoved,
    SpaceArchived,
    ProviderAdded,
    ProviderRemoved,
    MotionMade,
    MotionSeconded,
    MotionStopped,
    ErasureOrdered,
    HomeChosen,
    SpaceDescribed,
)
