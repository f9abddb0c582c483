"""Which providers hold which space: the one place of that rule.

A space that names providers is held by those. Conversations and personal spaces name none: they are held where an
organisation is that all their people are members of. An account's space is held wherever one of its spaces is, for
without it nobody there could verify what it wrote.
"""

from collections import defaultdict
from typing import Any

import msgspec
from sqlalchemy import Connection, and_, select

from verbund.base.ids import ProviderId, SpaceId
from verbund.log import tables as log_tables
from verbund.log.entry import SETTLED
from verbund.spaces import tables
from verbund.spaces.events import ProviderAdded
from verbund.spaces.schemas import Holder
from verbund.spaces.state import MEMBER, RANK

DERIVED = ("direct", "personal")
_added = msgspec.json.Decoder(ProviderAdded)
Held = dict[SpaceId, frozenset[ProviderId]]


def held_by(connection: Connection) -> Held:
    """Space → the providers that hold it, account spaces first; without those that no fact says anything of.

    What this provider has it holds as well, named or not: that is for the caller to know.
    """
    named: dict[str, set[str]] = defaultdict(set)
    for row in connection.execute(select(tables.space_provider)):
        named[row.space].add(row.provider)
    people = _people(connection)
    found = {**named, **_derived(connection, named, people)}
    accounts: dict[str, set[str]] = defaultdict(set)
    for space, providers in found.items():
        for account in people.get(space, ()):
            accounts[account] |= providers
    return {
        SpaceId(space): frozenset(ProviderId(one) for one in providers)
        for space, providers in sorted(accounts.items()) + sorted(found.items())
    }


def holders(connection: Connection, space: SpaceId) -> list[Holder]:
    """The providers that hold a space, as their newest facts describe them."""
    found = held_by(connection).get(space, frozenset())
    said: dict[str, ProviderAdded] = {}
    core = log_tables.core.c
    rows = connection.execute(
        select(core.space, core.body)
        .where(core.kind == ProviderAdded.kind, core.authority == 1, core.state == SETTLED, core.body.is_not(None))
        .order_by(core.t, core.id)
    )
    for row in rows:
        event = _added.decode(bytes(row.body))
        if event.provider in found and (row.space == space or event.provider not in said):
            said[event.provider] = event
    return [_holder(one, said.get(one)) for one in sorted(found)]


def spaces_at(connection: Connection, provider: str) -> list[SpaceId]:
    """The spaces that this provider holds, those of accounts included."""
    return [space for space, providers in held_by(connection).items() if provider in providers]


def _holder(provider: ProviderId, said: ProviderAdded | None) -> Holder:
    if said is None:
        return Holder(provider, "", "", "", "")
    return Holder(provider, said.name, said.url, said.alg, said.key)


def _people(connection: Connection) -> dict[str, set[str]]:
    """Space → who belongs to it, and who was removed: what they wrote must be verified as well."""
    found: dict[str, set[str]] = defaultdict(set)
    member, cut, opened = tables.space_member.c, log_tables.cut.c, tables.space.c
    for row in connection.execute(select(member.space, member.account)):
        found[row.space].add(row.account)
    # A removal's cuts stand under the account too; those of a device name no account and hold no space.
    for row in connection.execute(select(cut.space, cut.dev).join(tables.space, opened.space == cut.space).distinct()):
        found[row.space].add(row.dev)
    return found


def _derived(connection: Connection, named: dict[str, set[str]], people: dict[str, set[str]]) -> dict[str, set[str]]:
    """Conversations and personal spaces → the providers of the organisations of all their people."""
    firms: dict[str, set[str]] = defaultdict(set)
    member, opened = tables.space_member.c, tables.space.c
    colleagues: Any = and_(opened.space == member.space, opened.sort == "organisation")
    for row in connection.execute(select(member.space, member.account, member.role).join(tables.space, colleagues)):
        if RANK[row.role] >= RANK[MEMBER] and row.space in named:
            firms[row.account].add(row.space)
    found: dict[str, set[str]] = {}
    for space in connection.execute(select(opened.space).where(opened.sort.in_(DERIVED))).scalars():
        everybody = people.get(space, set())
        shared = set.intersection(*(firms.get(one, set()) for one in everybody)) if everybody else set()
        if shared:
            found[space] = set().union(*(named[firm] for firm in shared))
    return found
