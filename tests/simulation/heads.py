"""Signed heads of a simulated provider: what partners/signing.py does, without threads; keys and proofs are real."""

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from tests.simulation.provider import key_of
from verbund.base.ids import ProviderId, SpaceId
from verbund.base.refusal import Refusal
from verbund.log.adopting import adopt
from verbund.log.entry import split_sublog, sublog
from verbund.partners import signed
from verbund.partners.heads import DAY_MS, TREE_MAX, certify, check_certificate, check_head, counts, sign
from verbund.partners.schemas import Certificate, Head, Heads
from verbund.partners.tails import Tails
from verbund.partners.vouching import HEADS_FRAME_MAX

if TYPE_CHECKING:
    from tests.simulation.partner import Partner

SIGN_MS = 1_000


class Signing:
    """Of one installation, between two starts."""

    def __init__(self, owner: "Partner") -> None:
        self._owner, self._signed_ms = owner, 0
        self._tails = Tails()
        with owner.disk.read() as connection:
            kept = signed.kept(connection, 1_000)
        self._known: dict[tuple[ProviderId, int], Certificate] = {(one.p, one.number): one for one in kept.certificates}
        for space, sub, seq, chain in kept.ends:
            owner.here.signed(space, sub, seq, chain)
        number = owner.incarnation + 1
        self._key = key_of(f"heads {owner.name} {number}")
        self._own = certify(owner.root, self._key.public, number, number + 90 * DAY_MS)
        self._known[(self._own.p, number)] = self._own
        owner.write(lambda tx: signed.keep_certificates(tx, [self._own]))

    def tick(self, now_ms: int) -> None:
        if now_ms - self._signed_ms < SIGN_MS:
            return
        self._signed_ms = now_ms
        owner, ends = self._owner, []
        with owner.disk.read() as connection:
            for space in owner.here.holders:
                last = owner.here.vouched.last(space)
                if not self._is_due(space, last):
                    continue
                left = TREE_MAX - len(ends)
                ends += signed.unsigned(connection, space, owner.provider, owner.incarnation, last, left)
        if ends:
            heads = sign(self._key, self._own, ends, self._own.number)
            self._keep([(end.space, one) for end, one in zip(ends, heads, strict=True)])
        going_on = {sublog(link.provider, link.incarnation) for link in owner.links.values()}
        for space, sub, seq in self._tails.orphaned(owner.here, going_on, now_ms):
            provider, incarnation = split_sublog(sub)
            owner.write(lambda tx, at=(space, provider, incarnation, seq): adopt(owner.log, tx, *at))

    def _is_due(self, space: SpaceId, last: Mapping[str, tuple[int, str]]) -> bool:
        """Whether there is anything to sign, as far as memory tells; partners/signing.py is told by what commits."""
        here, ends = self._owner.here, {sub: end[0] for sub, end in last.items()}
        mine = (one for one in here.reach.get(space, {}).items() if one[0].startswith(here.own))
        return any(mark.seq > ends.get(sub, 0) and (here.is_ours(sub) or not ends.get(sub)) for sub, mark in mine)

    def check(self, frame: Heads) -> None:
        space, owner = frame.sp, self._owner
        proven = []
        for one in frame.c:
            with suppress(Refusal):
                check_certificate(one)
                self._known.setdefault((one.p, one.number), one)
                proven.append(one)
        fresh: list[tuple[SpaceId, Head]] = []
        ends: dict[str, int] = {}
        for head in frame.h:
            last = ends.get(head.sub, owner.here.vouched.seq(space, head.sub))
            if self._is_good(space, head) and owner.here.vouched.is_next(space, head.sub, last, head.n):
                ends[head.sub] = head.n
                fresh.append((space, head))
        owner.write(lambda tx: signed.keep_certificates(tx, proven))
        self._keep(fresh)

    def beyond(self, space: SpaceId, after: dict[str, int]) -> tuple[list[Certificate], list[Head]]:
        found: list[Head] = []
        with self._owner.disk.read() as connection:
            for sub, seq in after.items():
                found += signed.beyond(connection, space, sub, seq, HEADS_FRAME_MAX - len(found))
        return [one for (provider, _), one in self._known.items() if provider in {head.p for head in found}], found

    def _is_good(self, space: SpaceId, head: Head) -> bool:
        known = [one for (provider, _), one in self._known.items() if provider == head.p]
        certificate = self._known.get((head.p, head.key))
        try:
            if certificate is None:
                return False
            check_head(space, head, certificate)
        except Refusal:
            return False
        return counts(head, known)

    def _keep(self, heads: list[tuple[SpaceId, Head]]) -> None:
        owner = self._owner
        owner.write(lambda tx: signed.keep_heads(tx, heads, owner.here.seq))
        for space, one in heads:
            owner.here.signed(space, one.sub, one.n, one.h)
            certificates = [own for (provider, _), own in self._known.items() if provider == one.p]
            for link in list(owner.links.values()):
                link.exchange.vouch(space, certificates, [one])
                link.exchange.vouched(space, owner.now_ms)
                link.pump()
