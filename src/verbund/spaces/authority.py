"""Who may: what the log asks of this part, and the words that others use for it. Reads the log's own tables."""

from collections import OrderedDict
from collections.abc import Iterable
from typing import Any

import msgspec
from sqlalchemy import select

from verbund.accounts.events import AccountOpened
from verbund.base.ids import AccountId, CoreId, SpaceId
from verbund.log import tables as log_tables
from verbund.log.core import stamp
from verbund.log.entry import QUARANTINED, SETTLED
from verbund.log.judge import NumberUsed
from verbund.log.registry import Fact, Registry
from verbund.log.stored import decode_core
from verbund.log.tx import Reader
from verbund.spaces import events
from verbund.spaces.admits import AUTHORITY_FACTS_MAX
from verbund.spaces.fold import founded
from verbund.spaces.history import History, fold_authority, history_of
from verbund.spaces.state import (
    ADD_CHANNEL,
    ADD_FILM,
    ADMIN,
    ARCHIVE,
    CALL,
    CREATE_SPACE,
    DESCRIBE,
    GUEST,
    INVITE,
    LEAVE,
    MEMBER,
    MEMBERS,
    MODERATE,
    OWNER,
    POST,
    PROVIDERS,
    RANK,
    READ,
    ROLES,
    Archived,
    Authority,
    Invitation,
    Member,
    NotAllowed,
    Removal,
    abilities_of,
)  # fmt: skip

HISTORIES_MAX = 256
_KINDS = {event.kind: event for event in events.EVENTS}


class SpaceAuthorities:
    """The log's `Authorities`: the state of a space at the heads that an author had seen."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry

    def at(self, view: Reader, space: SpaceId, heads: Iterable[CoreId]) -> Authority | None:
        return authority_at(view, space, heads)

    def founded(self, fact: Fact) -> Authority:
        if _is_account(fact.core.k):
            return _of_account(fact.space, fact.event)
        return Authority(fact.space, founded(fact))


def authority_at(view: Reader, space: SpaceId, heads: Iterable[CoreId]) -> Authority | None:
    """The state at the closure of these heads; what is not among the space's authority facts adds nothing."""
    history = history_here(view, space)
    return history if isinstance(history, Authority) else history.heads(heads) if history else None


def authority_now(view: Reader, space: SpaceId) -> Authority | None:
    """The state of all that this provider knows."""
    history = history_here(view, space)
    return history if isinstance(history, Authority) else history.current() if history else None


def history_here(view: Reader, space: SpaceId) -> History | Authority | None:
    """What is known of a space's authority; of an account's space the state itself, which never changes."""
    held: OrderedDict[SpaceId, tuple[History | Authority, Above]] | None = view.cache.get("histories")
    if held is None:
        held = view.cache["histories"] = OrderedDict()
    found = held.get(space)
    if found is None:
        above = Above(view)
        history, whole = _load(view, space, above)
        if history is None or not whole:
            return history
        found = held[space] = (history, above)
        if len(held) > HISTORIES_MAX:
            held.popitem(last=False)
    else:
        held.move_to_end(space)
        found[1].view = view
    return found[0]


def forget(view: Reader, space: SpaceId) -> None:
    """The space's authority must be read anew."""
    held = view.cache.get("histories")
    if held is not None:
        held.pop(space, None)


class Above:
    """How the state of a space looks at its parent: through the view that is in use."""

    def __init__(self, view: Reader) -> None:
        self.view = view

    def at(self, space: SpaceId, heads: Iterable[CoreId]) -> Authority | None:
        return authority_at(self.view, space, heads)

    def removed(self, space: SpaceId, core: CoreId) -> AccountId | None:
        history = history_here(self.view, space)
        step = history.step(core) if isinstance(history, History) else None
        if step is None or not step.rightful or not isinstance(step.fact.event, events.MemberRemoved):
            return None
        return step.fact.event.account


def _load(view: Reader, space: SpaceId, above: Above) -> tuple[History | Authority | None, bool]:
    """(what is known, whether it is whole). While a rebuild is under way, authors may still be unknown: what is built
    without them would have wrong causes, so it must not be kept."""
    core = log_tables.core.c
    kept = (core.state.in_((SETTLED, QUARANTINED)), core.body.is_not(None))
    rows = view.execute(
        select(core.id, core.kind, core.raw, core.reason, core.body)
        .where(core.space == space, core.authority == 1, *kept)
        .order_by(core.t, core.id)
        .limit(AUTHORITY_FACTS_MAX)
    ).all()
    if not rows:
        return None, True
    opened = next((row for row in rows if row.kind == AccountOpened.kind), None)
    if opened is not None:
        return _of_account(space, msgspec.json.decode(bytes(opened.body), type=AccountOpened)), True
    whole = all(view.device(decode_core(bytes(row.raw)).dev) is not None for row in rows)
    facts = [fact for row in rows if (fact := _fact(view, space, row)) is not None]
    sort = next((founded(fact) for fact in facts if fact.event.founds), "")
    history = history_of((_with_sort(fact, sort) for fact in facts), above)
    return (history, whole) if history.current() is not None else (None, True)


def _fact(view: Reader, space: SpaceId, row: Any) -> Fact | None:
    """The fact of a row, as it was judged; None for what a revoked device or a second use of a number brought."""
    kind = _KINDS.get(row.kind)
    if kind is None or row.reason == NumberUsed.code:
        return None
    core = decode_core(bytes(row.raw))
    device = view.device(core.dev)
    if device is None or (device.spaces is not None and space not in device.spaces):
        return None
    try:
        event = msgspec.json.decode(bytes(row.body), type=kind)
    except msgspec.ValidationError:
        return None
    if any(core.ds > ds and _of_device(view, by) for ds, by in view.cuts(space, core.dev)):
        return None
    order = stamp(core.t, core.dev, core.ds)
    return Fact(row.id, space, "", core, device.actor, device, event, (), order, 0, 0)


def _of_device(view: Reader, by: CoreId) -> bool:
    """Whether this cut comes from a device that was revoked; those of removals are weighed with the removals."""
    header = view.execute(select(log_tables.core.c.kind).where(log_tables.core.c.id == by)).scalar()
    return header is not None and _is_account(header)


def _with_sort(fact: Fact, sort: str) -> Fact:
    return msgspec.structs.replace(fact, sort=sort)


def _is_account(kind: str) -> bool:
    return kind.startswith("account.")


def _of_account(space: SpaceId, event: AccountOpened) -> Authority:
    """An account's own space: whose it is follows from its id; its home is the only provider that vouches."""
    state = Authority(space, "account")
    account = AccountId(space)
    state.members[account] = Member(OWNER, CoreId(space), ("", 0, ""))
    state.providers = frozenset((event.home,)) if event.home else frozenset()
    return state


__all__ = [
    "ADD_CHANNEL", "ADD_FILM", "ADMIN", "ARCHIVE", "CALL", "CREATE_SPACE", "DESCRIBE", "GUEST", "INVITE", "LEAVE",
    "MEMBER", "MEMBERS", "MODERATE", "OWNER", "POST", "PROVIDERS", "RANK", "READ", "ROLES", "Archived", "Authority",
    "Invitation", "Member", "NotAllowed", "Removal", "SpaceAuthorities", "abilities_of", "authority_at",
    "authority_now", "fold_authority", "history_here", "history_of",
]  # fmt: skip
