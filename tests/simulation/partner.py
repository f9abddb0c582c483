"""A provider with the production exchange, and what partners/effects.py and link.py do around it, without sockets.

What they do beside each other are `tasks` here: the schedule says which goes on next.
"""

from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress

import msgspec

from tests.simulation.heads import Signing
from tests.simulation.line import END, Line, Lines
from tests.simulation.provider import Provider
from tests.simulation.rogue import Rogue
from verbund.base.ids import ProviderId, SpaceId
from verbund.base.refusal import Overloaded, Refusal
from verbund.log.appended import Appended
from verbund.log.entry import Vector
from verbund.log.newest import newest
from verbund.log.tx import Tx
from verbund.log.writer import Work
from verbund.partners import queries
from verbund.partners.acquainted import IDENTITIES_MAX
from verbund.partners.actions import (
    Check,
    Close,
    Contradiction,
    Give,
    GiveNewest,
    Learn,
    Send,
    Take,
    TakeNewest,
    Unpack,
)
from verbund.partners.commands import keep_identities
from verbund.partners.durable import durable
from verbund.partners.effects import AUTHORITY, TICK_S
from verbund.partners.here import Here
from verbund.partners.identity import check_identity, identity
from verbund.partners.link import FRAME_BYTES_MAX
from verbund.partners.peer import Peer
from verbund.partners.push import Load, Placed, placed
from verbund.partners.refusals import NotHeld, Protocol, Superfluous, TooEarly, TooMuch
from verbund.partners.schemas import PACKED, PROTOCOLS, Bulk, Bye, Frame, Identity
from verbund.partners.state import Exchange
from verbund.partners.taking import PAGE_MAX, Ends, accept, take_early

TASKS_MAX = 200
_frame = msgspec.json.Decoder(Frame)
_bulk = msgspec.msgpack.Decoder(Bulk)
_encoder = msgspec.json.Encoder()


class Link:
    """One provider's end of a line."""

    def __init__(self, owner: "Partner", provider: ProviderId, line: Line, dialled_by: str, protocol: int) -> None:
        peer = owner.peers.setdefault(provider, Peer(provider))
        self.owner, self.provider, self.line, self.dialled_by, self.peer = owner, provider, line, dialled_by, peer
        self.protocol, self.incarnation = protocol, 0
        self.exchange = Exchange(owner.here, peer, owner.now_ms, protocol)
        self.turn: deque[Take | Unpack] = deque()
        self.code: str | None = None
        line.links[owner.name] = self

    def pump(self) -> None:
        """Do what the exchange asks for."""
        for action in self.exchange.actions():
            if self.code is not None:
                return
            match action:
                case Send():
                    self.owner.send(self, action.frame)
                case Load():
                    self.owner.later(lambda asked=action: self.owner.load(self, asked))
                case Take() | Unpack():
                    self.owner.take(self, action)
                case Check():
                    self.owner.later(lambda found=action: self.owner.check(self, found))
                case Give():
                    self.owner.later(lambda asked=action: self.owner.give(self, asked))
                case GiveNewest():
                    self.owner.later(lambda asked=action: self.owner.give_newest(self, asked))
                case TakeNewest():
                    self.owner.later(lambda found=action: self.owner.take_newest(self, found))
                case Learn():
                    self.owner.later(lambda found=action: self.owner.learn(found.identities))
                case Contradiction():
                    self.owner.contradicted(self, action)
                case Close():
                    self.close(action.code)

    def heard(self, raw: bytes) -> None:
        """A frame arrives."""
        if len(raw) > FRAME_BYTES_MAX:
            self.close(TooMuch.code)
            return
        try:
            is_packed = self.protocol >= PACKED and not raw.startswith(b"{")
            frame = _bulk.decode(raw) if is_packed else _frame.decode(raw)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            self.close(Protocol.code)
            return
        self.exchange.received(frame, self.owner.now_ms)
        self.pump()

    def close(self, code: str) -> None:
        """Say why and end."""
        if self.code is None:
            self.owner.send(self, _encoder.encode(Bye(code)))
            self.gone(code)

    def gone(self, code: str) -> None:
        """The line is dead, as far as this end knows."""
        if self.code is None:
            self.code = code
            self.owner.send(self, END)
            self.line.links.pop(self.owner.name, None)
            self.owner.left(self)


class Partner(Provider):
    """One installation among others."""

    lines: Lines
    #: (space, sub-log) of which two histories were seen.
    proofs: set[tuple[SpaceId, str]]
    stopped_until_ms = 0
    #: Set where this provider does not keep to what was agreed.
    rogue: "Rogue | None" = None
    #: What this release speaks.
    protocols = PROTOCOLS
    time: list[int]

    @property
    def now_ms(self) -> int:
        """What waits are measured by: no clock that somebody sets."""
        return self.clock.true_ms

    def start(self) -> None:
        self.here: Here | None = None
        super().start()
        self.own = identity(self.root, self.key, self.incarnation)
        self.here = Here(self.provider, self.incarnation)
        self.peers: dict[ProviderId, Peer] = {}
        self.links: dict[ProviderId, Link] = {}
        self.tasks: list[Callable[[], None]] = []
        self.is_stale, self.is_reading, self.ticked_ms, self.forgeries = False, False, 0, 0
        with self.disk.read() as connection:
            known = queries.identities(connection, IDENTITIES_MAX)
        self.known = {one.certificate: one for one in known}
        self._refreshed(self._read())
        self.signing = Signing(self)

    def stop(self) -> None:
        """The process ends without a word; its connections are dead."""
        for link in list(self.links.values()):
            link.gone("partners.gone")
        super().stop()

    def later(self, task: Callable[[], None]) -> None:
        """Something that goes on once it is its turn."""
        assert len(self.tasks) < TASKS_MAX, "the exchange asks for more at a time than it should"
        self.tasks.append(task)

    # The links

    def enter(self, met: "Partner", line: Line, dialled_by: str) -> None:
        """Both sides have proven who they are (see effects.answered)."""
        provider, protocol = met.provider, max(set(self.protocols) & set(met.protocols))
        link, other = Link(self, provider, line, dialled_by, protocol), self.links.get(provider)
        link.incarnation = met.incarnation
        if other is not None and dialled_by > other.dialled_by:
            link.close(Superfluous.code)
            return
        if other is not None:
            other.close(Superfluous.code)
        self.links[provider] = link
        self._hurry()
        self.learn([met.own])
        link.peer.held_now(self.here, self.now_ms)
        self._compare(link)
        self._introduce()

    def left(self, link: Link) -> None:
        if self.links.get(link.provider) is link:
            del self.links[link.provider]
            self._hurry()

    def send(self, link: Link, frame: bytes) -> None:
        target = link.line.other(self.name)
        due_ms = self.time[0] + self.lines.delay(self.name, target)
        for one in [frame] if self.rogue is None or frame == END else self.rogue.say(link, frame):
            link.line.put(self.name, one or b" ", due_ms)

    def tick(self) -> None:
        if self.time[0] - self.ticked_ms >= TICK_S * 1000:
            self.ticked_ms = self.time[0]
            self.is_stale |= self.forgeries != self.service.forgeries
            self.forgeries = self.service.forgeries
            for link in list(self.links.values()):
                self._compare(link)
            self.signing.tick(self.now_ms)

    def _compare(self, link: Link) -> None:
        link.exchange.tick(self.now_ms, list(self.links))
        link.pump()

    def _hurry(self) -> None:
        for link in self.links.values():
            link.exchange.hurry()

    # What a link has done for it

    def load(self, link: Link, asked: Load) -> None:
        page, more = self.service.entries(asked.space, asked.after, PAGE_MAX)
        link.exchange.paged(asked, [placed(raw)[0] for raw in page], not more)
        link.pump()

    def check(self, link: Link, found: Check) -> None:
        self.signing.check(found.frame)
        link.exchange.checked(found.frame, self.now_ms)
        link.pump()

    def give(self, link: Link, asked: Give) -> None:
        link.exchange.given(asked.space, *self.signing.beyond(asked.space, asked.after))
        link.pump()

    def take(self, link: Link, take: Take | Unpack) -> None:
        """What came first is written first, whoever's examination takes longer."""
        link.turn.append(take)
        self.later(lambda: self._examine(link, link.turn.popleft()))

    def _examine(self, link: Link, take: Take | Unpack) -> None:
        """Beside the writer: form and signatures; then the writer's turn."""
        try:
            entries = take.unpacked()
            if isinstance(take, Unpack):
                link.exchange.unpacked(take.n, entries, self.now_ms)
                link.pump()
                return
            link.exchange.compare(take.space, entries)
            examined = self.service.ahead.examine(entries)
        except Refusal as refusal:
            self._refused(link, take, refusal.code)
            return

        def work(tx: Tx) -> Ends:
            return accept(self.log, take, examined, tx)

        def done(work: Work) -> None:
            if isinstance(work.error, Refusal):
                self._refused(link, take, work.error.code)
                return
            if self.here.advance(take.space, work.result):
                self._changed(take.space, link)
            link.exchange.taken(take.n)
            link.pump()

        if not self.receive(work, True, lambda work: self.later(lambda: done(work))):
            self._refused(link, take, Overloaded.code)

    def give_newest(self, link: Link, asked: GiveNewest) -> None:
        with self.disk.read() as connection:
            found = newest(connection, asked.space, asked.after, asked.since)
        link.exchange.newest_given(asked.space, found)
        link.pump()

    def take_newest(self, link: Link, found: TakeNewest) -> None:
        def failed(error: BaseException) -> None:
            if isinstance(error, TooEarly | NotHeld):
                link.exchange.newest_taken(found, False, self.now_ms)
            else:
                link.exchange.newest_failed(found, self.now_ms)
            link.pump()

        def done(work: Work) -> None:
            if work.error is not None:
                failed(work.error)
                return
            if self.here.advance(found.space, work.result):
                self._changed(found.space, link)
            link.exchange.newest_taken(found, True, self.now_ms)
            link.pump()

        try:
            examined = self.service.ahead.examine(found.entries)
        except Refusal as refusal:
            failed(refusal)
            return

        def work(tx: Tx) -> Ends:
            return take_early(self.log, found.space, examined, tx)

        if not self.receive(work, True, lambda work: self.later(lambda: done(work))):
            failed(Overloaded())

    def _refused(self, link: Link, take: Take | Unpack, code: str) -> None:
        link.exchange.refused(take.n, code, self.now_ms)
        link.pump()

    def learn(self, shown: Iterable[Identity]) -> None:
        fresh = []
        for one in shown:
            if one.certificate not in self.known:
                with suppress(Refusal):  # a damaged one proves nothing
                    fresh.append((one, check_identity(one)[1]))
        if fresh:
            self.write(lambda tx: keep_identities(tx, fresh))
            self.known |= {one.certificate: one for one, _ in fresh}
            self._introduce()

    def _introduce(self) -> None:
        for link in list(self.links.values()):
            link.exchange.know(self.known.values())
            link.pump()

    def contradicted(self, link: Link, found: Contradiction) -> None:
        link.peer.contradicted(found.space, found.sub, found.seq, found.here, found.there)
        self.proofs.add((found.space, found.sub))

    # Inside

    def told(self, appended: Appended) -> None:
        """A commit appended these: the links send on what their partners have not got (see effects._told)."""
        if self.here is None:
            return
        now, by_space = self.now_ms, dict[SpaceId, list[Placed]]()
        for space, written, fact in appended:
            if fact is not None and fact.core.k.startswith(AUTHORITY):
                self.is_stale = True
            is_watched = space in self.here.reach or self.is_reading
            if not is_watched and space in self.here.local:
                continue
            one = Placed(written.sub, written.place.seq, written.raw)
            is_own = one.sub.startswith(self.here.own)
            if self.here.is_ours(one.sub) and fact is not None:
                self.here.local.add(space)
            if is_watched:
                by_space.setdefault(space, []).append(one)
                if is_own:
                    self.here.advance(space, [(one.sub, one.seq, written.entry.h)])
        for space, entries in by_space.items():
            for provider in self.here.others(space):
                if (peer := self.peers.get(provider)) is not None:
                    peer.appended(space, now)
                if (link := self.links.get(provider)) is not None:
                    link.exchange.appended(space, entries)
                    link.pump()

    def _changed(self, space: SpaceId, by: Link) -> None:
        for link in self.links.values():
            if link is not by:
                link.exchange.changed(space)

    def refresh(self) -> None:
        """Read again who holds what; what was read counts a little later."""
        self.is_stale, self.is_reading = False, True
        found = self._read()
        self.later(lambda: self._refreshed(found))

    def _read(self) -> queries.Snapshot:
        with self.disk.read() as connection:
            return queries.snapshot(connection, self.provider)

    def _refreshed(self, found: queries.Snapshot) -> None:
        self.is_reading = False
        before = {provider: set(self.here.shared(provider)) for provider in self.links}
        promised = found.expected.keys() - self.here.expected.keys()
        self.here.holders, self.here.expected, self.here.forged = found.holders, found.expected, found.forged
        self.here.local |= found.local
        for space, reach in found.reach.items():
            self.here.advance(space, [(sub, mark.seq, mark.chain) for sub, mark in reach.items()])
        for peer in self.peers.values():
            peer.held_now(self.here, self.now_ms)
        for provider, link in self.links.items():
            for space in set(self.here.shared(provider)) - before.get(provider, set()):
                link.exchange.changed(space)
                link.exchange.hurry()
                link.exchange.promised(space, self.now_ms)
            for space in promised:
                link.exchange.promised(space, self.now_ms)
        for link in list(self.links.values()):
            link.pump()
        self._introduce()

    def durable(self, space: SpaceId) -> Vector:
        """What this provider says is safe; of what nobody else holds all that is on its disk."""
        if self.here.others(space):
            return durable(space, self.here, self.peers)
        return dict(self.vectors().get(space, {}))
