"""What passes between people of different providers: who is there, who is writing. Kept nowhere, retried never."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from verbund.base.ids import AccountId, ProviderId, SpaceId, is_hash
from verbund.log.store import Store
from verbund.partners.hearing import PRESENCE, Tell
from verbund.partners.here import Here
from verbund.partners.link import Link
from verbund.partners.safe import Live
from verbund.spaces.queries import members_among

#: Of one space, in one frame.
ACCOUNTS_MAX = 500
STATES = ("online", "offline")


class Presence(Protocol):
    """Who is here, and what is heard of others."""

    def here(self, space: SpaceId) -> list[AccountId]: ...

    def heard(self, provider: ProviderId, space: SpaceId, accounts: Iterable[AccountId], state: str) -> None: ...

    def lost(self, provider: ProviderId) -> None: ...


class Hub(Live, Protocol):
    """Where people here hear of it."""

    elsewhere: Callable[[SpaceId, str, Any, AccountId | None], None]

    def signal_here(self, space: SpaceId, kind: str, data: Any, *, by: AccountId | None = None) -> None: ...


class Passings:
    """Passes on what people here do, and tells them what those at partners do."""

    def __init__(
        self, store: Store, here: Here, links: Mapping[ProviderId, Link], hub: Hub, presence: Presence
    ) -> None:  # fmt: skip
        self._store, self._here, self._links, self._hub, self._presence = store, here, links, hub, presence
        hub.elsewhere = self._pass_on

    def met(self, link: Link) -> None:
        """A link begins: the partner hears who is here."""
        for space in self._here.shared(link.met.provider):
            accounts = self._presence.here(space)
            if accounts:
                link.say(link.exchange.hearing.say(space, PRESENCE, {"accounts": accounts, "state": "online"}, None))

    def left(self, provider: ProviderId) -> None:
        self._presence.lost(provider)

    async def heard(self, link: Link, tell: Tell) -> None:
        """Invariant: a partner speaks of people of that space only."""
        await self.hear(link.met.provider, tell)

    async def hear(self, provider: ProviderId, tell: Tell) -> None:
        accounts = _accounts(tell)
        known = await asyncio.to_thread(self._members, tell.space, accounts)
        if tell.kind == PRESENCE:
            state = tell.data.get("state") if known else None
            if state in STATES:
                self._presence.heard(provider, tell.space, known, state)
        elif tell.by in known:
            self._hub.signal_here(tell.space, tell.kind, tell.data, by=tell.by)

    def _pass_on(self, space: SpaceId, kind: str, data: Any, by: AccountId | None) -> None:
        for provider in self._here.others(space):
            link = self._links.get(provider)
            if link is not None:
                link.say(link.exchange.hearing.say(space, kind, data, by))

    def _members(self, space: SpaceId, accounts: list[AccountId]) -> list[AccountId]:
        with self._store.read() as connection:
            return members_among(connection, space, accounts)


def _accounts(tell: Tell) -> list[AccountId]:
    """Whom it is about."""
    if tell.kind != PRESENCE:
        return [] if tell.by is None else [tell.by]
    said = tell.data.get("accounts") if isinstance(tell.data, dict) else None
    found = said if isinstance(said, list) else []
    return [AccountId(one) for one in found[:ACCOUNTS_MAX] if isinstance(one, str) and is_hash(one)]
