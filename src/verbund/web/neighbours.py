"""The other providers that hold spaces of this one: their addresses for people, pages and their content policy.

Their facts say where they are found; the addresses of partners that only the settings know count as well.
"""

import re
import threading
from collections.abc import Iterable
from urllib.parse import urlsplit

import msgspec
from sqlalchemy import Connection, select

from verbund.base.ids import AccountId, ProviderId, SpaceId
from verbund.base.settings import Settings
from verbund.log import tables as log_tables
from verbund.log.appended import Appended
from verbund.log.compact import numbers_of
from verbund.log.entry import SETTLED
from verbund.log.store import Store
from verbund.spaces import tables
from verbund.spaces.events import ProviderAdded
from verbund.spaces.queries import space_ids_of
from verbund.spaces.schemas import Host

HOSTS_MAX = 8
ORIGINS_MAX = 200
PLACES = ("authority.provider_", "authority.home_", "authority.space_created.")
#: What may stand in a content policy: a scheme, a host and a port, nothing else.
_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:\d{1,5})?|https?://\[[0-9a-f:]+\](:\d{1,5})?")
_places = msgspec.json.Decoder(ProviderAdded)
Places = dict[SpaceId, dict[ProviderId, Host]]


class Neighbours:
    """Reads what the spaces say, and again when they say something else."""

    def __init__(self, store: Store, settings: Settings, provider: ProviderId) -> None:
        self._store, self._provider = store, provider
        self._own = Host(provider, settings.name, settings.origin)
        self._settled = [origin for url in settings.partners if (origin := origin_of(url))]
        self._places: Places | None = None
        self._changes = 0
        self._lock = threading.Lock()
        self._origins: tuple[str, ...] = ()
        #: (organisation, provider) of every chosen home.
        self._homes: frozenset[tuple[SpaceId, ProviderId]] = frozenset()

    def told(self, appended: Appended) -> None:
        """A commit may have said where a space lives."""
        if any(kind.startswith(PLACES) for kind in appended.kinds):
            self._changes += 1
            self._places = None

    def hosts(self, connection: Connection, account: AccountId) -> list[Host]:
        """Where this person can go on: this provider first, then the home of their organisation, then those that hold
        most of their spaces."""
        places = self._known()
        found: dict[ProviderId, list[Host]] = {}
        mine = space_ids_of(connection, account)
        for space in mine:
            for provider, host in places.get(space, {}).items():
                found.setdefault(provider, []).append(host)
        homes = self._homes.intersection((space, provider) for space in mine for provider in (*found, self._provider))
        chosen = {provider for _, provider in homes}
        order = sorted(found, key=lambda provider: (provider not in chosen, -len(found[provider]), provider))
        hosts = [self._own, *(found[provider][-1] for provider in order)][:HOSTS_MAX]
        return [msgspec.structs.replace(host, home=host.provider in chosen) for host in hosts]

    @property
    def held(self) -> tuple[str, ...] | None:
        """The origins as they were read; None when they have to be read again."""
        return None if self._places is None else self._origins

    def origins(self) -> tuple[str, ...]:
        """The origins of every neighbour: their pages may ask here, ours may ask there."""
        if self._places is None:
            self._known()
        return self._origins

    def _known(self) -> Places:
        """Invariant: what is kept was read after the last change; an older view of the store would stay for ever."""
        with self._lock:
            places, changes = self._places, self._changes
            if places is None:
                with self._store.read() as connection:
                    places = self._read(connection)
                said = (host.url for hosts in places.values() for host in hosts.values())
                others = dict.fromkeys([*self._settled, *said])
                others.pop(self._own.url, None)
                self._origins = tuple(others)[:ORIGINS_MAX]
                if changes == self._changes:
                    self._places = places
            return places

    def _read(self, connection: Connection) -> Places:
        core, named = log_tables.core.c, tables.space_provider.c
        rows = connection.execute(
            select(core.space, core.body)
            .where(core.space.in_(numbers_of(select(named.space))), core.authority == 1, core.state == SETTLED)
            .where(core.kind == ProviderAdded.kind, core.body.is_not(None))
            .order_by(core.space, core.t, core.id)
        ).all()
        living: dict[str, set[str]] = {}
        homes = set()
        for row in connection.execute(select(named.space, named.provider, named.home)):
            living.setdefault(row.space, set()).add(row.provider)
            if row.home:
                homes.add((SpaceId(row.space), ProviderId(row.provider)))
        self._homes = frozenset(homes)
        return gathered(((row.space, bytes(row.body)) for row in rows), living, self._provider)


def gathered(said: Iterable[tuple[str, bytes]], living: dict[str, set[str]], own: ProviderId) -> Places:
    """space → its other providers; of several facts about one the last counts, and none without a plain address."""
    places: Places = {}
    for space, raw in said:
        event = _places.decode(raw)
        origin = origin_of(event.url)
        if origin and event.provider != own and event.provider in living.get(space, ()):
            places.setdefault(SpaceId(space), {})[event.provider] = Host(event.provider, event.name, origin)
    return places


def origin_of(url: str) -> str:
    """Scheme, host and port of an address; empty for what is none."""
    try:
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}".lower()
    except ValueError:
        return ""
    return origin if _ORIGIN.fullmatch(origin) else ""
