"""What the blobs must know about people and spaces; memberships are folded further up."""

from typing import Protocol

from sqlalchemy import Connection

from verbund.base.ids import AccountId, SpaceId


class Rooms(Protocol):
    """Who may read in a space, and who may add to it. A space that does not exist answers no."""

    def may_read(self, connection: Connection, space: SpaceId, account: AccountId) -> bool: ...

    def may_add(self, connection: Connection, space: SpaceId, account: AccountId) -> bool: ...


class Caller(Protocol):
    """Who asks: the signed-in person of a request."""

    @property
    def account(self) -> AccountId: ...
