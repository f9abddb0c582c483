"""What lower floors must know of higher ones, handed down: rights for the blobs, channels for /api/me."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from verbund.base.ids import AccountId, SpaceId
from verbund.chat.queries import channels
from verbund.spaces.authority import POST
from verbund.spaces.queries import abilities_in, role, shares_a_space


class Memberships:
    """Who may read in a space and who may add to it, for the blobs."""

    def may_read(self, connection: Connection, space: SpaceId, account: AccountId) -> bool:
        return role(connection, space, account) is not None or shares_a_space(connection, space, account)

    def may_add(self, connection: Connection, space: SpaceId, account: AccountId) -> bool:
        return POST in abilities_in(connection, space, account)


def channels_of(
    connection: Connection, spaces: Sequence[SpaceId], viewer: AccountId
) -> Mapping[SpaceId, Mapping[str, Any]]:
    """Channels with unread counts for the spaces of /api/me; nobody talks in an account's own space."""
    rooms = [space for space in spaces if space != SpaceId(viewer)]
    return {space: {"channels": found} for space, found in channels(connection, rooms, viewer).items()}
