"""What must hold after every schedule. Each check names the invariant that it found broken."""

from collections import Counter
from itertools import combinations
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import select

from tests.simulation.healing import Violation, going_on, shared
from tests.simulation.provider import REGISTRY, Provider
from verbund.base.ids import CoreId, SpaceId
from verbund.base.keys import verify
from verbund.chat.events import MessageEdited
from verbund.chat.tables import message
from verbund.log import tables
from verbund.log.bulk import unpack
from verbund.log.core import DOMAIN
from verbund.log.entry import CHAIN_START, QUARANTINED, SETTLED, VOID, WAITING, Vector, chain, sublog
from verbund.log.judge import NumberUsed
from verbund.log.sealed import Segments, packed
from verbund.log.search import item
from verbund.log.stored import decode_core
from verbund.spaces.authority import authority_now, history_here
from verbund.spaces.events import MemberRemoved
from verbund.spaces.history import History

if TYPE_CHECKING:
    from tests.simulation.partner import Partner
    from tests.simulation.schedule import Schedule

#: What each provider has of its own: when and in which order it took something in.
LOCAL = {"position", "at"}
BODILESS = "bodiless"
#: What is called durable is at so many providers.
REPLICAS = 2
NAMES = {SETTLED: "settled", WAITING: "waiting", QUARANTINED: "quarantined", VOID: "void"}


def check_crash(schedule: "Schedule", provider: Provider) -> None:
    """Nothing that was acknowledged as accepted on this disk is gone after the crash."""
    lost = provider.lost()
    if lost:
        raise Violation("accepted_lost", f"{provider.name} lost {_short(lost)}")


def check_claim(schedule: "Schedule", provider: "Partner", space: SpaceId, safe: Vector) -> None:
    """What is said to be safe got to the disks of two providers, where more than one holds the space."""
    if not provider.here.others(space):
        return
    for sub, seq in safe.items():
        reached = sum(one.service.reached.get(space, {}).get(sub, 0) >= seq for one in schedule.providers)
        if reached < REPLICAS:
            raise Violation("claimed_early", f"{provider.name} says that {sub[:4]}:{seq} in {space[:6]} is safe")


def check_signatures(provider: Provider) -> None:
    """Everything that counts was signed by the device that it names."""
    core = tables.core.c
    columns = (core.id, core.space, core.raw, core.sig, core.dev, core.position.label("origin"))
    query = select(*columns).where(core.state == SETTLED)
    with provider.reader() as view:
        for row in Segments(view.connection).wholes(view.execute(query).all()):
            device = view.device(row.dev)
            if device is None or not verify(device.key, bytes(row.sig), DOMAIN + bytes(row.raw)):
                raise Violation("unsigned", f"{row.id[:6]} counts at {provider.name}")


def check_all(schedule: "Schedule") -> None:
    for provider in schedule.providers:
        check_crash(schedule, provider)
    check_durable(schedule)
    pairs = [(one, two, spaces) for one, two, spaces in _pairs(schedule) if spaces]
    for one, two, spaces in pairs:
        check_cores(one, two, spaces)
        check_vectors(schedule, one, two, spaces)
        check_authority(one, two, spaces)
        check_rows(one, two, spaces)
    check_rebuild(schedule.chance.choice(schedule.honest))
    for provider in schedule.providers:
        check_numbers(provider, by_old_profiles=schedule.faults.happened["old_profile"] > 0)
        check_chains(provider)
        check_signatures(provider)
        check_erased(provider)
        check_sealed(provider)
        check_visible(schedule, provider)


def _pairs(schedule: "Schedule") -> list[tuple["Partner", "Partner", frozenset[SpaceId]]]:
    """Providers that hold the same spaces."""
    held = shared(schedule)
    return [
        (one, two, frozenset(space for space, holders in held.items() if one in holders and two in holders))
        for one, two in combinations(schedule.honest, 2)
    ]


def check_durable(schedule: "Schedule") -> None:
    """What a device let go is at every provider that holds its space, and no void."""
    held = shared(schedule)
    states = {provider.name: provider.states() for provider in schedule.providers}
    for device in schedule.devices:
        for core in sorted(device.durable):
            holders = held.get(device.own[core].space)
            here = [one.name for one in holders or schedule.providers if _counts(states[one.name].get(core, VOID))]
            if not here or (holders and len(here) < len(holders)):
                raise Violation("durable_lost", f"{core[:6]} of {device.name} is only at {here}")


def _counts(state: int) -> bool:
    return state not in (VOID, WAITING)


def check_cores(here: Provider, there: Provider, spaces: frozenset[SpaceId]) -> None:
    """Both hold the same cores in the same state; nothing waits any more."""
    one, two = (standing(provider, spaces) for provider in (here, there))
    if one != two:
        differing = sorted(core for core in one.keys() | two.keys() if one.get(core) != two.get(core))
        told = [f"{core[:6]} {here.name} {one.get(core)} {there.name} {two.get(core)}" for core in differing[:5]]
        raise Violation("diverged_cores", ", ".join(told))
    waiting = [core for core, state in one.items() if state == NAMES[WAITING]]
    if waiting:
        raise Violation("waiting_left", _short(waiting))


def standing(provider: Provider, spaces: frozenset[SpaceId] | None = None) -> dict[CoreId, str]:
    """core → settled, quarantined, void, waiting; bodiless for what was erased, however that came to be known."""
    core = tables.core.c
    query = select(core.id, core.space, core.state, core.body.label("whole"))
    with provider.disk.read() as connection:
        rows = connection.execute(query).all()
    return {
        row.id: BODILESS if row.whole is None and row.state in (SETTLED, QUARANTINED) else NAMES[row.state]
        for row in rows
        if spaces is None or row.space in spaces
    }


def check_numbers(provider: Provider, by_old_profiles: bool) -> None:
    """A device's number in a space stands for one core, unless the second is kept as a proof, or was refused before an
    old profile was put back."""
    core = tables.core.c
    with provider.disk.read() as connection:
        query = select(core.space, core.dev, core.ds, core.id).where(core.reason != NumberUsed.code)
        query = query.where(core.state != VOID) if by_old_profiles else query
        used = Counter((row.space, row.dev, row.ds) for row in connection.execute(query))
    twice = [key for key, count in used.items() if count > 1]
    if twice:
        raise Violation("number_reused", f"{len(twice)} at {provider.name}: {twice[0][1][:6]} #{twice[0][2]}")


def check_vectors(schedule: "Schedule", here: Provider, there: Provider, spaces: frozenset[SpaceId]) -> None:
    """Equal vectors and equal chains, of the sub-logs that go on; of two histories that a rogue told there is a
    proof.
    """
    subs = going_on(schedule.honest)
    differing = set(_ends(here, spaces, subs)) ^ set(_ends(there, spaces, subs))
    proven = {proof for one in schedule.honest for proof in one.proofs}
    found = {(space, sublog(provider, incarnation)) for space, provider, incarnation, _, _ in differing}
    if found - proven:
        raise Violation("diverged_vectors", f"{len(found - proven)} sub-logs differ at {here.name} and {there.name}")


def _ends(provider: Provider, spaces: frozenset[SpaceId], subs: set[str]) -> list[Any]:
    c = tables.sublog.c
    with provider.disk.read() as connection:
        rows = connection.execute(select(c.space, c.provider, c.incarnation, c.seq, c.chain)).all()
    wanted = (row for row in rows if row.space in spaces and sublog(row.provider, row.incarnation) in subs)
    return [(*row[:4], bytes(row[4])) for row in wanted]


def check_chains(provider: Provider) -> None:
    """Every sub-log's chain verifies from its first entry, without a gap."""
    c, sublog, core = tables.entry.c, tables.sublog.c, tables.core.c
    columns = (
        c.position, c.seq, c.chain, c.at, c.void, core.id.label("core"), sublog.space, sublog.provider,
        sublog.incarnation,
    )  # fmt: skip
    query = (
        select(*columns)
        .join(tables.sublog, sublog.number == c.sublog)
        .join(tables.core, core.position == c.core)
        .order_by(c.sublog, c.seq)
    )
    with provider.disk.read() as connection:
        found, segments = connection.execute(query).all(), Segments(connection)
        rows = [
            (row, segments.chain_of(row, row.space, (row.provider, row.incarnation, row.seq))) for row in found
        ]  # fmt: skip
    ends: dict[Any, tuple[int, bytes]] = {}
    for row, kept in rows:
        key = (row.space, row.provider, row.incarnation)
        seq, before = ends.get(key, (0, CHAIN_START))
        after = chain(before, row.provider, row.incarnation, row.seq, row.core, row.at, bool(row.void))
        if row.seq != seq + 1 or after != kept:
            raise Violation("broken_chain", f"{provider.name} {row.provider[:4]}.{row.incarnation}:{row.seq}")
        ends[key] = (row.seq, after)


def check_authority(here: Provider, there: Provider, spaces: frozenset[SpaceId]) -> None:
    """Both come to the same members, roles, invitations and removals; what is in memory says what a new look says."""
    differing = [space[:6] for space in sorted(spaces) if authority(here, space) != authority(there, space)]
    if differing:
        raise Violation("diverged_authority", f"{differing} at {here.name} and {there.name}")


def authority(provider: Provider, space: SpaceId) -> Any:
    with provider.reader() as view:
        state = authority_now(view, space)
    if state is None:
        return None
    return (
        state.sort, state.archived, sorted(state.providers), sorted(state.members.items()),
        sorted((account, removal.by) for account, removal in state.removed.items()), sorted(state.invitations.values()),
    )  # fmt: skip


def check_rows(here: Provider, there: Provider, spaces: frozenset[SpaceId]) -> None:
    """Equal rows in every table that folds fill, without what is local to a provider."""
    one, two = (rows(provider, spaces) for provider in (here, there))
    _same(one, two, "diverged_rows", f"between {here.name} and {there.name}")


def check_rebuild(provider: Provider) -> None:
    """Folding the whole log again gives the same rows."""
    before = rows(provider), standing(provider)
    provider.write(provider.log.refold)
    after = rows(provider), standing(provider)
    _same(before[0], after[0], "diverged_rebuild", f"at {provider.name}")
    if before[1] != after[1]:
        raise Violation("diverged_rebuild", f"other states at {provider.name}")


def rows(provider: Provider, spaces: frozenset[SpaceId] | None = None) -> dict[str, list[Any]]:
    """table → its rows, in an order that does not depend on how they came."""
    found: dict[str, list[Any]] = {}
    with provider.disk.read() as connection:
        for table in (*REGISTRY.projected, tables.cut, item):
            columns = [column for column in table.columns if column.name not in LOCAL]
            if table is item:
                core = tables.core.c
                query = select(core.space, *columns).join(tables.core, core.position == item.c.position)
            else:
                query = select(table.c.space.label("of"), *columns)
            chosen = connection.execute(query).all()
            found[table.name] = sorted(repr(row[1:]) for row in chosen if spaces is None or row[0] in spaces)
    return found


def _same(one: dict[str, list[Any]], two: dict[str, list[Any]], invariant: str, where: str) -> None:
    for name, here in one.items():
        there = two[name]
        if here != there:
            only = [row for row in here if row not in there][:2], [row for row in there if row not in here][:2]
            raise Violation(invariant, f"{name} {where}: {only}")


def check_visible(schedule: "Schedule", provider: Provider) -> None:
    """No text is shown twice; nothing is shown of a removed device after its cut that had not seen the removal."""
    c, core = message.c, tables.core.c
    query = select(core.id, c.text, c.edited).join(tables.core, core.position == c.position).where(c.withdrawn == 0)
    with provider.disk.read() as connection:
        shown = connection.execute(query).all()
    texts = Counter(row.text for row in shown if not row.edited)
    twice = [text for text, count in texts.items() if count > 1]
    if twice:
        raise Violation("shown_twice", f"{twice[:3]} at {provider.name}")
    with provider.reader() as view:
        history = history_here(view, schedule.people.space)
        steps = history.effective() if isinstance(history, History) else []
    cuts = [(step.fact.id, step.fact.event) for step in steps if isinstance(step.fact.event, MemberRemoved)]
    accounts = {device.dev: device.account for device in schedule.devices}
    cores = {row.id: decode_core(bytes(row.raw)) for row in _raws(provider)}
    for row in shown:
        said = cores[row.id]
        for by, removal in cuts if said.sp == schedule.people.space else ():
            late = removal.account == accounts[said.dev] and said.ds > removal.cuts.get(said.dev, 0)
            if late and by not in _seen(cores, said):
                raise Violation("cut_visible", f"{row.id[:6]} #{said.ds} after {by[:6]} at {provider.name}")


def check_erased(provider: Provider) -> None:
    """Of what a withdrawal took back no body is left, shown or set aside, nor of its author's edits."""
    core = tables.core.c
    columns = (core.id, core.space, core.dev, core.kind, core.raw, core.body, core.position.label("origin"))
    query = select(*columns).where(core.body.is_not(None))
    with provider.disk.read() as connection:
        whole = list(Segments(connection).wholes(connection.execute(query).all()))
        authors = {row.id: row.dev for row in connection.execute(select(core.id, core.dev))}
        gone = select(core.id).join(message, message.c.position == core.position).where(message.c.withdrawn == 1)
        withdrawn = set(connection.execute(gone).scalars())
    for row in whole:
        edited = msgspec.json.decode(row.body)["message"] if row.kind == MessageEdited.kind else None
        if row.id in withdrawn or (edited in withdrawn and authors[edited] == row.dev):
            raise Violation("body_left", f"{row.id[:6]} at {provider.name}")


def _raws(provider: Provider) -> list[Any]:
    with provider.disk.read() as connection:
        core = tables.core.c
        query = select(core.id, core.space, core.raw, core.position.label("origin"))
        return list(Segments(connection).wholes(connection.execute(query).all()))


def check_sealed(provider: Provider) -> None:
    """A body lies in one place: a segment has none that its row has too, or that was erased."""
    c, core = tables.segment.c, tables.core.c
    with provider.disk.read() as connection:
        segments = connection.execute(select(c.space, c.runs, c.data)).all()
        rows = {row.id: row for row in connection.execute(select(core.id, core.raw, core.body)).all()}
    for segment in segments:
        for one in unpack(segment.space, packed(segment.runs, segment.data)):
            row = rows[one.id]
            if one.b is not None and (row.raw or row.body is None):
                raise Violation("sealed_left", f"{one.id[:6]} at {provider.name}")


def _seen(cores: dict[CoreId, Any], core: Any) -> set[CoreId]:
    """The facts that the author had seen, with what those had seen."""
    seen: set[CoreId] = set()
    stack = list(core.ah)
    while stack:
        one = stack.pop()
        if one in seen or one not in cores:
            continue
        seen.add(one)
        stack += [*cores[one].ah, *cores[one].re, *([cores[one].dp] if cores[one].dp else [])]
    return seen


def _short(cores: list[CoreId]) -> str:
    return " ".join(core[:6] for core in cores[:5])
