"""Questions about single cores, devices and sub-logs, built once: they are asked for every fact, or for every page of
them, and building one takes longer than asking.

Tables alone; what the answers mean is said where they are asked (tx.py, kept.py, places.py, sublogs.py, waiting.py).
"""

from sqlalchemy import Integer, bindparam, select

from verbund.log import tables

_core, _waiting = tables.core.c, tables.waiting.c
_entry, _sublog, _cut = tables.entry.c, tables.sublog.c, tables.cut.c
#: (`space`, `dev`) → the last number of a device in a space, and its core.
HEAD = (
    select(_core.ds, _core.id)
    .where(_core.space == bindparam("space"), _core.dev == bindparam("dev"))
    .order_by(_core.ds.desc())
    .limit(1)
)
#: `core` → what became of it; where it stands.
STATE = select(_core.state).where(_core.id == bindparam("core"))
PLACE = select(_core.position).where(_core.id == bindparam("core"))
#: (`space`, `dev`, `ds`) → the core that a device gave this number.
NUMBERED = (
    select(_core.id)
    .where(_core.space == bindparam("space"), _core.dev == bindparam("dev"), _core.ds == bindparam("ds"))
    .order_by(_core.id)
    .limit(1)
)
#: `core` → itself, where it waits for something.
WAITS = select(_waiting.core).where(_waiting.core == bindparam("core")).limit(1)
#: `missing` → the cores that wait for it.
WAIT_FOR = select(_waiting.core).where(_waiting.missing == bindparam("missing"))
#: (`space`, `dev`) → (last number that stays, the fact that cut).
CUTS = select(_cut.ds, _cut.by).where(_cut.space == bindparam("space"), _cut.dev == bindparam("dev"))
#: `core` → who wrote it and when, with its first place.
HEADER = (
    select(_core.space, _core.dev, _core.ds, _core.t, _core.kind, _core.state, _entry.at, _entry.position)
    .join(tables.entry, _entry.position == _core.position)
    .where(_core.id == bindparam("core"))
)
#: `core` → itself with its first place.
KEPT = (
    select(
        _core.id, _core.raw, _core.sig, _core.state, _core.salt, _core.body, _core.position,
        _core.position.label("origin"), _entry.at, _entry.seq, _entry.chain, _sublog.space, _sublog.provider,
        _sublog.incarnation,
    )
    .join(tables.entry, _entry.position == _core.position)
    .join(tables.sublog, _sublog.number == _entry.sublog)
    .where(_core.id == bindparam("core"))
)  # fmt: skip
#: (`space`, `provider`, `incarnation`) → where this sub-log ends.
END = select(_sublog.number, _sublog.seq, _sublog.chain).where(
    _sublog.space == bindparam("space"),
    _sublog.provider == bindparam("provider"),
    _sublog.incarnation == bindparam("incarnation"),
)
#: `space` → its sub-logs.
SUBLOGS = select(_sublog.number, _sublog.provider, _sublog.incarnation).where(_sublog.space == bindparam("space"))
#: (`sublog`, `seq`) → what comes after it there, `limit` at most.
AFTER = (
    select(
        _entry.position, _entry.seq, _entry.chain, _entry.at, _entry.void, _sublog.space, _sublog.provider,
        _sublog.incarnation, _core.position.label("origin"), _core.id, _core.raw, _core.sig, _core.state,
        _core.reason, _core.authority, _core.salt, _core.body,
    )
    .join(tables.sublog, _sublog.number == _entry.sublog)
    .join(tables.core, _core.position == _entry.core)
    .where(_entry.sublog == bindparam("sublog"), _entry.seq > bindparam("seq"))
    .order_by(_entry.seq)
    .limit(bindparam("limit", type_=Integer))
)  # fmt: skip
