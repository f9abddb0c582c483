"""Questions about single cores, built once: they are asked for every fact, and building one takes longer than asking.

Tables alone; what the answers mean is said where they are asked (tx.py).
"""

from sqlalchemy import bindparam, select

from verbund.log import tables

_core, _waiting = tables.core.c, tables.waiting.c
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
