"""Who is here: told to the people of a space when somebody comes and goes. A signal; nothing of it is kept."""

import asyncio

from verbund.base.ids import AccountId, SpaceId
from verbund.web.hub import Connection, Hub

KIND = "presence"
ONLINE, OFFLINE = "online", "offline"
#: A reload or a short break in the line is not a farewell.
GRACE_S = 6.0
SHOWN_MAX = 500


class Presence:
    """Watches a hub's comings and goings."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._leaving: dict[AccountId, asyncio.TimerHandle] = {}
        hub.on_follow(self._followed)
        hub.on_gone(self._gone)

    def _followed(self, connection: Connection, space: SpaceId) -> None:
        """The others learn that somebody is here, the newcomer who is."""
        leaving = self._leaving.pop(connection.account, None)
        if leaving is not None:
            leaving.cancel()
        here = sorted(self._hub.followers(space))[:SHOWN_MAX]
        connection.send_json({
            "f": "signal", "sp": space, "k": KIND, "by": None,
            "d": {"accounts": here, "state": ONLINE},
        })  # fmt: skip
        if len(self._hub.connections_of(connection.account)) == 1:
            self._tell(space, connection.account, ONLINE, skip=connection)

    def _gone(self, connection: Connection) -> None:
        account, spaces = connection.account, set(connection.following)
        if len(self._hub.connections_of(account)) > 1 or account in self._leaving:
            return
        loop = asyncio.get_running_loop()
        self._leaving[account] = loop.call_later(GRACE_S, self._left, account, spaces)

    def _left(self, account: AccountId, spaces: set[SpaceId]) -> None:
        self._leaving.pop(account, None)
        if not self._hub.online(account):
            for space in spaces:
                self._tell(space, account, OFFLINE)

    def _tell(self, space: SpaceId, account: AccountId, state: str, skip: Connection | None = None) -> None:
        data = {"accounts": [account], "state": state}
        self._hub.signal(space, KIND, data, by=account, skip=skip)
