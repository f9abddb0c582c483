"""Folds of spaces. Authority is computed whole and written as differences, so any order gives the same rows."""

import json
from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy import Table, select, update

from verbund.accounts.queries import devices_of
from verbund.base.clock import ms_of
from verbund.base.ids import CoreId, DeviceId, SpaceId
from verbund.log import tables as log_tables
from verbund.log.registry import Event, Fact, Order, Overtaken
from verbund.log.tx import Tx
from verbund.spaces import events, tables
from verbund.spaces.authority import forget, history_here
from verbund.spaces.history import History, Step
from verbund.spaces.state import Authority

HEADS_HELD_MAX = 64
PROJECTED: list[Table] = [
    tables.space,
    tables.space_title,
    tables.space_member,
    tables.space_provider,
    tables.invitation,
    tables.invitation_use,
    tables.motion,
]


def authority_fact(tx: Tx, fact: Fact) -> None:
    """Any fact of a space's authority: the state of all that is known here, as rows."""
    history = _with(tx, fact)
    state = history.current()
    if state is None:
        return
    _write_space(tx, fact, history, state)
    _write_state(tx, fact.space, history, state)


def authority_set_aside(tx: Tx, fact: Fact) -> bool:
    """Set aside by a removal, it may still be what takes that removal away: of two who remove each other one stays."""
    forget(tx, fact.space)
    history = history_here(tx, fact.space)
    state = history.current() if isinstance(history, History) else None
    if isinstance(history, History) and state is not None:
        of_space = tables.space.c.space == fact.space
        tx.execute(update(tables.space).where(of_space).values(archived=int(state.archived)))
        _write_state(tx, fact.space, history, state)
    return False


def _write_state(tx: Tx, space: SpaceId, history: History, state: Authority) -> None:
    _differences(tx, tables.space_member, space, (
        {"account": account, "role": member.role, "by": member.by} for account, member in state.members.items()
    ))  # fmt: skip
    _differences(tx, tables.space_provider, space, (
        {"provider": provider, "home": int(provider == state.home)} for provider in state.providers
    ))  # fmt: skip
    if state.invitations:
        _write_invitations(tx, space, history, state)
    if state.motions:
        _write_motions(tx, space, history, state)
    if any(isinstance(step.fact.event, events.MemberRemoved) for step in history.steps):
        _write_cuts(tx, space, history)


def space_created(tx: Tx, fact: Fact) -> None:
    event: events.SpaceCreated = fact.event
    _title(tx, fact, event.title, "", event.address_form)
    authority_fact(tx, fact)


def erasure_ordered(tx: Tx, fact: Fact) -> None:
    """It is carried out here and now, whether or not a removal takes its word away: what one replica erased, all do."""
    event: events.ErasureOrdered = fact.event
    authority_fact(tx, fact)
    tx.forget(fact.space, Order(fact.id, event.account, devices_of(tx, event.account), event.until))


def space_described(tx: Tx, fact: Fact) -> None:
    event: events.SpaceDescribed = fact.event
    _title(tx, fact, event.title, event.description, event.address_form)


def _title(tx: Tx, fact: Fact, title: str, description: str, address_form: str) -> None:
    row = {"space": fact.space, "title": title, "description": description, "address_form": address_form}
    tx.upsert(tables.space_title, {**row, "stamp": fact.stamp}, newer="stamp")


def _with(tx: Tx, fact: Fact) -> History:
    """The space's history with this fact in it."""
    history = history_here(tx, fact.space)
    if isinstance(history, History) and _holds_all(tx, history, fact):
        history.add(fact)
        return history
    forget(tx, fact.space)
    history = history_here(tx, fact.space)
    if not isinstance(history, History):
        history = History(fact.space)
        history.add(fact)
    return history


def _holds_all(tx: Tx, history: History, fact: Fact) -> bool:
    """Whether everything of this space that the fact has seen is in the history."""
    core = log_tables.core.c
    unknown = [one for one in (*fact.core.ah, *fact.re) if not history.has(one)]
    return (
        not unknown
        or not tx.execute(
            select(core.id).where(core.id.in_(unknown), core.space == fact.space, core.authority == 1).limit(1)
        ).first()
    )


def _write_space(tx: Tx, fact: Fact, history: History, state: Authority) -> None:
    first = min((step for step in history.steps if step.fact.event.founds), key=lambda step: step.order).fact
    held = tx.execute(select(tables.space.c.heads).where(tables.space.c.space == fact.space)).scalar()
    tx.upsert(
        tables.space,
        {
            "space": state.space,
            "sort": state.sort,
            "parent": state.parent,
            "founder": state.founder or "",
            "founded_at": ms_of(first.t),
            "archived": int(state.archived),
            "heads": _heads(json.loads(held) if held else [], fact),
        },
    )


def _heads(held: list[list[str]], fact: Fact) -> str:
    """[t, id] of the facts of authority that no other one names as seen, the newest HEADS_HELD_MAX."""
    open_ = [[t, one] for t, one in held if one not in fact.core.ah and one != fact.id]
    return json.dumps(sorted([*open_, [fact.t, fact.id]], reverse=True)[:HEADS_HELD_MAX])


def _write_invitations(tx: Tx, space: SpaceId, history: History, state: Authority) -> None:
    steps = {step.fact.id: step.fact for step in history.steps}
    rows = []
    for one in state.invitations.values():
        made: events.InvitationMade = steps[one.id].event
        rows.append({
            "id": one.id, "role": one.role, "key": one.key, "note": made.note, "made_by": one.by,
            "made_at": ms_of(steps[one.id].t), "expires_at": one.expires_at, "uses_max": one.uses_max,
            "withdrawn": int(one.withdrawn),
        })  # fmt: skip
    _differences(tx, tables.invitation, space, rows)
    joins = (step.fact.event for step in history.effective() if isinstance(step.fact.event, events.MemberJoined))
    uses = {(join.invitation, join.account) for join in joins if join.invitation}
    _differences(tx, tables.invitation_use, space, (
        {"invitation": invitation, "account": account} for invitation, account in uses
    ))  # fmt: skip


def _write_motions(tx: Tx, space: SpaceId, history: History, state: Authority) -> None:
    reasons = {step.fact.id: step.fact.event.reason for step in history.steps if step.fact.id in state.motions}
    _differences(tx, tables.motion, space, (
        {"id": one.id, "deed": one.deed, "target": one.target, "reason": reasons[one.id], "by": one.by, "t": one.t,
         "seconded_by": one.seconded_by, "stopped_by": one.stopped_by, "done": int(one.is_done)}
        for one in state.motions.values()
    ))  # fmt: skip


def _write_cuts(tx: Tx, space: SpaceId, history: History) -> None:
    removals = {step.fact.id: step for step in history.effective() if isinstance(step.fact.event, events.MemberRemoved)}
    cut = log_tables.cut.c
    written = {(row.dev, row.by) for row in tx.execute(select(cut.dev, cut.by).where(cut.space == space))}
    for by in {by for _, by in written if history.has(by)} - set(removals):
        tx.uncut(by, space)
    for by, step in removals.items():
        _cut(tx, space, by, step, written)


def _cut(tx: Tx, space: SpaceId, by: CoreId, step: Step, written: set[tuple[DeviceId, CoreId]]) -> None:
    """Cut every device of the removed. A cut under the account stands for devices that are not known here yet."""
    event: events.MemberRemoved = step.fact.event
    for dev in (*devices_of(tx, event.account), DeviceId(event.account)):
        if (dev, by) not in written:
            tx.cut(space, dev, event.cuts.get(dev, 0), by)


def _differences(tx: Tx, table: Table, space: SpaceId, rows: Iterable[dict[str, Any]]) -> None:
    """Make the table hold exactly these rows of the space."""
    keys = [column.name for column in table.primary_key if column.name != "space"]
    wanted = {tuple(row[key] for key in keys): {"space": space, **row} for row in rows}
    held = {
        tuple(row[key] for key in keys): dict(row)
        for row in tx.execute(select(table).where(table.c.space == space)).mappings()
    }
    for key, row in wanted.items():
        if held.get(key) != row:
            tx.upsert(table, row)
    for key in held.keys() - wanted.keys():
        tx.remove(table, space=space, **dict(zip(keys, key, strict=True)))


FOLDS: dict[type[Event], Callable[[Tx, Fact], None]] = {
    **dict.fromkeys(events.EVENTS, authority_fact),
    events.SpaceCreated: space_created,
    events.SpaceDescribed: space_described,
    events.ErasureOrdered: erasure_ordered,
}
OVERTAKEN: dict[type[Event], Overtaken] = dict.fromkeys(
    (event for event in events.EVENTS if event.authority), authority_set_aside
)
