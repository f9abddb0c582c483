"""Columns as entries again (see bulk.py): they come from others, so nothing of them is believed. Pure."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

from verbund.base.canonical import INTEGER_MAX, NotCanonical
from verbund.base.clock import stamp_of
from verbund.base.ids import CoreId, SpaceId, b64, digest, is_hash
from verbund.log.columns import (
    BEFORE,
    COLUMNS,
    FOUNDING,
    HASH_BYTES,
    KEYED,
    MU,
    NAMED,
    NONE,
    SIGNATURE_BYTES,
    WHOLE,
    Columns,
    Run,
    core_text,
    quoted,
)
from verbund.log.core import DOMAIN, REFERENCES_MAX, SALT_BYTES, body_hash
from verbund.log.entry import VOID, BrokenChain, Entry, chain

KIND_CHARS_MAX = 80
STAMP_MS_MAX = 2**48
TICK_MAX = 2**16
Item = TypeVar("Item")


class Unpacking:
    """Columns go in, entries come out. Raises ValueError, IndexError, NotCanonical, BrokenChain for what is wrong."""

    def __init__(self, space: SpaceId, runs: list[Run], columns: Columns) -> None:
        self._space, self._runs, self._c = space, runs, columns
        self._check()
        c, raw = columns, columns.ids
        self._ids = [b64(raw[at : at + HASH_BYTES]) for at in range(0, len(raw), HASH_BYTES)]
        self._sets = [",".join([f'"{_at(self._ids, one)}"' for one in several]) for several in c.sets]
        self._seqs = [run.first for run in runs]
        self._chains = [first for first, _ in c.chains]
        self._ms, self._body = 0, 0
        #: Device → its last number and core in this frame.
        self._last: dict[int, tuple[int, str]] = {}
        self._cores = zip(c.flags, c.ah, c.re, c.dev, c.dp, c.ds, c.k, c.ms, c.tick, c.bs, strict=True)
        self._signatures = _pieces(c.signatures, SIGNATURE_BYTES)
        self._salts = _pieces(c.salts, SALT_BYTES)
        self._bk, self._bh = iter(c.bk), iter(c.bh)

    def entries(self) -> list[Entry]:
        found = [self._entry(position) for position in range(len(self._c.run))]
        for run, seq, (_, last), reached in zip(self._runs, self._seqs, self._c.chains, self._chains, strict=True):
            if seq != run.last + 1 or reached != last:
                raise BrokenChain(provider=run.provider, seq=run.last)
        return found

    def _check(self) -> None:
        c, runs = self._c, self._runs
        count = sum(run.count for run in runs)
        cores, wholes = count - len(c.odd), sum(1 for one in c.flags if one & WHOLE)
        lengths = {len(one) for one in (c.flags, c.ah, c.re, c.dev, c.dp, c.ds, c.k, c.ms, c.tick, c.bs)}
        if not (
            c.format == COLUMNS
            and len({run.sub for run in runs}) == len(runs) == len(c.chains)
            and all(is_hash(run.provider) and 0 <= run.incarnation < INTEGER_MAX for run in runs)
            and all(0 < run.first <= run.last < INTEGER_MAX for run in runs)
            and all(len(first) == len(last) == HASH_BYTES for first, last in c.chains)
            and len(c.run) == len(c.x) == len(c.late) == count
            and all(0 <= position < count for position in c.odd)
            and lengths == {cores}
            and len(c.signatures) == SIGNATURE_BYTES * cores
            and len(c.salts) == SALT_BYTES * wholes
            and len(c.bh) == cores - wholes
            and len(c.bk) == sum(1 for one in c.flags if one & KEYED)
            and len(c.ids) % HASH_BYTES == 0
            and len(c.sets) <= 2 * count
            and all(len(one) <= REFERENCES_MAX for one in c.sets)
            and all(len(one) <= KIND_CHARS_MAX for one in c.kinds)
        ):
            raise NotCanonical(reason="packed entries: columns")

    def _entry(self, position: int) -> Entry:
        c = self._c
        number, x = c.run[position], c.x[position]
        run, seq = _at(self._runs, number), self._seqs[number]
        odd = c.odd.get(position)
        if odd is None:
            core, own_ms, parcel = self._core()
            at = own_ms + c.late[position]
        else:
            core, at, parcel = odd.id, odd.at, (odd.c, odd.s, odd.sa, odd.b)
            if (odd.p, odd.i, odd.n, odd.x) != (run.provider, run.incarnation, seq, x) or not is_hash(core):
                raise NotCanonical(reason="packed entries: place")
        if not 0 <= at < INTEGER_MAX or x > VOID:
            raise NotCanonical(reason="packed entries: number")
        if seq > run.first:
            self._chains[number] = chain(self._chains[number], run.provider, run.incarnation, seq, core, at, x == VOID)
        self._seqs[number] = seq + 1
        return Entry(CoreId(core), run.provider, run.incarnation, seq, b64(self._chains[number]), at, x, *parcel)

    def _core(self) -> tuple[str, int, tuple[str, str, str | None, str | None]]:
        """(id, time in ms, the parcel) of the next core."""
        flags, ah, re, dev, dp, ds, k, ms, tick, bs = next(self._cores)
        ids = self._ids
        number, before = self._last.get(dev, (0, ""))
        number += ds + 1
        self._ms += ms
        if not (0 <= self._ms < STAMP_MS_MAX and 0 <= tick < TICK_MAX):
            raise NotCanonical(reason="packed entries: time")
        bh, sa, b = self._body_of(bs) if flags & WHOLE else (_at(ids, next(self._bh)), None, None)
        text = core_text(
            _at(self._sets, ah), bh, quoted(_at(ids, next(self._bk)) if flags & KEYED else ""), bs, _at(ids, dev),
            quoted("" if dp == NONE else before if dp == BEFORE else _at(ids, dp - NAMED)), number,
            _at(self._c.kinds, k), "true" if flags & MU else "false", _at(self._sets, re),
            "" if flags & FOUNDING else f'"sp":"{self._space}",', stamp_of(self._ms, tick),
        )  # fmt: skip
        core = digest(DOMAIN, text.encode())
        self._last[dev] = (number, core)
        return core, self._ms, (text, b64(next(self._signatures)), sa, b)

    def _body_of(self, size: int) -> tuple[str, str, str]:
        """(hash, salt, text) of the next body."""
        raw = self._c.bodies[self._body : self._body + size]
        self._body += size
        if size < 0 or len(raw) != size:
            raise NotCanonical(reason="packed entries: body")
        salt = next(self._salts)
        return body_hash(salt, raw), b64(salt), raw.decode()


def _at(items: Sequence[Item], index: int) -> Item:
    """Never from the end."""
    if index < 0:
        raise IndexError(index)
    return items[index]


def _pieces(raw: bytes, size: int) -> Iterator[bytes]:
    return (raw[at : at + size] for at in range(0, len(raw), size))
