"""Facts of authority made by hand: who acts, what they had seen. No store, no network."""

from collections.abc import Iterable
from hashlib import sha256
from typing import Any

from verbund.base.clock import stamp_of
from verbund.base.ids import AccountId, CoreId, DeviceId, ProviderId, SpaceId, b64
from verbund.base.keys import DeviceKey
from verbund.log.core import Core
from verbund.log.registry import Device, Event, Fact
from verbund.spaces.events import InvitationMade, MemberAdded, MemberJoined, MemberRemoved, RoleChanged, SpaceCreated
from verbund.spaces.history import History, history_of
from verbund.spaces.rules import join_message
from verbund.spaces.state import Authority

START_MS = 1_800_000_000_000
PROVIDER = ProviderId(b64(sha256(b"provider").digest()))


def name(text: str) -> str:
    return b64(sha256(text.encode()).digest())


class Actor:
    """Somebody with devices of their own; `of(2)` acts with the second one."""

    def __init__(self, who: str, sort: str = "person") -> None:
        self.who, self.sort = who, sort
        self.account = AccountId(name(f"account {who}"))
        self.key = DeviceKey(sha256(who.encode()).digest())
        self.dev: DeviceId = self.key.device
        self.number: dict[str, tuple[int, CoreId | None]] = {}

    def __repr__(self) -> str:
        return self.who


class Scene:
    """A space as its facts come about, each by somebody who had seen some of the others."""

    def __init__(self, founder: Actor, sort: str = "private", parent: str | None = None) -> None:
        self.ms = START_MS
        self.facts: list[Fact] = []
        self.sort = sort
        self.space = SpaceId("")
        event = SpaceCreated(
            sort=sort, title="Werkstatt", parent=parent, account=founder.account,  # type: ignore[arg-type]
            providers=(PROVIDER,), address_form="sie",
        )  # fmt: skip
        self.space = SpaceId(self.act(founder, event).id)
        first = self.facts[0]
        self.facts[0] = Fact(
            first.id, self.space, sort, first.core, first.actor, first.device, event, (), first.stamp, 0, 0
        )
        founder.number[self.space] = founder.number.pop("")

    def act(self, who: Actor, event: Event, seen: Iterable[Fact] | None = None, **given: Any) -> Fact:
        """A fact by somebody who had seen these (all, unless said)."""
        heads = heads_of(self.facts if seen is None else list(seen))
        ds, dp = who.number.get(self.space, (0, None))
        self.ms += 1
        t = given.get("t", stamp_of(self.ms))
        identifier = CoreId(name(f"{who.who} {ds} {self.space} {t}"))
        core = Core(
            ah=tuple(sorted(heads)), bh=name("body"), bk=None, bs=2, dev=who.dev, dp=dp, ds=ds + 1, k=event.kind,
            mu=False, re=tuple(given.get("re", ())), t=t, v=1, sp=self.space,
        )  # fmt: skip
        actor = AccountId(PROVIDER) if who.sort == "provider" else who.account
        device = Device(who.key.public, actor, who.sort)
        stamp = f"{core.t}{core.dev}{core.ds:08x}"
        fact = Fact(identifier, self.space, self.sort, core, actor, device, event, (), stamp, 0, 0)
        who.number[self.space] = (ds + 1, identifier)
        self.facts.append(fact)
        return fact

    def add(self, by: Actor, who: Actor, role: str = "member", seen: Iterable[Fact] | None = None) -> Fact:
        return self.act(by, MemberAdded(account=who.account, role=role), seen)  # type: ignore[arg-type]

    def change(self, by: Actor, who: Actor, role: str, seen: Iterable[Fact] | None = None) -> Fact:
        return self.act(by, RoleChanged(account=who.account, role=role), seen)  # type: ignore[arg-type]

    def remove(self, by: Actor, who: Actor, seen: Iterable[Fact] | None = None, cut: int | None = None) -> Fact:
        """A removal; the cut is what the remover had seen, unless said."""
        known = self.facts if seen is None else list(seen)
        last = max((fact.ds for fact in known if fact.dev == who.dev), default=0)
        if by is who:
            last = by.number.get(self.space, (0, None))[0] + 1
        cuts = {who.dev: last if cut is None else cut}
        return self.act(by, MemberRemoved(account=who.account, cuts=cuts), seen)

    def invite(self, by: Actor, role: str = "member", seen: Iterable[Fact] | None = None) -> tuple[Fact, DeviceKey]:
        key = DeviceKey(sha256(f"key {by.who} {len(self.facts)}".encode()).digest())
        event = InvitationMade(
            key=b64(key.public.raw), role=role, expires_at=None, uses_max=None, note="",  # type: ignore[arg-type]
        )  # fmt: skip
        return self.act(by, event, seen), key

    def join(self, who: Actor, invitation: tuple[Fact, DeviceKey], seen: Iterable[Fact] | None = None) -> Fact:
        made, key = invitation
        proof = b64(key.sign(join_message(self.space, who.account)))
        event = MemberJoined(account=who.account, invitation=made.id, proof=proof, parent_heads=())
        return self.act(who, event, seen)

    def now(self) -> Authority:
        state = history_of(self.facts).current()
        assert state is not None
        return state

    def history(self) -> History:
        return history_of(self.facts)


def heads_of(facts: list[Fact]) -> set[CoreId]:
    """Of these, those that no other one has seen."""
    below = {core for fact in facts for core in fact.core.ah}
    return {fact.id for fact in facts} - below


def shown(state: Authority | None) -> object:
    """What of a state can be seen, to compare two."""
    if state is None:
        return None
    return (
        state.sort, state.archived, sorted(state.providers), state.home, sorted(state.members.items()),
        sorted((account, removal.by) for account, removal in state.removed.items()), sorted(state.invitations.values()),
    )  # fmt: skip
