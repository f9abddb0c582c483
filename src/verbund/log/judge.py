"""The heart, sans-IO: what becomes of a parcel. Reads through a view that is passed in; writes nothing."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

from msgspec import UNSET

from verbund.base.clock import FUTURE_MAX_MS, FromTheFuture, ms_of
from verbund.base.ids import CoreId, DeviceId, SpaceId
from verbund.base.keys import check_key
from verbund.base.refusal import Refusal, Unknown
from verbund.log.core import Parsed, WrongSignature, check_signature
from verbund.log.entry import QUARANTINED, SETTLED, VOID, WAITING
from verbund.log.registry import (
    Authorities,
    Authority,
    Device,
    Event,
    Fact,
    Kind,
    Registry,
    UnknownKind,
    UnknownKindOfStranger,
)
from verbund.log.tx import Head

MISSING_MAX = 16
PROVIDER_CLOCK_MS_MAX = 24 * 3600 * 1000


class NumberUsed(Refusal):
    """de: Dieses Gerät hat dieselbe Nummer zweimal vergeben. Melden Sie es ab und wieder an.
    en: This device used the same number twice. Sign it out and in again."""

    code = "log.reused_number"
    status = 409


class WrongSpace(Refusal):
    """de: Das gehört nicht in diesen Bereich.
    en: This does not belong in this space."""

    code = "log.misplaced"
    status = 422


class AgentLimited(Refusal):
    """de: Dieser Zugang darf das nicht. In der Kontoverwaltung steht, wofür er gilt.
    en: This access may not do that. The account page says what it is for."""

    code = "log.limited_agent"
    status = 403


class Removed(Refusal):
    """de: Sie gehören nicht mehr zu diesem Bereich.
    en: You no longer belong to this space."""

    code = "log.removed"
    status = 403


class Withheld(Refusal):
    """de: Der Inhalt dieser Nachricht fehlt.
    en: The content of this message is missing."""

    code = "log.bodiless"
    status = 422


class View(Protocol):
    """What judging needs to know. The store's reader is one; the simulator has another."""

    def head(self, space: SpaceId, dev: DeviceId) -> Head: ...
    def state(self, core: CoreId) -> int | None: ...
    def is_loose(self, core: CoreId) -> bool: ...
    def before_loose(self, space: SpaceId, dev: DeviceId, ds: int) -> list[CoreId]: ...
    def lacks_number(self, space: SpaceId, dev: DeviceId, ds: int) -> bool: ...
    def lacking(self, cores: Iterable[CoreId]) -> list[CoreId]: ...
    def numbered(self, space: SpaceId, dev: DeviceId, ds: int) -> CoreId | None: ...
    def twins(self, space: SpaceId, dev: DeviceId, ds: int) -> Sequence[CoreId]: ...
    def device(self, dev: DeviceId) -> Device | None: ...
    def previous(self, core: CoreId) -> CoreId | None: ...
    def own_authority(self, space: SpaceId, dev: DeviceId, before: int) -> tuple[CoreId, ...]: ...
    def cuts(self, space: SpaceId, dev: DeviceId) -> list[tuple[int, CoreId]]: ...
    def now_ms(self) -> int: ...


class Take(NamedTuple):
    """Append it and fold it."""

    fact: Fact
    kind: Kind


class Known(NamedTuple):
    """It is here already."""

    state: int


class Ask(NamedTuple):
    """Something that it builds on is not here: the device's next number and last core, and what is missing."""

    ds: int
    dp: CoreId | None
    missing: tuple[str, ...]


class Refuse(NamedTuple):
    """A rule said no. With `void` its number is used up and a header stays; without, nothing is kept."""

    refusal: Refusal
    void: bool


class Hold(NamedTuple):
    """Keep it, fold it once these are here."""

    missing: tuple[str, ...]


class SetAside(NamedTuple):
    """Keep it, never show it. `take`: what it would be otherwise, where its body says so."""

    reason: str
    take: Take | None = None


Submitted = Take | Known | Ask | Refuse
Accepted = Take | Known | Hold | SetAside


class Judge:
    """The rules of the log over a registry and the space's authorities. No state of its own."""

    def __init__(self, registry: Registry, authorities: Authorities) -> None:
        self.registry = registry
        self.authorities = authorities

    def submit(self, parsed: Parsed, view: View) -> Submitted:
        """What becomes of an own person's parcel. May consult clock and local state."""
        head = view.head(parsed.space, parsed.core.dev)
        state = None if parsed.core.ds > head[0] else view.state(parsed.id)
        if state is not None:
            return self._known(parsed, view, state)
        try:
            device = self.signer(parsed, view)
        except Refusal as refusal:
            return Refuse(refusal, void=False)
        gap = self._gap(parsed, view, head)
        if gap is not None:
            return gap
        try:
            return self._admit(parsed, device, view)
        except Refusal as refusal:
            return Refuse(refusal, void=True)

    @staticmethod
    def _known(parsed: Parsed, view: View, state: int) -> Known | Refuse:
        """Only who signed it hears what became of it."""
        device = view.device(parsed.core.dev)
        try:
            if device is not None:
                check_signature(parsed, device.key)
        except WrongSignature as refusal:
            return Refuse(refusal, void=False)
        return Known(state)

    def accept(self, parsed: Parsed, view: View, at: int) -> Accepted:
        """What becomes of a partner's entry. Consults no clock, counter or local state: only what replicas share.

        Raises WrongSignature: then the partner is at fault and nothing of its answer is taken.
        """
        state = state_of(parsed, view)
        if state in (SETTLED, WAITING, QUARANTINED):
            return Known(state)
        missing = self._missing(parsed, view) or self._out_of_order(parsed, view)
        if view.device(parsed.core.dev) is None:
            event = self._peek(parsed)
            if event is None or event.introduces() is None:
                return Hold((*missing, parsed.core.dev))
        device = self.signer(parsed, view)
        if missing:
            return Hold(missing)
        is_new = view.lacks_number(parsed.space, parsed.core.dev, parsed.core.ds)
        twins = () if is_new else view.twins(parsed.space, parsed.core.dev, parsed.core.ds)
        if any(twin < parsed.id for twin in twins):  # whichever came first
            return SetAside(NumberUsed.code)
        return self._weigh(parsed, device, view, at)

    def read(self, parsed: Parsed, view: View, at: int) -> Accepted:
        """A core that was settled before, as a fact again."""
        device = view.device(parsed.core.dev)
        return SetAside(Unknown.code) if device is None else self._weigh(parsed, device, view, at)

    def _weigh(self, parsed: Parsed, device: Device, view: View, at: int) -> Accepted:
        try:
            event, kind = self._event(parsed)
            authority = self._authority(parsed, event, device, view, at)
        except UnknownKind:
            return self._newer(parsed, device, view, at)
        except Refusal as refusal:
            return SetAside(refusal.code)
        if authority is None:
            return Hold((parsed.space,))
        take = Take(_fact(parsed, event, device, authority.sort, at), kind)
        try:
            self._may(take, authority, [] if event.erases else view.cuts(parsed.space, parsed.core.dev))
        except Refusal as refusal:
            return SetAside(refusal.code, take)
        return take

    def _newer(self, parsed: Parsed, device: Device, view: View, at: int) -> Accepted:
        """Of a kind that this release does not know: kept for one that does, told of where a member wrote it."""
        authority = self._authority(parsed, None, device, view, at)
        if authority is None:
            return Hold((parsed.space,))
        cuts = view.cuts(parsed.space, parsed.core.dev)
        is_cut = any(parsed.core.ds > ds and not authority.includes(by) for ds, by in cuts)
        is_limited = device.kinds is not None or (device.spaces is not None and parsed.space not in device.spaces)
        is_member = device.sort != "provider" and authority.role_of(device.actor) is not None
        told = is_member and not is_cut and not is_limited
        return SetAside(UnknownKind.code if told else UnknownKindOfStranger.code)

    def _admit(self, parsed: Parsed, device: Device, view: View) -> Take | Refuse:
        now = view.now_ms()
        if ms_of(parsed.core.t) > now + FUTURE_MAX_MS:
            raise FromTheFuture()
        event, kind = self._event(parsed)
        authority = self._authority(parsed, event, device, view, now)
        if authority is None:
            return Refuse(Unknown(), void=False)
        fact = _fact(parsed, event, device, authority.sort, now)
        take = Take(fact, kind)
        try:
            self._may(take, authority, view.cuts(parsed.space, parsed.core.dev))
            if fact.blobs:
                self.registry.admit_blobs(fact, view)  # type: ignore[arg-type]  # rules read through the store's view
            if kind.rule.admits is not None:
                kind.rule.admits(fact, view)  # type: ignore[arg-type]  # rules read through the store's view
        except Unknown as refusal:
            return Refuse(refusal, void=False)
        return take

    def _event(self, parsed: Parsed) -> tuple[Event, Kind]:
        if parsed.data is None:
            raise Withheld()
        kind = self.registry.kind(parsed.core.k)
        if kind is None:
            raise UnknownKind(kind=parsed.core.k)
        return kind.read(parsed.data), kind

    def _peek(self, parsed: Parsed) -> Event | None:
        try:
            return self._event(parsed)[0]
        except Refusal:
            return None

    def signer(self, parsed: Parsed, view: View) -> Device:
        """The device that signed; a first fact may bring its own key. Raises Unknown, WeakKey, WrongSignature."""
        device = view.device(parsed.core.dev)
        if device is None:
            event = self._peek(parsed)
            key = event.introduces() if event is not None else None
            if key is None or parsed.core.sp is not UNSET:
                raise Unknown()
            device = Device(check_key(key), parsed.id, "person")  # type: ignore[arg-type]  # an account is its genesis
        check_signature(parsed, device.key)
        return device

    def _gap(self, parsed: Parsed, view: View, head: Head) -> Ask | Refuse | None:
        core = parsed.core
        ds, dp = head
        used = core.ds <= ds and view.numbered(parsed.space, core.dev, core.ds) is not None
        if used or (core.ds == ds + 1 and core.dp != dp):
            return Refuse(NumberUsed(ds=ds + 1), void=False)
        missing = self._missing(parsed, view) or self._out_of_order(parsed, view)
        if core.ds > ds + 1 or missing:
            return Ask(ds + 1, dp, missing)
        return None

    @staticmethod
    def _missing(parsed: Parsed, view: View) -> tuple[str, ...]:
        """What it builds on and is not here. What is loose does not wait for what its device wrote before."""
        core = parsed.core
        last = before(parsed, view)
        named = (*core.ah, *core.re) if last is None else (last, *core.ah, *core.re)
        missing = view.lacking(named)
        if missing and missing[0] == last and view.is_loose(parsed.id):
            del missing[0]
        return tuple(missing[:MISSING_MAX])

    def _out_of_order(self, parsed: Parsed, view: View) -> tuple[CoreId, ...]:
        """What is missing of its device before it, though what came next is here: only a kind with an order waits."""
        kind = self.registry.kind(parsed.core.k)
        if kind is None or not kind.event.ordered:
            return ()
        last = before(parsed, view)
        gap = [] if last is None else view.lacking([last])
        return tuple((gap or view.before_loose(parsed.space, parsed.core.dev, parsed.core.ds))[:MISSING_MAX])

    def _authority(self, parsed: Parsed, event: Event | None, device: Device, view: View, at: int) -> Authority | None:
        founding = event is not None and parsed.core.ds == 1 and event.founds
        # What a device wrote itself it has seen, whether or not its heads reach that far.
        heads = (*parsed.core.ah, *view.own_authority(parsed.space, parsed.core.dev, parsed.core.ds))
        found = self.authorities.at(view, parsed.space, heads)  # type: ignore[arg-type]
        if found is not None or event is None or not founding:
            return found
        derived = event.derived_space()
        if parsed.space != (SpaceId(parsed.id) if derived is None else derived):
            raise WrongSpace()
        return self.authorities.founded(_fact(parsed, event, device, "", at))

    @staticmethod
    def _may(take: Take, authority: Authority, cuts: list[tuple[int, CoreId]]) -> None:
        fact, kind = take
        if fact.sort not in kind.event.sorts:
            raise WrongSpace() if fact.by_provider or authority.role_of(fact.actor) else Unknown()
        kinds, spaces = fact.device.kinds, fact.device.spaces
        if (kinds is not None and fact.core.k not in kinds) or (spaces is not None and fact.space not in spaces):
            raise AgentLimited()
        for ds, by in cuts:
            if fact.core.ds > ds and not authority.includes(by):
                raise Removed()
        kind.rule.may(fact, authority)


def before(parsed: Parsed, view: View) -> CoreId | None:
    """What its device wrote before it. A void says nothing of what came before it: one looks through it."""
    last = parsed.core.dp
    while last is not None and view.state(last) == VOID:
        last = view.previous(last)
    return last


def state_of(parsed: Parsed, view: View) -> int | None:
    """What became of a core; without a look at the store when its number is known not to be here."""
    return None if view.lacks_number(parsed.space, parsed.core.dev, parsed.core.ds) else view.state(parsed.id)


def _fact(parsed: Parsed, event: Event, device: Device, sort: str, at: int) -> Fact:
    return Fact(
        parsed.id, parsed.space, sort, parsed.core, device.actor, device, event, parsed.blobs, parsed.stamp, at, 0
    )


__all__ = ["VOID", "Ask", "Hold", "Judge", "Known", "Refuse", "SetAside", "Take", "View", "before", "state_of"]
