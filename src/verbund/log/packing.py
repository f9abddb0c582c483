"""Entries as columns (see bulk.py). Pure."""

from collections.abc import Container

import msgspec
from msgspec import UNSET

from verbund.base.clock import ms_of, stamp_of
from verbund.base.ids import CoreId, SpaceId, digest, is_hash, unb64
from verbund.log.columns import (
    BEFORE,
    FOUNDING,
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
from verbund.log.core import DOMAIN, SALT_BYTES, Core, body_hash
from verbund.log.entry import Entry
from verbund.log.stored import decode_core


class Packing:
    """Entries go in, columns come out."""

    def __init__(self, space: SpaceId) -> None:
        self._space = space
        self._c = Columns(chains=[], kinds=[], sets=[], run=[], late=[], odd={}, ah=[], re=[], bk=[], dev=[], dp=[],
                          ds=[], k=[], ms=[], tick=[], bs=[], bh=[])  # fmt: skip
        self._ids: dict[str, int] = {}
        self._kinds: dict[str, int] = {}
        self._sets: dict[tuple[str, ...], int] = {}
        #: Sub-log → its number, first entry, last entry.
        self._runs: dict[tuple[str, int], tuple[int, Entry, Entry]] = {}
        self._last: dict[str, tuple[int, str]] = {}
        self._ms = 0
        self._count = 0
        self._bytes: dict[str, bytearray] = {
            name: bytearray() for name in ("x", "flags", "signatures", "salts", "bodies")
        }

    def add(self, one: Entry) -> None:
        """Raises ValueError for a gap."""
        place = (one.p, one.i)
        number, first, last = self._runs.get(place, (len(self._runs), one, None))
        if last is not None and one.n != last.n + 1:
            raise ValueError("entries with a gap")
        self._runs[place] = (number, first, one)
        self._c.run.append(number)
        self._bytes["x"].append(one.x)
        core = _core_of(one, self._space, self._ids)
        if core is None:
            self._c.late.append(0)
            self._c.odd[self._count] = one
        else:
            self._c.late.append(one.at - ms_of(core.t))
            self._add_core(one, core)
        self._count += 1

    def runs(self) -> list[Run]:
        return [Run(first.p, first.i, first.n, last.n - first.n + 1) for _, first, last in self._runs.values()]

    def columns(self) -> Columns:
        c = self._c
        c.ids = b"".join(unb64(one) for one in self._ids)
        c.kinds = list(self._kinds)
        c.chains = [(unb64(first.h), unb64(last.h)) for _, first, last in self._runs.values()]
        for name, column in self._bytes.items():
            setattr(c, name, bytes(column))
        return c

    def _add_core(self, one: Entry, core: Core) -> None:
        c, whole = self._c, one.b is not None
        c.ah.append(self._set(core.ah))
        c.re.append(self._set(core.re))
        c.dev.append(self._id(core.dev))
        ds, before = self._last.get(core.dev, (0, ""))
        c.ds.append(core.ds - ds - 1)
        c.dp.append(NONE if core.dp is None else BEFORE if core.dp == before else NAMED + self._id(core.dp))
        self._last[core.dev] = (core.ds, one.id)
        c.k.append(self._kinds.setdefault(core.k, len(self._kinds)))
        ms = ms_of(core.t)
        c.ms.append(ms - self._ms)
        self._ms = ms
        c.tick.append(int(core.t[12:], 16))
        c.bs.append(core.bs)
        if core.bk is not None:
            c.bk.append(self._id(core.bk))
        self._bytes["signatures"] += unb64(one.s)
        if one.b is not None and one.sa is not None:
            self._bytes["salts"] += unb64(one.sa)
            self._bytes["bodies"] += one.b.encode()
        else:
            c.bh.append(self._id(core.bh))
        flags = MU * core.mu | FOUNDING * (core.sp is UNSET) | WHOLE * whole | KEYED * (core.bk is not None)
        self._bytes["flags"].append(flags)

    def _id(self, one: str) -> int:
        return self._ids.setdefault(one, len(self._ids))

    def _set(self, several: tuple[CoreId, ...]) -> int:
        found = self._sets.get(several)
        if found is None:
            found = self._sets[several] = len(self._sets)
            self._c.sets.append([self._id(one) for one in several])
        return found


def _core_of(one: Entry, space: SpaceId, ids: Container[str]) -> Core | None:
    """The core, if everything that columns leave out comes out as it was. `ids` are known to be some."""
    try:
        core, whole = decode_core(one.c.encode()), one.b is not None
        text = core_text(
            _listed(core.ah), core.bh, quoted(core.bk or ""), core.bs, core.dev, quoted(core.dp or ""), core.ds,
            core.k, "true" if core.mu else "false", _listed(core.re),
            "" if core.sp is UNSET else f'"sp":"{core.sp}",', core.t,
        )  # fmt: skip
        salt = unb64(one.sa) if one.sa is not None else b""
        same_body = one.b is None or (
            len(salt) == SALT_BYTES and core.bs == len(one.b.encode()) and core.bh == body_hash(salt, one.b.encode())
        )
        named = (core.dev, core.bh, *core.ah, *core.re, *(one for one in (core.bk, core.dp) if one is not None))
        is_regular = (
            (whole == (one.sa is not None))
            and text == one.c
            and same_body
            and core.sp in (UNSET, space)
            and digest(DOMAIN, text.encode()) == one.id
            and len(unb64(one.s)) == SIGNATURE_BYTES
            and core.t == stamp_of(ms_of(core.t), int(core.t[12:], 16))
            and all(one in ids or is_hash(one) for one in named)
        )
    except (msgspec.MsgspecError, ValueError, UnicodeError):
        return None
    return core if is_regular else None


def _listed(several: tuple[CoreId, ...]) -> str:
    return ",".join([f'"{one}"' for one in several])
