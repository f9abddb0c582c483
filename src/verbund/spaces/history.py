"""Which authority facts count, and the state that they make: a pure function of their set.

After p2panda-auth's strong removal and Keyhive's cuts: a fact counts when its author had the right at what they had
seen, and no removal that they had not seen cuts it off. Removals that void each other are weighed: the higher role
first, then who was there earlier. What builds on a void fact is void.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from verbund.base.ids import AccountId, CoreId, SpaceId
from verbund.base.refusal import Refusal
from verbund.log.registry import Fact
from verbund.spaces import events
from verbund.spaces.fold import apply, founded
from verbund.spaces.rules import MAY
from verbund.spaces.state import NO_PARENT, RANK, Authority, Order, Parent

STATES_MAX = 64
#: Sets of heads whose state is at hand: one for each device that talks.
HEADS_KEPT_MAX = 1_000


class Step(NamedTuple):
    """A fact with its place: `closure` is a bit set of the facts that its author had seen, `needs` of those without
    which it means nothing."""

    fact: Fact
    closure: int
    needs: int
    order: Order
    rightful: bool
    weight: tuple[int, Order]


class History:
    """The authority facts of one space. Grows by `add`, in an order in which causes come first."""

    def __init__(self, space: SpaceId, above: Parent = NO_PARENT) -> None:
        self.space = space
        self.steps: list[Step] = []
        self._index: dict[CoreId, int] = {}
        self._by_device: dict[str, int] = {}
        self._founding = 0
        self._states: OrderedDict[int, Authority] = OrderedDict()
        self._by_heads: dict[tuple[CoreId, ...], Authority] = {}
        self.above = above

    def __len__(self) -> int:
        return len(self.steps)

    def has(self, core: CoreId) -> bool:
        return core in self._index

    def step(self, core: CoreId) -> Step | None:
        index = self._index.get(core)
        return None if index is None else self.steps[index]

    def add(self, fact: Fact) -> None:
        """Take a fact in; what it refers to must be here already, if it is here at all."""
        if fact.id in self._index:
            return
        self._by_heads = {}
        closure = self._seen(fact.core.ah) | self._seen(fact.re) | self._by_device.get(fact.dev, 0)
        bit = 1 << len(self.steps)
        seen = [self.steps[index].order for index in _bits(closure)] if closure else []
        latest, depth = max((order[0] for order in seen), default=""), max((order[1] for order in seen), default=0)
        order = (max(latest, fact.t), depth + 1, fact.stamp)
        before = self.state(closure)
        rightful = _rightful(fact, before)
        member = before.members.get(AccountId(fact.actor)) if before else None
        weight = (-RANK[member.role], member.since) if member else (0, order)
        self._index[fact.id] = len(self.steps)
        self.steps.append(Step(fact, closure, self._needs(fact, before), order, rightful, weight))
        self._by_device[fact.dev] = closure | bit
        if fact.event.founds and rightful:
            self._founding |= bit
            self._states.clear()

    def heads(self, cores: Iterable[CoreId]) -> Authority | None:
        """The state of an author who had seen these; None before the space is founded."""
        key = tuple(cores)
        found = self._by_heads.get(key)
        if found is None:
            found = self.state(self._seen(key))
            if len(self._by_heads) >= HEADS_KEPT_MAX:
                self._by_heads = {}
            if found is not None:
                self._by_heads[key] = found
        return found

    def current(self) -> Authority | None:
        """The state of all that is here."""
        return self.state((1 << len(self.steps)) - 1)

    def state(self, closure: int) -> Authority | None:
        """The state of a set of facts that contains all causes. Everybody has seen how the space was founded."""
        if not self._founding:
            return None
        closure |= self._founding
        found = self._states.get(closure)
        if found is None:
            found = self._compute(closure)
            self._states[closure] = found
            if len(self._states) > STATES_MAX:
                self._states.popitem(last=False)
        else:
            self._states.move_to_end(closure)
        return found

    def effective(self) -> list[Step]:
        """What counts, of all that is here, in its order."""
        return self._counting((1 << len(self.steps)) - 1)

    def _compute(self, closure: int) -> Authority:
        top = closure.bit_length() - 1
        step = self.steps[top]
        rest = closure ^ (1 << top)
        base = self._states.get(rest) if step.closure | self._founding == rest else None
        if base is not None and rest:
            state = base.copy()
            if step.rightful:
                apply(state, step.fact, step.order)
        else:
            state = self._empty(closure)
            for one in self._counting(closure):
                apply(state, one.fact, one.order)
        index = self._index
        state.made_of(lambda core: (at := index.get(core)) is not None and bool(closure >> at & 1), self.above)
        return state

    def _empty(self, closure: int) -> Authority:
        first = next((self.steps[index] for index in _bits(closure) if self.steps[index].fact.event.founds), None)
        return Authority(self.space, founded(first.fact) if first else "")

    def _counting(self, closure: int) -> list[Step]:
        """The facts of the set that count, in order."""
        void = self._void(closure)
        chosen = [index for index in _bits(closure & ~void) if self.steps[index].rightful]
        return sorted((self.steps[index] for index in chosen), key=lambda step: step.order)

    def _void(self, closure: int) -> int:
        """Those that a removal, whose author they had not seen, takes away; a bit set."""
        indexes = list(_bits(closure))
        removals = [index for index in indexes if self.steps[index].rightful and _takes_away(self.steps[index].fact)]
        concurrent = [index for index in removals if self._beside(index, indexes)]
        void, held = 0, 0
        for index in sorted(concurrent, key=lambda index: (self.steps[index].weight, self.steps[index].order)):
            if void >> index & 1:
                continue
            held |= 1 << index
            for other in self._beside(index, indexes):
                if not held >> other & 1 and self._voids(index, other):
                    void |= 1 << other
            void = self._with_consequences(void, indexes, held)
        return void

    def _beside(self, index: int, indexes: list[int]) -> list[int]:
        """Those that had not seen the removal nor it them: by the one who is removed, or taking that one in."""
        removal = self.steps[index]
        account = removal.fact.event.account
        return [
            other
            for other in indexes
            if other != index
            and (self.steps[other].fact.actor == account or _takes_in(self.steps[other].fact, account))
            and not removal.closure >> other & 1
            and not self.steps[other].closure >> index & 1
        ]

    def _voids(self, index: int, other: int) -> bool:
        removal, fact = self.steps[index].fact, self.steps[other].fact
        if isinstance(removal.event, events.MemberRemoved):
            return fact.actor != removal.event.account or fact.ds > removal.event.cuts.get(fact.dev, 0)
        before = self.state(self.steps[other].closure)
        if before is None or fact.actor != removal.event.account:
            return False
        return not _rightful(fact, _demoted(before, removal.event))

    def _with_consequences(self, void: int, indexes: list[int], held: int) -> int:
        for index in indexes:
            if self.steps[index].needs & void and not held >> index & 1:
                void |= 1 << index
        return void

    def _seen(self, cores: Iterable[CoreId]) -> int:
        closure = 0
        for core in cores:
            index = self._index.get(core)
            if index is not None:
                closure |= 1 << index | self.steps[index].closure
        return closure

    def _needs(self, fact: Fact, before: Authority | None) -> int:
        """What it falls with: the fact that made its author a member, the invitation that it uses, the motion that it
        carries out."""
        needs = 0
        member = before.members.get(AccountId(fact.actor)) if before else None
        named = [member.by] if member else []
        if isinstance(fact.event, events.MemberJoined) and fact.event.invitation:
            named.append(fact.event.invitation)
        if before and fact.by_provider:
            named += [core for core in fact.re[:1] if core in before.motions]
        for core in named:
            index = self._index.get(core)
            if index is not None:
                needs |= 1 << index
        return needs


def fold_authority(facts: Iterable[Fact], above: Parent = NO_PARENT) -> Authority | None:
    """The authority that these facts of one space make, whatever order they come in; None without a founding fact."""
    return history_of(facts, above).current()


def history_of(facts: Iterable[Fact], above: Parent = NO_PARENT) -> History:
    """The facts of one space, causes first."""
    gathered = {fact.id: fact for fact in facts}
    space = next((fact.space for fact in gathered.values()), SpaceId(""))
    history = History(space, above)
    for fact in _causes_first(gathered):
        history.add(fact)
    return history


def _causes_first(facts: dict[CoreId, Fact]) -> Iterator[Fact]:
    before = _previous_of_device(facts)
    done: set[CoreId] = set()
    for start in sorted(facts.values(), key=lambda fact: (not fact.event.founds, fact.stamp)):
        stack = [start.id]
        while stack:
            fact = facts[stack[-1]]
            open_ = [
                one
                for one in (*fact.core.ah, *fact.re, *before.get(fact.id, ()))
                if one in facts and one not in done and one not in stack
            ]
            if open_:
                stack += open_[:1]
                continue
            stack.pop()
            if fact.id not in done:
                done.add(fact.id)
                yield fact


def _previous_of_device(facts: dict[CoreId, Fact]) -> dict[CoreId, tuple[CoreId, ...]]:
    found: dict[CoreId, tuple[CoreId, ...]] = {}
    last: dict[str, Fact] = {}
    for fact in sorted(facts.values(), key=lambda fact: (fact.ds, fact.id)):
        if fact.dev in last:
            found[fact.id] = (last[fact.dev].id,)
        last[fact.dev] = fact
    return found


def _rightful(fact: Fact, before: Authority | None) -> bool:
    if before is None:
        if not fact.event.founds:
            return False
        before = Authority(fact.space, founded(fact))
    try:
        MAY[type(fact.event)](fact, before)
    except Refusal:
        return False
    return True


def _takes_in(fact: Fact, account: str) -> bool:
    return isinstance(fact.event, events.MemberAdded) and fact.event.account == account


def _takes_away(fact: Fact) -> bool:
    return isinstance(fact.event, events.MemberRemoved | events.RoleChanged) and fact.event.account != fact.actor


def _demoted(before: Authority, change: events.RoleChanged) -> Authority:
    state = before.copy()
    member = state.members.get(change.account)
    if member is not None and RANK[change.role] < RANK[member.role]:
        state.members[change.account] = member._replace(role=change.role)
    return state


def _bits(mask: int) -> Iterator[int]:
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low
