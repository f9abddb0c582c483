"""What follows from facts of spaces: who leaves a firm leaves its spaces; where a firm lives, its spaces live."""

import logging
from collections.abc import Iterable
from typing import Any, Protocol

from verbund.accounts.queries import devices_of
from verbund.base.clock import Clock
from verbund.base.ids import CoreId, ProviderId, SpaceId, b64
from verbund.base.keys import PublicKey
from verbund.base.refusal import Refusal
from verbund.base.settings import Settings
from verbund.log.cursors import Follower
from verbund.log.registry import Event, Fact
from verbund.log.service import LogService
from verbund.log.tx import Reader, Tx
from verbund.spaces import events
from verbund.spaces.authority import authority_now, history_here
from verbund.spaces.deeds import Deeds
from verbund.spaces.history import History
from verbund.spaces.queries import children_of, children_with, role

ERASURES = frozenset({events.ErasureOrdered.kind})
REMOVALS = frozenset({events.MemberRemoved.kind})
NAME_CHARS_MAX = 80
PLACES = frozenset({events.ProviderAdded.kind, events.ProviderRemoved.kind, events.SpaceCreated.kind})
log = logging.getLogger(__name__)


class Installation(Protocol):
    """Who this provider is."""

    key: PublicKey


class Services(Protocol):
    """What the effects need of a running provider."""

    log: LogService
    settings: Settings
    clock: Clock
    parts: dict[str, Any]

    @property
    def installation(self) -> Installation: ...


class SpacesService:
    """Carries what a parent decided into its children, by the provider's device.

    Removals of people go with the cuts of what it took in; providers come and go, and erasures are ordered, with the
    fact that says so. The child's rules check that the parent did decide it, so a provider can do neither by itself.
    """

    def __init__(self, services: Services) -> None:
        self._log, self._key, self._settings = services.log, services.installation.key, services.settings
        self._followers = (
            Follower(services.log, "spaces.removed", REMOVALS, self._leave_children),
            Follower(services.log, "spaces.places", PLACES, self._place_children),
            Follower(services.log, "spaces.erasures", ERASURES, self._erase_in_children),
        )
        self.deeds = services.parts["deeds"] = Deeds(services.log, services.clock)

    async def start(self) -> None:
        for follower in self._followers:
            follower.start()
        await self.deeds.start()

    async def stop(self) -> None:
        await self.deeds.stop()
        for follower in self._followers:
            await follower.stop()

    async def _leave_children(self, fact: Fact) -> None:
        account = fact.event.account

        def work(tx: Tx) -> None:
            tx.flush()
            if role(tx.connection, fact.space, account) is not None:
                return
            for child in children_with(tx.connection, fact.space, account):
                cuts = {dev: tx.head(child, dev)[0] for dev in devices_of(tx, account)}
                self._say(tx, child, events.MemberRemoved(account=account, cuts=cuts), [fact.id])

        await self._log.write(work)

    async def _erase_in_children(self, fact: Fact) -> None:
        """What somebody wrote in the firm is erased: in its rooms too."""
        event: events.ErasureOrdered = fact.event

        def work(tx: Tx) -> None:
            tx.flush()
            for child in children_of(tx.connection, fact.space):
                state = authority_now(tx, child)
                if state is not None and (event.account, event.until) not in state.erasures.values():
                    self._say(tx, child, event, [fact.id])

        await self._log.write(work)

    async def _place_children(self, fact: Fact) -> None:
        """A provider came or went: the children follow. A child was founded: it lives where its parent does."""
        event = fact.event

        def work(tx: Tx) -> None:
            tx.flush()
            if isinstance(event, events.SpaceCreated):
                if event.parent is not None:
                    self._follow_parent(tx, fact.space, event.parent)
                return
            self._introduce(tx, fact.space)
            for child in children_of(tx.connection, fact.space):
                self._carry(tx, child, fact)

        await self._log.write(work)

    def _follow_parent(self, tx: Tx, child: SpaceId, parent: SpaceId) -> None:
        there = providers_named(tx, child)
        for provider, said in providers_named(tx, parent).items():
            if provider not in there and said is not None:
                self._say(tx, child, said.event, [said.id])

    def _carry(self, tx: Tx, child: SpaceId, fact: Fact) -> None:
        named = fact.event.provider in providers_named(tx, child)
        if named != isinstance(fact.event, events.ProviderAdded):
            self._say(tx, child, fact.event, [fact.id])

    def _introduce(self, tx: Tx, space: SpaceId) -> None:
        """Whoever is not alone any more says where it can be found."""
        named = providers_named(tx, space)
        own, name, url = self._key.provider, self._settings.name[:NAME_CHARS_MAX], self._settings.origin
        if own not in named or len(named) == 1:
            return
        said = named[own]
        if said is None or (said.event.name, said.event.url) != (name, url):
            event = events.ProviderAdded(provider=own, alg="ed25519", key=b64(self._key.raw), name=name, url=url)
            self._say(tx, space, event, [])

    def _say(self, tx: Tx, space: SpaceId, event: Event, because: Iterable[CoreId]) -> None:
        try:
            self._log.core.author(tx, self._log.provider_device, space, event, because)
        except Refusal as refusal:
            log.info("%s is for another provider to carry: %s", event.kind, refusal.code)


def providers_named(view: Reader, space: SpaceId) -> dict[ProviderId, Fact | None]:
    """The providers of a space as it is known here, each with the fact that says its name and address."""
    state, history = authority_now(view, space), history_here(view, space)
    if state is None or not isinstance(history, History):
        return {}
    found: dict[ProviderId, Fact | None] = dict.fromkeys(sorted(state.providers))
    for step in history.effective():
        if isinstance(step.fact.event, events.ProviderAdded) and step.fact.event.provider in found:
            found[step.fact.event.provider] = step.fact
    return found
