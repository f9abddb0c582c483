"""Where an organisation's spaces lie, and where they could. Never writes."""

from typing import Any

from msgspec.structs import replace
from sqlalchemy import Connection

from verbund import __version__
from verbund.base.ids import AccountId, ProviderId, b64
from verbund.partners.agreements.queries import AGREED, ENDED, ENDING, Partnership, partnerships
from verbund.partners.agreements.schemas import Places, PlaceShape
from verbund.partners.agreements.texts import version_of
from verbund.partners.proofs import counts
from verbund.spaces.queries import abilities_in, children_of, home_of, members_of, providers_of
from verbund.spaces.state import PROVIDERS


def places(connection: Connection, space: str, account: AccountId, services: Any) -> Places:
    """This provider, those that hold the organisation, and agreed partners that could."""
    own: ProviderId = services.log.provider
    holding = providers_of(connection, space)
    known = {one.provider: one for one in partnerships(connection)}
    hosts = {host.provider: host for host in services.parts["hosts_of"](connection, account)}
    home = home_of(connection, space)
    shown = [_own(services, own in holding, own == home)]
    shown += [_other(known.get(one), one, hosts.get(one), True, one == home, services) for one in holding if one != own]
    shown += [
        _other(one, provider, None, False, False, services)
        for provider, one in known.items()
        if provider not in holding and one.state == AGREED and one.address and one.organisation in (None, space)
    ]
    proven = counts(connection)
    shown = [replace(one, proofs=proven.get(ProviderId(one.provider), 0)) for one in shown]
    may_choose = PROVIDERS in abilities_in(connection, space, account)
    people = len(members_of(connection, space))
    offers = may_connect(connection, space, account, services)
    return Places(shown, len(children_of(connection, space)) + 1, people, may_choose, offers)


def may_connect(connection: Connection, space: str, account: AccountId, services: Any) -> bool:
    """Whether this person may have a machine of the organisation's own hold its spaces."""
    return services.settings.office_machines and PROVIDERS in abilities_in(connection, space, account)


def _own(services: Any, holds: bool, home: bool) -> PlaceShape:
    settings, key = services.settings, services.installation.key
    return PlaceShape(
        services.log.provider, settings.name, settings.place, settings.contact, settings.origin, key.alg, b64(key.raw),
        "own", holds, home, None, None, __version__, {}, True, 0, None, 0,
    )  # fmt: skip


def _other(
    one: Partnership | None, provider: ProviderId, host: Any, holds: bool, home: bool, services: Any
) -> PlaceShape:  # fmt: skip
    link = _link(services, provider)
    if one is None:
        name, url = (host.name, host.url) if host else (provider[:8], "")
        return PlaceShape(provider, name, "", "", url, "", "", "named", holds, home, None, None, None, {}, *link)
    state = {AGREED: AGREED, ENDED: ENDED, ENDING: ENDED}.get(one.state, "named")
    text = one.own_text if one.state == AGREED else None
    return PlaceShape(
        provider, one.shown_name, one.place, one.contact, one.address, one.alg, one.key, state, holds, home,
        one.agreed_at, text, version_of(text), one.fate, *link,
    )  # fmt: skip


def _link(services: Any, provider: str) -> tuple[bool | None, int | None, int | None, int]:
    """(whether it is linked now, how far it is behind in ms, when it was last equal, no proofs yet), as far as the link
    knows.
    """
    link = services.parts.get("partners")
    found = {one.provider: one for one in link.status()} if hasattr(link, "status") else {}
    seen = found.get(provider)
    if seen is None:
        return (False if found or link is not None else None), None, None, 0
    return seen.linked, seen.lag_ms, seen.equal_at, 0
