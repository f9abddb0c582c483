"""Devices that gave one number to two facts: both are signed by the device, so nobody needs to be believed."""

from sqlalchemy import Connection, func, select

from verbund.accounts.queries import labels_of, names_of
from verbund.base.clock import ms_of
from verbund.base.ids import AccountId, SpaceId
from verbund.base.refusal import Unknown
from verbund.log import tables as log_tables
from verbund.log.entry import QUARANTINED
from verbund.log.judge import NumberUsed
from verbund.spaces.queries.rights import abilities_in, children_of
from verbund.spaces.schemas import TwofoldDevice
from verbund.spaces.state import PROVIDERS

DEVICES_MAX = 100


def twofold(connection: Connection, space: SpaceId, viewer: AccountId) -> list[TwofoldDevice]:
    """Those that did so in a space or in one of its own, for its owners; who did it last first. Raises Unknown."""
    if PROVIDERS not in abilities_in(connection, space, viewer):
        raise Unknown()
    core = log_tables.core.c
    spaces = [space, *children_of(connection, space)]
    rows = connection.execute(
        select(core.dev, func.count().label("times"), func.max(core.t).label("last"))
        .where(core.space.in_(spaces), core.state == QUARANTINED, core.reason == NumberUsed.code)
        .group_by(core.dev)
        .order_by(func.max(core.t).desc())
        .limit(DEVICES_MAX)
    ).all()
    known = labels_of(connection, [row.dev for row in rows])
    names = names_of(connection, {one.account for one in known.values()})
    return [
        TwofoldDevice(
            row.dev, known[row.dev].label, known[row.dev].account,
            names[known[row.dev].account].name if known[row.dev].account in names else "", row.times,
            ms_of(str(row.last)), known[row.dev].revoked_at,
        )
        for row in rows
        if row.dev in known
    ]  # fmt: skip
