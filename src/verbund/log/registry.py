"""What the capabilities tell the log: their kinds of event, rules and folds; who is who; who may."""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol

import msgspec
from msgspec.structs import force_setattr
from sqlalchemy import Table

from verbund.base.canonical import NotCanonical
from verbund.base.ids import AccountId, BlobHash, CoreId, DeviceId, ProviderId, SpaceId
from verbund.base.keys import PublicKey
from verbund.base.refusal import Refusal
from verbund.log.core import Core

if TYPE_CHECKING:
    from verbund.log.tx import Reader, Tx


class UnknownKind(Refusal):
    """de: Das kann dieser Anbieter noch nicht. Er braucht eine neuere Version von Verbund.
    en: This provider cannot do that yet. It needs a newer version of Verbund."""

    code = "log.unknown_kind"
    status = 422


class UnknownKindOfStranger(UnknownKind):
    """de: Das kann dieser Anbieter noch nicht, und es kommt von jemandem, der hier nichts schreibt.
    en: This provider cannot do that yet, and it comes from somebody who writes nothing here."""

    code = "log.unknown_kind_of_stranger"


class Event(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, gc=False):
    """A fact: what happened, in the past tense. Subclasses name their `kind` and the sorts of space they belong to."""

    kind: ClassVar[str]
    sorts: ClassVar[frozenset[str]]
    #: Part of the space's authority (members, roles, invitations, providers): replicated before content.
    authority: ClassVar[bool] = False
    #: The first fact of its space.
    founds: ClassVar[bool] = False
    #: Takes bodies away. What was erased somewhere cannot come back, so where such a fact was taken in once it counts
    #: everywhere: a cut refuses it at submit only.
    erases: ClassVar[bool] = False
    #: Its fold needs all that its device wrote before it in the space, in this order. Such a fact never counts ahead of
    #: its place (see early.py).
    ordered: ClassVar[bool] = False
    #: Somebody's own words: goes when everything that this person wrote is to be erased.
    personal: ClassVar[bool] = False

    def part_of(self) -> CoreId | None:
        """What it changes or adds to, by the same author or on behalf of all: where that is erased, this goes too."""
        return None

    def introduces(self) -> PublicKey | None:
        """The key that this event brings for its own signature: the first fact of an account does."""
        return None

    def derived_space(self) -> SpaceId | None:
        """For a founding event whose core names its space: the id that follows from what it says."""
        return None


class Device(NamedTuple):
    """Who holds a key: a person's device, a provider's, or an agent's with its limits (None = none)."""

    key: PublicKey
    actor: AccountId | ProviderId
    sort: str
    kinds: frozenset[str] | None = None
    spaces: frozenset[str] | None = None


class Fact(msgspec.Struct, frozen=True, gc=False):
    """An event with all that rules and folds need to know about it."""

    id: CoreId
    space: SpaceId
    sort: str
    core: Core
    actor: AccountId | ProviderId
    device: Device
    event: Any
    blobs: tuple[BlobHash, ...]
    stamp: str
    at: int
    position: int

    def placed(self, at: int, position: int) -> "Fact":
        """The same at its place, while it is still its maker's alone."""
        force_setattr(self, "at", at)
        force_setattr(self, "position", position)
        return self

    @property
    def dev(self) -> DeviceId:
        return self.core.dev

    @property
    def ds(self) -> int:
        return self.core.ds

    @property
    def t(self) -> str:
        return self.core.t

    @property
    def re(self) -> tuple[CoreId, ...]:
        return self.core.re

    @property
    def by_provider(self) -> bool:
        return self.device.sort == "provider"


class Authority(Protocol):
    """The state of a space's authority at some heads. Rules know the real class; the log asks only this."""

    sort: str

    def includes(self, core: CoreId) -> bool:
        """Whether this fact is among those that the state was made of."""

    def role_of(self, account: str) -> str | None:
        """What somebody is in the space; None for a stranger."""


class Authorities(Protocol):
    """Who may: implemented by `spaces`."""

    def at(self, view: "Reader", space: SpaceId, heads: tuple[CoreId, ...]) -> Authority | None:
        """The state that an author with these heads had seen; None for a space that does not exist."""

    def founded(self, fact: Fact) -> Authority:
        """The state that a founding fact begins with, for its own rule."""


class Directory(Protocol):
    """Who is who: implemented by `accounts`."""

    def device(self, view: "Reader", dev: DeviceId) -> Device | None: ...

    def devices(self, view: "Reader", space: SpaceId) -> set[DeviceId]:
        """Those that are somebody's because of what stands in this space."""


class Rule(NamedTuple):
    """What may become a fact; see `rule`."""

    may: Callable[[Fact, Any], None]
    admits: "Callable[[Fact, Reader], None] | None"


class Order(NamedTuple):
    """An order of erasure: all that these devices of an account wrote up to a time, says the fact `by`."""

    by: CoreId
    account: AccountId
    devices: Sequence[DeviceId]
    until: str


class Gone(NamedTuple):
    """A fact whose body an order of erasure takes away; not `whole` where it is gone already."""

    id: CoreId
    position: int
    kind: str
    stamp: str
    whole: bool


Fold = Callable[["Tx", Fact], None]
#: What an order takes away in a space, all of one account: the rows that were folded of it go.
Forget = Callable[["Tx", SpaceId, AccountId, list[Gone]], None]
Overtaken = Callable[["Tx", Fact], bool]


def rule(may: Callable[[Fact, Any], None], admits: "Callable[[Fact, Reader], None] | None" = None) -> Rule:
    """`may` looks at the authority alone (at submit and accept), `admits` at local state (at submit only)."""
    return Rule(may, admits)


def _nothing(*_: object) -> None:
    """Where there are no blobs."""


def _none(*_: object) -> int:
    return 0


def _never(*_: object) -> bool:
    """Where nothing is erased."""
    return False


class Kind(NamedTuple):
    """`overtaken` says of a fact that was set aside, or that comes after what builds on it, whether its body is to go:
    what it is part of was withdrawn. If it was not, it notes what a withdrawal has to take along."""

    event: type[Event]
    rule: Rule
    fold: Fold
    overtaken: Overtaken = _never

    def read(self, data: dict[str, Any]) -> Event:
        """The event of a body. Raises NotCanonical."""
        try:
            return msgspec.convert(data, self.event)
        except msgspec.ValidationError as error:
            raise NotCanonical(reason=str(error)) from error


class Registry:
    """Every kind of event that this version understands."""

    def __init__(self) -> None:
        self._kinds: dict[str, Kind] = {}
        #: Tables that folds fill; each has a column `space`. A rebuild empties them.
        self.projected: list[Table] = []
        #: For facts that name blobs, whatever their kind: a rule at submit, a fold, and what an erasure takes back.
        self.admit_blobs: Callable[[Fact, Reader], None] = _nothing
        self.fold_blobs: Callable[[Tx, Fact], None] = _nothing
        self.drop_blobs: Callable[[Tx, CoreId], int] = _none
        #: What each capability does when everything that somebody wrote is erased.
        self.forgets: list[Forget] = []

    def register(
        self,
        events: Iterable[type[Event]],
        rules: dict[type[Event], Rule],
        folds: dict[type[Event], Fold],
        projected: Iterable[Table],
        overtaken: dict[type[Event], Overtaken] | None = None,
        forget: Forget | None = None,
    ) -> None:
        """One capability's kinds. Every event needs a rule and a fold; `forget` whoever has personal ones."""
        late = overtaken or {}
        for event in events:
            self._kinds[event.kind] = Kind(event, rules[event], folds[event], late.get(event, _never))
        self.projected += list(projected)
        self.forgets += [forget] if forget is not None else []

    def register_blobs(
        self,
        admit: "Callable[[Fact, Reader], None]",
        fold: "Callable[[Tx, Fact], None]",
        drop: "Callable[[Tx, CoreId], int]",
        projected: Iterable[Table],
    ) -> None:
        """What the blobs do for the facts of every kind that name some."""
        self.admit_blobs, self.fold_blobs, self.drop_blobs = admit, fold, drop
        self.projected += list(projected)

    def kind(self, name: str) -> Kind | None:
        return self._kinds.get(name)

    def is_personal(self, name: str) -> bool:
        kind = self._kinds.get(name)
        return kind is not None and kind.event.personal

    def kinds(self) -> list[Kind]:
        return [self._kinds[name] for name in sorted(self._kinds)]

    def read(self, name: str, data: dict[str, Any]) -> Event:
        """The event of a body. Raises UnknownKind, NotCanonical."""
        kind = self._kinds.get(name)
        if kind is None:
            raise UnknownKind(kind=name)
        return kind.read(data)
