"""Signed heads at work: signs those of this provider, looks at those of others, keeps both, gives them on."""

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress

import msgspec

from verbund.base.clock import Clock
from verbund.base.ids import ProviderId, SpaceId
from verbund.base.refusal import Broken, Refusal
from verbund.log.adopting import ADOPTED_MAX, adopt
from verbund.log.entry import split_sublog, sublog
from verbund.log.service import LogService
from verbund.log.tx import Tx
from verbund.partners import signed
from verbund.partners.actions import Check, Give, Unpack
from verbund.partners.headkey import HeadKey
from verbund.partners.heads import End, check_certificate, check_head, counts, sign
from verbund.partners.here import Here
from verbund.partners.identity import CLOCK_MS_MAX
from verbund.partners.link import Link
from verbund.partners.proofs import Twofold, contradicting, contradictory, keep_proofs, passed_on
from verbund.partners.proofs import counts as counted
from verbund.partners.schemas import Certificate, Head, Heads
from verbund.partners.tails import Tails
from verbund.partners.vouching import CERTIFICATES_FRAME_MAX, HEADS_FRAME_MAX

SIGN_S = 1.0
#: So many heads at once at most: a long log that was never signed must not keep the writer from what is said now.
SIGNED_MAX = 512
#: Of one provider so many keys are remembered, of so many providers.
KEYS_MAX = 64
PROVIDERS_MAX = 1_000
log = logging.getLogger(__name__)


class Signing:
    """All signed heads of one installation. Lives in the loop's thread."""

    def __init__(
        self, log_service: LogService, here: Here, key: HeadKey, clock: Clock, steady: Clock,
        links: Mapping[ProviderId, Link],
    ) -> None:  # fmt: skip
        self._log, self._here, self._key, self._clock, self._links = log_service, here, key, clock, links
        #: What waits are measured by.
        self._steady = steady
        self._due: dict[SpaceId, None] = {}
        self._tails = Tails()
        self._known: dict[ProviderId, dict[int, Certificate]] = {}
        #: Provider → how often it was found to tell two histories.
        self.proofs: Counter[ProviderId] = Counter()

    async def start(self) -> None:
        """Remember the keys and heads of before."""

        def read() -> tuple[signed.Kept, dict[ProviderId, int]]:
            with self._log.store.read() as connection:
                return signed.kept(connection, KEYS_MAX * PROVIDERS_MAX), counted(connection)

        kept, proofs = await asyncio.to_thread(read)
        self.proofs = Counter(proofs)
        for one in kept.certificates:
            self._known.setdefault(one.p, {})[one.number] = one
        for space, sub, seq, chain in kept.ends:
            self._here.signed(space, sub, seq, chain)
        self._due.clear()  # named before it was known what is signed
        for space in self._here.holders:
            self.due(space)

    def due(self, space: SpaceId) -> None:
        """There may be more in this provider's sub-logs of this space than it signed.

        Where there is not, nobody looks at the store: all spaces are named whenever it is read anew who holds what.
        """
        here, last = self._here, self._here.vouched.last(space)
        for sub, mark in here.reach.get(space, {}).items():
            if sub.startswith(here.own) and last.get(sub, (0, ""))[0] < mark.seq:
                self._due[space] = None

    async def run(self) -> None:
        """For ever: at most one root a second, and none without anything new."""
        while True:
            if self._due:
                await self.sign()
            met = [link.met.identity for link in self._links.values()]
            going_on = {sublog(one.provider, one.incarnation) for one in met}
            for space, sub, seq in self._tails.orphaned(self._here, going_on, self._steady.now_ms()):
                await self._adopt(space, sub, seq)
            await asyncio.sleep(SIGN_S)

    async def _adopt(self, space: SpaceId, sub: str, after: int) -> None:
        log.warning("entries of %s after %d are signed by nobody as they stand here, they get our places", sub, after)
        provider, incarnation = split_sublog(sub)

        def work(tx: Tx) -> int:
            return adopt(self._log.core, tx, space, provider, incarnation, after)

        while await self._log.write_long(work) == ADOPTED_MAX:
            pass

    async def sign(self) -> None:
        """Sign what is due, SIGNED_MAX heads at most; the rest is due again."""
        due, self._due = list(self._due), {}
        now = self._clock.now_ms()
        key, certificate = await asyncio.to_thread(self._key.present, now)
        await self._learn([certificate])
        ends = await asyncio.to_thread(self._ends, due)
        if ends:
            heads = await asyncio.to_thread(sign, key, certificate, ends, max(now, certificate.number))
            await self._keep([(end.space, head) for end, head in zip(ends, heads, strict=True)])
        if len(ends) == SIGNED_MAX:
            for space in due:
                self.due(space)

    async def check(self, link: Link, found: Check) -> None:
        """A partner gives heads."""
        try:
            await self.keep(found.frame)
        finally:
            link.exchange.checked(found.frame, self._steady.now_ms())
            link.pump()

    async def give(self, link: Link, asked: Give) -> None:
        """A partner asks for heads; who does not read its answers gets no more."""
        found: tuple[list[Certificate], list[Head]] = ([], [])
        try:
            if not link.is_busy:
                found = await asyncio.to_thread(self.load, asked.space, asked.after)
        finally:  # without an answer to this question none that waits would be answered
            link.exchange.given(asked.space, *found)
            link.pump()

    async def unpack(self, link: Link, found: Unpack) -> None:
        """Entries that need somebody's signature: the exchange says which can be taken in."""
        try:
            async with link.turn:
                entries = await asyncio.to_thread(found.unpacked)
            link.exchange.unpacked(found.n, entries, self._steady.now_ms())
        except Exception as error:  # the edge of the link: whatever it was, the partner is told, and gives it again
            if not isinstance(error, Refusal):
                log.exception("entries of a partner could not be unpacked")
            code = error.code if isinstance(error, Refusal) else Broken.code
            link.exchange.refused(found.n, code, self._steady.now_ms())
        link.pump()

    async def keep(self, frame: Heads) -> list[Twofold]:
        """Keep what proves itself of these; what contradicts what is here is kept as a proof, and given back."""
        space = frame.sp
        await self._learn(await asyncio.to_thread(self._proven_keys, frame))
        heads = await asyncio.to_thread(lambda: [one for one in frame.h if self._is_good(space, one)])
        twofold = await asyncio.to_thread(self._twofold, space, heads)
        # Signed otherwise than the entries here stand: theirs is the word that others have, too.
        for one in twofold:
            if not one.first:
                self._here.stands_apart(space, one.head.sub)
        wrong = {one.head.sub for one in twofold if one.first}
        if twofold:
            log.error("provider %s signed two histories of its entries in %s", twofold[0].head.p, space)
            counted_now, fresh = await self._log.write(lambda tx: self._prove(tx, twofold))
            self.proofs = Counter(counted_now)
            for one in fresh:
                if one.first:
                    pair = [msgspec.json.decode(one.first, type=Head), one.head]
                    self._pass_on(list(self._links.values()), space, pair)
        await self._keep([(space, one) for one in self._next(space, heads) if one.sub not in wrong])
        return twofold

    async def met(self, link: Link) -> None:
        """A partner is here: it gets to know who told two histories in what both hold."""

        def read() -> list[tuple[SpaceId, list[Head]]]:
            with self._log.store.read() as connection:
                return passed_on(connection, self._here.shared(link.met.provider))

        for space, pair in await asyncio.to_thread(read):
            self._pass_on([link], space, pair)

    def _pass_on(self, links: list[Link], space: SpaceId, pair: list[Head]) -> None:
        """Two heads that contradict each other prove it to anybody."""
        for link in links:
            link.exchange.prove(space, self.certificates({pair[0].p}), pair)
            link.pump()

    def load(self, space: SpaceId, after: dict[str, int]) -> tuple[list[Certificate], list[Head]]:
        """The heads of these sub-logs beyond these numbers, growing, as many as a frame holds. Reads the store."""
        found: list[Head] = []
        with self._log.store.read() as connection:
            for sub, seq in after.items():
                found += signed.beyond(connection, space, sub, seq, HEADS_FRAME_MAX - len(found))
        return self.certificates({one.p for one in found}), found

    def certificates(self, providers: set[ProviderId]) -> list[Certificate]:
        """What is known of the keys of these, the newest first."""
        known = [one for provider in providers for one in self._known.get(provider, {}).values()]
        return sorted(known, key=lambda one: one.number, reverse=True)[:CERTIFICATES_FRAME_MAX]

    async def _learn(self, certificates: list[Certificate]) -> None:
        """New keys. What they revoke counts no longer, and has to be signed anew by whoever it was."""
        fresh = [one for one in certificates if one.number not in self._known.get(one.p, {})]
        if not fresh:
            return
        await self._log.write(lambda tx: signed.keep_certificates(tx, fresh))
        for one in fresh:
            known = self._known.setdefault(one.p, {})
            known[one.number] = one
            while len(known) > KEYS_MAX:
                del known[min(known)]
            if set(one.revoked) & set(known):
                log.warning("provider %s revoked keys of its heads", one.p)
                self._here.vouched.forget(one.p)
                if one.p == self._here.own:
                    for space in self._here.holders:
                        self.due(space)

    async def _keep(self, heads: list[tuple[SpaceId, Head]]) -> None:
        """Put them on disk, then tell who has to know."""
        if not heads:
            return
        await self._log.write(lambda tx: signed.keep_heads(tx, heads, self._here.seq))
        spaces: dict[SpaceId, list[Head]] = {}
        for space, one in heads:
            self._here.signed(space, one.sub, one.n, one.h)
            spaces.setdefault(space, []).append(one)
        for space, fresh in spaces.items():
            certificates = self.certificates({one.p for one in fresh})
            for start in range(0, len(fresh), HEADS_FRAME_MAX):
                self._told(space, certificates, fresh[start : start + HEADS_FRAME_MAX])

    def _told(self, space: SpaceId, certificates: list[Certificate], heads: list[Head]) -> None:
        """There are new signed heads: partners get them, and what waited for them is taken in."""
        for link in list(self._links.values()):
            link.exchange.vouch(space, certificates, heads)
            link.exchange.vouched(space, self._steady.now_ms())
            link.pump()

    def _next(self, space: SpaceId, heads: list[Head]) -> list[Head]:
        """Of these, the heads that leave no gap after what is known."""
        ends: dict[str, int] = {}
        fresh = []
        for one in heads:
            last = ends.get(one.sub, self._here.vouched.seq(space, one.sub))
            if self._belongs(space, one.p) and self._here.vouched.is_next(space, one.sub, last, one.n):
                ends[one.sub] = one.n
                fresh.append(one)
        return fresh

    def _belongs(self, space: SpaceId, provider: ProviderId) -> bool:
        """Whether there may be sub-logs of this provider in the space."""
        named = provider in self._here.holders.get(space, ()) or self._here.is_open(space)
        return named or any(sub.partition(".")[0] == provider for sub in self._here.reach.get(space, ()))

    # In another thread: reads the store, computes

    def _ends(self, due: list[SpaceId]) -> list[End]:
        found: list[End] = []
        with self._log.store.read() as connection:
            for space in due:
                last = self._here.vouched.last(space)
                left = SIGNED_MAX - len(found)
                found += signed.unsigned(connection, space, self._here.own, self._here.incarnation, last, left)
        return found

    def _twofold(self, space: SpaceId, heads: list[Head]) -> list[Twofold]:
        with self._log.store.read() as connection:
            chains = signed.chains(connection, space, [(split_sublog(one.sub), one.n) for one in heads])
            firsts = contradicting(connection, space, heads)
        found = contradictory(space, heads)
        for one in heads:
            place = (one.sub, one.n)
            if place in firsts or chains.get(place, one.h) != one.h:
                found.setdefault(place, Twofold(space, one, firsts.get(place, "")))
        return list(found.values())

    def _prove(self, tx: Tx, twofold: list[Twofold]) -> tuple[dict[ProviderId, int], list[Twofold]]:
        fresh = keep_proofs(tx, twofold, self._clock.now_ms())
        tx.flush()
        return counted(tx.connection), fresh

    def _proven_keys(self, frame: Heads) -> list[Certificate]:
        wanted = {one.p for one in frame.h if self._belongs(frame.sp, one.p)}
        found = []
        for one in frame.c:
            is_new = one.p in wanted and one.number not in self._known.get(one.p, {})
            if is_new and (one.p in self._known or len(self._known) < PROVIDERS_MAX):
                with suppress(Refusal):
                    check_certificate(one)
                    found.append(one)
        return found

    def _is_good(self, space: SpaceId, head: Head) -> bool:
        known = self._known.get(head.p, {})
        certificate = known.get(head.key)
        if certificate is None or not counts(head, list(known.values())):
            return False
        if head.at > self._clock.now_ms() + CLOCK_MS_MAX:
            return False
        with suppress(Refusal):
            check_head(space, head, certificate)
            return True
        return False
