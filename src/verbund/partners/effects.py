"""The links to other providers: dials, answers, tells each link what was committed and when it is time to compare."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import Connection

from verbund.base.clock import Clock, SteadyClock
from verbund.base.ids import AccountId, ProviderId, SpaceId, b64
from verbund.base.refusal import Refusal
from verbund.base.settings import Settings
from verbund.blobs.service import Blobs
from verbund.log.appended import Appended, Written
from verbund.log.registry import Fact
from verbund.log.service import LogService
from verbund.partners import agreements, queries
from verbund.partners.acquainted import Acquainted
from verbund.partners.actions import Contradiction, Learn
from verbund.partners.agreements.codes import may_dial
from verbund.partners.blobs import Bytes, Missing
from verbund.partners.dialling import Dialling
from verbund.partners.here import Here
from verbund.partners.holding import Holding
from verbund.partners.homecoming import Homecoming
from verbund.partners.link import Accepted, Gone, Link, Met, Own, Wire, meet, turn_away
from verbund.partners.passing import Hub, Passings
from verbund.partners.peer import Peer
from verbund.partners.refusals import NotKnown, Superfluous, TooMuch
from verbund.partners.rounds import for_ever
from verbund.partners.safe import Safe
from verbund.partners.schemas import PartnerStatus
from verbund.partners.signing import Signing
from verbund.partners.state import Exchange
from verbund.partners.taking import Taking
from verbund.partners.tls import shared

TICK_S = 0.25
GATHER_S = 0.1
OPENINGS_MAX = 32
LINKS_MAX = 64
PEERS_MAX = 1_000
AUTHORITY = "authority."
BYTES_S_OF_MBIT = 125_000
BLOBS_NAMED = '"blobs":["'
log = logging.getLogger(__name__)


class Services(Protocol):
    """What the links need of a running provider."""

    log: LogService
    settings: Settings
    clock: Clock
    parts: dict[str, Any]
    blobs: Blobs
    data: Path

    @property
    def live(self) -> Hub: ...


class PartnersService:
    """Everything between this provider and its partners. Lives in the loop's thread."""

    def __init__(self, services: Services) -> None:
        self._log, self._clock, self._live = services.log, services.clock, services.live
        self._own = Own(services.parts["own_identity"], services.log.provider_device, services.settings.origin)
        self.here = Here(services.log.provider, services.log.core.incarnation)
        self.peers: dict[ProviderId, Peer] = {}
        self.links: dict[ProviderId, Link] = {}
        self._acquainted = Acquainted(services.log)
        self._steady = SteadyClock()
        head_key = services.parts["head_key"]
        self.signing = Signing(services.log, self.here, head_key, services.clock, self._steady, self.links)
        self.check, self.give, self.unpack = self.signing.check, self.signing.give, self.signing.unpack
        self._openings = 0
        self._agreed: set[ProviderId] = set()
        self._ended: frozenset[ProviderId] = frozenset()
        self._stale, self._reading, self._forgeries = asyncio.Event(), False, services.log.forgeries
        self._safe = Safe(self.here, self.peers, services.live)
        self.passings = Passings(services.log.store, self.here, self.links, services.live, services.parts["presence"])
        self.heard = self.passings.heard
        self._tasks: list[asyncio.Task[None]] = []
        secure = shared(services.settings)
        bytes_s = services.settings.partner_mbit_s * BYTES_S_OF_MBIT
        self.holding = Holding(services.parts.setdefault("shelves", {}), self.here)
        self._bytes = Bytes(self._own, services.clock, self._linked, self.holding, secure, bytes_s)
        self.deliver, self.delivered = self._bytes.deliveries.bring, self._bytes.deliveries.came
        self._missing = Missing(
            services.log.store, services.blobs, self._bytes, services.data / "arriving", self._found_blobs
        )
        taking = Taking(services.log, self.here, self._missing, self._steady, self._changed)
        self.load, self.take = taking.load, taking.take
        self.give_newest, self.take_newest = taking.give_newest, taking.take_newest
        self._dialling = Dialling(services.settings.partners, self._own, self.answered, self._is_linked, secure)
        self.fetch, self.fetch_into = self._bytes.fetch, self._bytes.fetch_into
        self._home = services.parts["homecoming"] = Homecoming(services.data, self.here, self.peers, time.monotonic)
        services.parts["partners"] = self
        services.parts["me_enrichers"].append(self._holders)
        services.parts["shelves"]["blob"] = services.blobs.path_of

    async def start(self) -> None:
        self._log.told.append(self._told)
        self._live.durable_of = self._safe.of
        await self._acquainted.start()
        await self._refresh()
        await self.signing.start()
        self._home.begin()
        parts = self.signing, self._safe, self._missing, self._dialling
        runs = (self._tick, self._refresh_for_ever, *(one.run for one in parts))
        self._tasks = [asyncio.create_task(for_ever(run)) for run in runs]

    async def stop(self) -> None:
        with suppress(ValueError):
            self._log.told.remove(self._told)
        for link in list(self.links.values()):
            link.close("partners.restarting")
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._dialling.stop()
        await self._bytes.close()

    def status(self) -> list[PartnerStatus]:
        """Every partner that was ever met since the start, and where it stands."""
        now = self.now_ms()
        off = self._clock.now_ms() - now
        return [
            PartnerStatus(
                provider, peer.address, provider in self.links, peer.lag_ms(now), peer.backlog(self.here),
                peer.equal_at and peer.equal_at + off, len(peer.proofs) + self.signing.proofs[provider],
            )
            for provider, peer in sorted(self.peers.items())
        ]  # fmt: skip

    def look_again(self) -> None:
        """Operators agreed or ended something."""
        self._stale.set()

    def is_alone(self, space: SpaceId) -> bool:
        """Whether nobody else holds this space: what is on disk here is as safe as it gets."""
        return not self.here.others(space)

    # What others call

    async def serve(self, receive: Callable[[], Any], send: Callable[[dict[str, Any]], Any]) -> None:
        """A socket that somebody opened at /partners/link, accepted already."""
        wire = Accepted(receive, send)
        if self._openings >= OPENINGS_MAX or len(self.links) >= LINKS_MAX:
            await turn_away(wire, TooMuch())
            return
        self._openings += 1
        try:
            met = await meet(wire, self._own, "", self._admits)
        except Refusal as refusal:
            await turn_away(wire, refusal)
            return
        except (Gone, TimeoutError):
            return
        finally:
            self._openings -= 1
        self._dialling.heard(met.provider)
        called = met if may_dial(met.home, self._own.origin) else met._replace(home="")
        await self.answered(wire, called, met.provider)

    async def answered(self, wire: Wire, met: Met, dialled_by: ProviderId) -> str:
        """Both sides have proven who they are: exchange until the link ends; the code why."""
        peer = self.peers.get(met.provider)
        if peer is None:
            if len(self.peers) >= PEERS_MAX:
                await turn_away(wire, TooMuch())
                return TooMuch.code
            peer = self.peers[met.provider] = Peer(met.provider)
        peer.address = met.home
        link = Link(wire, met, dialled_by, Exchange(self.here, peer, self.now_ms(), met.protocol), self)
        if not self._enter(link):
            await turn_away(wire, Superfluous())
            return Superfluous.code
        try:
            await self.learn(Learn([met.identity]))
            peer.held_now(self.here, self.now_ms())
            self._compare(link)
            self._introduce()
            self.passings.met(link)
            await self.signing.met(link)
            for space in self.here.shared(met.provider):
                self._missing.look(space)
            log.info("linked to partner %s", met.provider)
            return await link.run()
        finally:
            self._leave(link)

    # What a link has done for it

    def now_ms(self) -> int:
        """What links measure their waits by."""
        return self._steady.now_ms()

    async def learn(self, found: Learn) -> None:
        if await self._acquainted.learn(found.identities):
            self._introduce()

    def _introduce(self) -> None:
        for link in self.links.values():
            link.exchange.know(self._acquainted.identities)
            link.pump()

    def contradicted(self, link: Link, found: Contradiction) -> None:
        peer = self.peers[link.met.provider]
        if peer.contradicted(found.space, found.sub, found.seq, found.here, found.there):
            log.error("two histories of %s at %d in %s, says %s", found.sub, found.seq, found.space, peer.provider)

    # Inside

    def _told(self, appended: Appended) -> None:
        """A commit appended these: the links send on what their partners have not got."""
        by_space: dict[SpaceId, list[tuple[Written, Fact | None]]] = {}
        for space, written, fact in appended:
            if fact is not None and fact.core.k.startswith(AUTHORITY):
                self._stale.set()
            by_space.setdefault(space, []).append((written, fact))
        for space, came in by_space.items():
            here = self.here
            if space not in here.local and any(fact is not None and here.is_ours(one.sub) for one, fact in came):
                here.local.add(space)
            if space in here.reach or self._reading:
                self._reached(space, came)

    def _reached(self, space: SpaceId, came: list[tuple[Written, Fact | None]]) -> None:
        """There is more of a space, whose holders may be elsewhere."""
        last: dict[int, Written] = {}
        for one, fact in came:
            place = one.place
            if place.provider != self.here.own:
                if fact is not None and fact.blobs:
                    self._missing.look(space)
                continue
            before = last.get(place.incarnation)
            if before is None or before.place.seq < place.seq:  # what comes late is told at its old place
                last[place.incarnation] = one
        if last:
            self.here.advance(space, [(one.sub, one.place.seq, b64(one.place.chain)) for one in last.values()])
            self.signing.due(space)
        self._safe.look(space)
        others = self.here.others(space)
        entries = [one for one, _ in came]
        for provider in others:
            if (peer := self.peers.get(provider)) is not None:
                peer.appended(space, self.now_ms())
            if (link := self.links.get(provider)) is not None:
                link.exchange.appended(space, entries)
                link.pump()

    def _changed(self, space: SpaceId, by: Link) -> None:
        """More is here: others are told with the next comparison, where the entries themselves do not tell them."""
        self._safe.look(space)
        for link in self.links.values():
            if link is not by:
                link.exchange.changed(space)

    async def _found_blobs(self, space: SpaceId, still_lacking: dict[str, int]) -> None:
        if self.here.lacks(space, still_lacking):
            self._safe.look(space)
            for link in list(self.links.values()):
                link.exchange.reached(space)
                link.pump()

    def _enter(self, link: Link) -> bool:
        """Of two links to one provider the one stays that the smaller id dialled; of two that it dialled, the newer."""
        other = self.links.get(link.met.provider)
        if other is not None:
            if link.dialled_by > other.dialled_by:
                return False
            other.close(Superfluous.code)
        self.links[link.met.provider] = link
        self._hurry()
        return True

    def _leave(self, link: Link) -> None:
        if self.links.get(link.met.provider) is link:
            del self.links[link.met.provider]
            self.passings.left(link.met.provider)
            log.info("link to partner %s ended: %s", link.met.provider, link.code)
            self._hurry()

    def _hurry(self) -> None:
        for link in self.links.values():
            link.exchange.hurry()

    def _is_linked(self, provider: ProviderId) -> bool:
        return provider in self.links

    def _admits(self, provider: ProviderId) -> bool:
        if provider in self._ended:
            return False
        known = provider in self._agreed or self._dialling.knows(provider)
        return known or any(provider in held_by for held_by in self.here.holders.values())

    def _linked(self, space: SpaceId) -> list[Link]:
        return [self.links[one] for one in sorted(self.here.others(space)) if one in self.links]

    def _compare(self, link: Link) -> None:
        link.exchange.tick(self.now_ms(), list(self.links))
        link.pump()

    async def _tick(self) -> None:
        while True:
            for link in list(self.links.values()):
                self._compare(link)
            self._home.look()
            if self._forgeries != self._log.forgeries:
                self._forgeries = self._log.forgeries
                self._stale.set()
            await asyncio.sleep(TICK_S)

    async def _refresh_for_ever(self) -> None:
        while True:
            await self._stale.wait()
            await asyncio.sleep(GATHER_S)
            try:
                await self._refresh()
            except BaseException:
                self._stale.set()
                raise

    async def _refresh(self) -> None:
        """Read again who holds what. What is committed meanwhile is noted by `_told`, so nothing is missed."""
        self._stale.clear()
        self._reading = True
        try:
            found, agreed, self._ended = await asyncio.to_thread(self._read)
        finally:
            self._reading = False
        before = {provider: set(self.here.shared(provider)) for provider in self.links}
        self._agreed = {provider for provider, _ in agreed}
        self._dialling.agreed(agreed)
        promised = found.expected.keys() - self.here.expected.keys()
        self.here.holders, self.here.expected, self.here.forged = found.holders, found.expected, found.forged
        self.here.local |= found.local
        for space, reach in found.reach.items():
            self.here.lacks(space, found.lacking.get(space, {}))
            self.here.advance(space, [(sub, mark.seq, mark.chain) for sub, mark in reach.items()])
        for peer in self.peers.values():
            peer.held_now(self.here, self.now_ms())
        for provider, link in self.links.items():
            for space in set(self.here.shared(provider)) - before.get(provider, set()):
                link.exchange.changed(space)
                link.exchange.hurry()
                link.exchange.promised(space, self.now_ms())
            for space in promised:
                link.exchange.promised(space, self.now_ms())
            link.pump()
        for space in found.holders:
            self._safe.look(space)
            self.signing.due(space)
        for provider, link in list(self.links.items()):
            if not self._admits(provider):
                link.close(NotKnown.code)
        self._introduce()

    def _read(self) -> tuple[queries.Snapshot, list[tuple[ProviderId, str]], frozenset[ProviderId]]:
        with self._log.store.read() as connection:
            found = queries.snapshot(connection, self.here.own)
            return found, agreements.dialled(connection), agreements.ended(connection)

    def _holders(
        self, _connection: Connection, spaces: Sequence[SpaceId], _viewer: AccountId
    ) -> Mapping[SpaceId, Mapping[str, Any]]:
        return {space: {"holders": 1 + len(self.here.others(space))} for space in spaces}
