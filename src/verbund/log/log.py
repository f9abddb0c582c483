"""The log's two ways in, `submit` and `accept`, and its one append. Runs inside the writer's transaction."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from sqlalchemy import and_, or_, select, update

from verbund.base.clock import Clock, Hlc
from verbund.base.ids import CoreId, ProviderId, SpaceId
from verbund.base.keys import DeviceKey
from verbund.base.refusal import Refusal
from verbund.log import alternates, asked, early, forgetting, kept, sealing, search, sublogs, tables, twins, waiting
from verbund.log import entry as entries
from verbund.log.appended import Written
from verbund.log.cache import Cache
from verbund.log.compact import packed, stamped
from verbund.log.core import Parcel, Parsed, make_parcel, parse
from verbund.log.entry import QUARANTINED, SETTLED, VOID, WAITING, BrokenChain, Entry, Place
from verbund.log.gathered import Into
from verbund.log.judge import Accepted, Ask, Hold, Judge, Known, Refuse, SetAside, Take
from verbund.log.outcome import Outcome
from verbund.log.registry import Authorities, Directory, Event, Fact, Registry
from verbund.log.stored import authority_heads, body_of, salt, shown, stored_parcel
from verbund.log.sublogs import End
from verbund.log.tx import Reader, Tx

_CORE = Into(
    tables.core, "position", "id", "space", "dev", "ds", "kind", "t", "state", "reason", "authority", "raw", "sig",
    "salt", "body",
)  # fmt: skip
_ENTRY = Into(tables.entry, "position", "sublog", "seq", "core", "chain", "at", "void")


class Log:
    """Appending and folding for one provider's incarnation. Every method runs in a transaction that is passed in."""

    def __init__(
        self,
        clock: Clock,
        registry: Registry,
        authorities: Authorities,
        directory: Directory,
        provider: ProviderId,
        incarnation: int,
        salt: Callable[[], bytes] = salt,
    ) -> None:
        self.clock, self.registry, self.authorities, self.directory = clock, registry, authorities, directory
        self.provider, self.incarnation = provider, incarnation
        self._salt = salt
        self.judge = Judge(registry, authorities)
        self.hlc = Hlc(clock)

    def begin(self, connection: Any, cache: Cache) -> Tx:
        tx = Tx(connection, self.clock, self.directory, cache)
        tx.erased, tx.forget = self.registry.drop_blobs, partial(forgetting.forget, self.registry, tx)
        return tx

    def submit(self, tx: Tx, parcel: Parcel, examined: Parsed | None = None) -> Outcome:
        """Take in what an own person's device sent, and what may be examined already. Idempotent."""
        try:
            parsed = parse(parcel) if examined is None else examined
            verdict = self.judge.submit(parsed, tx)
        except Refusal as refusal:
            return Outcome.refused(None, refusal)
        match verdict:
            case Take():
                gone = self._goes(tx, verdict)
                place = self.own_place(tx, parsed, void=False)
                self._append(tx, parsed, SETTLED, place, None if gone else verdict)
                if gone:
                    tx.erase(parsed.id)
                self._settle(tx, parsed.id)
                return Outcome.accepted(parsed.id)
            case Known(state):
                return Outcome.known(parsed.id, state, self._next(tx, parsed))
            case Ask(ds, dp, missing):
                return Outcome(parsed.id, "ask", ds=ds, dp=dp, missing=missing)
            case Refuse():
                if verdict.void:
                    place = self.own_place(tx, parsed, void=True)
                    self._append(tx, parsed, VOID, place, None, verdict.refusal.code)
                return Outcome.refused(parsed.id, verdict.refusal, *self._next(tx, parsed))

    def accept(self, tx: Tx, entry: Entry, examined: Parsed | None = None) -> None:
        """Take in the next entry of a partner's sub-log, whose parcel may be examined already. Idempotent.

        Raises BrokenChain and WrongSignature: the partner's answer is wrong and nothing of it is taken.
        """
        parsed = parse(entry.parcel) if examined is None else examined
        if parsed.id != entry.id:
            raise BrokenChain(provider=entry.p, seq=entry.n)
        sublog = (parsed.space, entry.p, entry.i)
        end = sublogs.end_of(tx, sublog)
        if entry.n <= end.seq:
            alternates.again(self, tx, parsed, entry.at)
            return
        if entry.n != end.seq + 1:
            raise BrokenChain(provider=entry.p, seq=entry.n)
        place = entries.check_place(entry, end.chain)
        sublogs.advance(tx, sublog, End(end.number, place.seq, place.chain))
        self.take_over(tx, parsed, place)

    def place_again(self, tx: Tx, parsed: Parsed, state: int, void: bool) -> None:
        """A place in this provider's own sub-log for what is here already by that of another."""
        self._append(tx, parsed, None, place := self.own_place(tx, parsed, void), None)
        tx.appended.append((parsed.space, Written(parsed, place, int(tx.cache["position"]), state), None))

    def author(self, tx: Tx, key: DeviceKey, space: SpaceId, event: Event, re: Iterable[CoreId] = ()) -> CoreId:
        """A fact by a device that this provider holds (its own, an agent's). Its number is taken in this transaction.

        Raises the Refusal that a rule gives.
        """
        ds, dp = tx.head(space, key.device)
        core = {
            "ah": sorted(self.heads(tx, space)), "bk": None, "dp": dp, "ds": ds + 1, "k": event.kind, "mu": False,
            "re": list(re), "sp": space, "t": self.hlc.tick(),
        }  # fmt: skip
        identifier, parcel = make_parcel(key, core, body_of(event), self._salt())
        outcome = self.submit(tx, parcel)
        if outcome.refusal is not None:
            raise outcome.refusal
        return identifier

    def heads(self, tx: Reader, space: SpaceId) -> tuple[CoreId, ...]:
        """The newest authority facts of a space: those that no other one has seen (the latest four at most)."""
        key = ("heads", space)
        found: tuple[CoreId, ...] | None = tx.cache.get(key)
        if found is None:
            core = tables.core.c
            rows = tx.execute(
                select(core.id, core.raw).where(core.space == space, core.authority == 1, core.state == SETTLED)
            ).all()
            found = tx.cache.put(key, authority_heads(rows))
        return found

    def finish(self, tx: Tx) -> None:
        """Before the commit: what others waited for, what a cut disturbed, the ends of the sub-logs."""
        self._settle_arrivals(tx)
        while tx.disturbed:
            space = min(tx.disturbed)
            tx.disturbed.discard(space)
            held = self.directory.devices(tx, space)
            self.refold(tx, space)
            self._settle_arrivals(tx)
            tx.disturbed |= kept.written(tx, held - self.directory.devices(tx, space))  # by devices that are nobody's
        sublogs.write(tx)
        sealing.take_out(tx)

    def _settle_arrivals(self, tx: Tx) -> None:
        while tx.arrivals:
            self._settle(tx, tx.arrivals.pop())

    def refold(self, tx: Tx, space: SpaceId | None = None) -> None:
        """Empty the tables of a space (or of all) and fold its log again; what cuts set aside follows from it anew.

        Positions say what arrived first, not what causes what: whatever stands before its causes waits for them. The
        ids that are still to be folded are kept in memory meanwhile (43 characters each).
        """
        tx.flush()
        for table in self.registry.projected:
            tx.execute(table.delete() if space is None else table.delete().where(table.c.space == space))
        search.clear(tx, space)
        tx.cache.clear()
        tx.unfolded = kept.whole(tx, space)
        held: dict[str, list[Any]] = {}
        last = 0
        while rows := kept.page(tx, space, last):
            last = rows[-1].position
            for row in rows:
                self._fold_again(tx, row, held)
        tx.unfolded = set()
        for row in [row for rows in held.values() for row in rows]:
            self._let_wait(tx, row)

    def _fold_again(self, tx: Tx, row: Any, held: dict[str, list[Any]]) -> None:
        """Fold one stored core, and what was held until it came; hold it when it stands before its causes."""
        ready = [row]
        while ready:
            row = ready.pop()
            parsed = parse(stored_parcel(row))
            if parsed.data is None:
                continue
            verdict = self.judge_again(tx, parsed, row.at)
            if isinstance(verdict, Hold):
                tx.unfolded.add(parsed.id)
                held.setdefault(verdict.missing[0], []).append(row)
                continue
            state = SETTLED if isinstance(verdict, Take) else QUARANTINED
            reason = verdict.reason if isinstance(verdict, SetAside) else ""
            tx.cache.states[parsed.id] = state
            changes, is_new = (state, reason) != (row.state, row.reason), state == SETTLED != row.state
            gone = self._overtaken(tx, _what(verdict)) if is_new or state == QUARANTINED else False
            if changes:
                core = tables.core
                tx.execute(update(core).where(core.c.id == parsed.id).values(state=state, reason=reason))
            arrived = len(tx.arrivals)
            fact = self._fold(tx, verdict, row.position, row.at) if isinstance(verdict, Take) and not gone else None
            if changes:
                self._tell_late(tx, parsed, kept.one(tx, parsed.id), shown(state, reason), fact)
            for one in (parsed.id, *tx.arrivals[arrived:]):
                ready += held.pop(one, [])

    def _let_wait(self, tx: Tx, row: Any) -> None:
        """Its causes are not here any more."""
        parsed = parse(stored_parcel(row))
        verdict = self.judge_again(tx, parsed, row.at)
        missing = verdict.missing if isinstance(verdict, Hold) else (parsed.space,)
        tx.execute(update(tables.core).where(tables.core.c.id == parsed.id).values(state=WAITING))
        waiting.wait(tx, parsed, missing)
        if row.state == SETTLED:
            self._tell_late(tx, parsed, kept.one(tx, parsed.id), WAITING, None)

    def judge_again(self, tx: Tx, parsed: Parsed, at: int) -> Accepted:
        tx.unfolded.discard(parsed.id)
        tx.cache.states[parsed.id] = VOID
        return self.judge.accept(parsed, tx, at)

    def take_over(self, tx: Tx, parsed: Parsed, place: Place) -> None:
        """A partner's entry, once its place is right: keep it; fold it when nothing is missing."""
        self.hlc.observe(parsed.core.t)
        if place.void:
            state = VOID if tx.state(parsed.id) is None else None
            self._append(tx, parsed, state, place, None)
            self._settle(tx, parsed.id)
            return
        is_new = tx.lacks_number(parsed.space, parsed.core.dev, parsed.core.ds)
        was_void = not is_new and tx.state(parsed.id) == VOID
        verdict = self.judge.accept(parsed, tx, place.at)
        match verdict:
            case Take():
                # What builds on it may be folded already: one looks through a void.
                gone = self._goes(tx, verdict) or (was_void and verdict.kind.overtaken(tx, verdict.fact))
                self._append(tx, parsed, SETTLED, place, None if gone else verdict)
                if gone:
                    tx.erase(parsed.id)
                elif was_void and verdict.kind.event.ordered:
                    tx.disturbed.add(parsed.space)  # what comes after it was folded already
            case Known():
                alternates.note(tx, parsed)
                self._append(tx, parsed, None, place, None)
            case Hold(missing):
                self._append(tx, parsed, WAITING, place, None)
                waiting.wait(tx, parsed, missing)
            case SetAside(reason, take):
                self._append(tx, parsed, QUARANTINED, place, None, reason)
                self._overtaken(tx, take)
        if was_void and not isinstance(verdict, Known):
            alternates.found(tx, parsed.id)
        if not is_new and isinstance(verdict, Take | SetAside):
            self._displace(tx, parsed)
        self._settle(tx, parsed.id)

    def _settle(self, tx: Tx, arrived: str) -> None:
        """Fold what waited for this, and what waited for that in turn."""
        if not waiting.is_awaited(tx, arrived):
            return
        queue = [arrived]
        while queue:
            # What is loose first: whether it still is decides what may count after it.
            released = sorted(waiting.released(tx, queue.pop()), key=lambda core: tx.state(core) == WAITING)
            queue += [core for core in released if self._try_again(tx, core)]

    def _try_again(self, tx: Tx, core: CoreId) -> bool:
        """Judge a held core once more. True when it is settled now."""
        if tx.execute(asked.WAITS, {"core": core}).first():
            return False
        row = kept.one(tx, core)
        if row.state in (SETTLED, QUARANTINED):
            early.look_again(self, tx, core, row)
            return False
        found = alternates.genuine(tx, core, row, self.judge_again)
        if found is not None and isinstance(found.verdict, Hold):
            waiting.wait(tx, found.parsed, found.verdict.missing)
            return False
        alternates.forget(tx, core)
        if found is None:
            alternates.void(tx, core)
            return False
        parsed, verdict = found
        state = SETTLED if isinstance(verdict, Take) else QUARANTINED
        reason = verdict.reason if isinstance(verdict, SetAside) else ""
        tx.execute(
            update(tables.core).where(tables.core.c.id == core).values(state=state, reason=reason, sig=parsed.signature)
        )
        tx.cache.states[core] = state
        tx.cache.pop(("own", parsed.space, parsed.core.dev), None)
        gone = self._overtaken(tx, _what(verdict))
        fact = self._fold(tx, verdict, row.position, row.at) if isinstance(verdict, Take) and not gone else None
        self._tell_late(tx, parsed, row, shown(state, reason), fact)
        self._displace(tx, parsed)
        return True

    def _displace(self, tx: Tx, parsed: Parsed) -> None:
        for twin in twins.displace(tx, parsed):
            row = kept.one(tx, twin)
            self._tell_late(tx, parse(stored_parcel(row)), row, QUARANTINED, None)

    def _goes(self, tx: Tx, take: Take) -> bool:
        """Whether an order of erasure that is here takes its body away."""
        return forgetting.is_forgotten(self.registry, tx, take.fact)

    def _overtaken(self, tx: Tx, take: Take | None) -> bool:
        """Erase the body of what is here but belongs to something that was withdrawn. True when it is gone."""
        if take is None or not (self._goes(tx, take) or take.kind.overtaken(tx, take.fact)):
            return False
        tx.erase(take.fact.id)
        return True

    def _tell_late(self, tx: Tx, parsed: Parsed, row: Any, state: int, fact: Fact | None) -> None:
        """Its entry may have been passed: who is here is told again, who reads on from a cursor finds it in `late`."""
        place = Place(row.provider, row.incarnation, row.seq, row.chain, row.at, False)
        tx.appended.append((parsed.space, Written(parsed, place, row.position, state), fact))
        if fact is not None:
            tx.insert(tables.late, {"position": self._position(tx), "entry": row.position})

    def _append(
        self, tx: Tx, parsed: Parsed, state: int | None, place: Place, take: Take | None, reason: str = ""
    ) -> None:
        """The one append: core and body (not if they are here, `state` None), entry, fold, word to the followers."""
        position = self._position(tx)
        if state is not None:
            self._keep(tx, parsed, state, position, reason)
        origin = position if state is not None else tx.position_of(parsed.id)
        sublog = sublogs.end_of(tx, (parsed.space, place.provider, place.incarnation)).number
        tx.insert_values(_ENTRY, position, sublog, place.seq, origin, place.chain, place.at, int(place.void))
        fact = self._fold(tx, take, origin, place.at) if take is not None else None
        if state is not None:
            told = Written(parsed, place, position, shown(state, reason))
            tx.appended.append((parsed.space, told, fact))

    def _keep(self, tx: Tx, parsed: Parsed, state: int, position: int, reason: str) -> None:
        """Keep the core, with its body unless it is void.

        What was void here and counts at a partner stands where it was first accepted.
        """
        core = parsed.core
        kind = self.registry.kind(core.k)
        authority = int(kind is not None and kind.event.authority)
        whole = parsed.body is not None and state != VOID
        salt, body = (parsed.salt, parsed.body) if whole else (None, None)
        last, is_new = tx.head(parsed.space, core.dev)[0], True
        if core.ds != last + 1:
            is_new = tx.lacks_number(parsed.space, core.dev, core.ds)
            tx.gaps.kept((parsed.space, core.dev), core.ds, last)
        if is_new or tx.state(parsed.id) is None:
            number = tx.number
            tx.insert_values(
                _CORE, position, packed(parsed.id), number(parsed.space), number(core.dev), core.ds, number(core.k),
                stamped(core.t), state, reason, authority, parsed.raw, parsed.signature, salt, body,
            )  # fmt: skip
        else:
            row = {"state": state, "reason": reason, "authority": authority, "salt": salt, "body": body}
            row |= {"raw": parsed.raw, "sig": parsed.signature}
            c, entry = tables.core.c, tables.entry.c
            void = tx.position_of(parsed.id)
            tx.execute(update(tables.core).where(c.position == void).values(position=position, **row))
            own, again = entry.position == void, and_(entry.core == void, entry.core != entry.position)
            tx.execute(update(tables.entry).where(or_(own, again)).values(core=position))
        tx.cache.states.put(parsed.id, state)
        if authority:
            tx.cache.pop(("own", parsed.space, core.dev), None)
        if core.ds > last:
            tx.cache.put(("head", parsed.space, core.dev), (core.ds, parsed.id))

    def _fold(self, tx: Tx, take: Take, position: int, at: int) -> Fact:
        fact = take.fact.placed(at, position)
        if take.kind.event.authority:
            tx.cache.pop(("heads", fact.space), None)
            tx.cache.pop(("own", fact.space, fact.dev), None)
        if fact.blobs:
            self.registry.fold_blobs(tx, fact)
        take.kind.fold(tx, fact)
        if take.kind.event.founds:
            tx.arrived(fact.space)
        return fact

    def own_place(self, tx: Tx, parsed: Parsed, void: bool, at: int | None = None) -> Place:
        """The next place in this provider's sub-log; `at`: when it was taken in, where that was elsewhere."""
        sublog = (parsed.space, self.provider, self.incarnation)
        number, seq, before = sublogs.end_of(tx, sublog)
        at = self.clock.now_ms() if at is None else at
        after = entries.chain(before, self.provider, self.incarnation, seq + 1, parsed.id, at, void)
        sublogs.advance(tx, sublog, End(number, seq + 1, after))
        return Place(self.provider, self.incarnation, seq + 1, after, at, void)

    def _position(self, tx: Tx) -> int:
        tx.cache["position"] = position = int(tx.cache.get("position") or tx.last_position()) + 1
        return position

    @staticmethod
    def _next(tx: Tx, parsed: Parsed) -> tuple[int, CoreId | None]:
        ds, dp = tx.head(parsed.space, parsed.core.dev)
        return ds + 1, dp


def _what(verdict: Accepted) -> Take | None:
    """What it is, or would be if it were not set aside."""
    return verdict.take if isinstance(verdict, SetAside) else verdict if isinstance(verdict, Take) else None
