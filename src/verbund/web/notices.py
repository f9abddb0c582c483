"""What a commit means for those who are here: their list of spaces changed, they or a device were removed."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from verbund.accounts.queries import is_current
from verbund.base.ids import AccountId, DeviceId, SpaceId
from verbund.log.appended import Appended
from verbund.log.service import LogService
from verbund.spaces.queries import members_of, role
from verbund.web.hub import Hub

WAITING_MAX = 1_000
#: Beside authority: facts that change how a space stands in the list.
LISTED = frozenset({"spaces.space_described.1", "chat.channel_opened.1", "chat.channel_renamed.1"})
REVOKED = "account.device_revoked.1"
#: Those that may take devices away without naming them: what a card, a passkey or another device brought in.
LESS = frozenset({REVOKED, "account.card_revoked.1", "account.passkey_revoked.1", "account.passkey_shown.1"})
PROFILE = "account.profile_changed.1"
log = logging.getLogger(__name__)


class Notices:
    """Tells people what happened to them. Hints only: the browser asks /api/me for the truth."""

    def __init__(self, service: LogService, hub: Hub) -> None:
        self._service, self._hub = service, hub
        self._tasks: set[asyncio.Task[None]] = set()
        service.told.append(self._told)

    def _told(self, appended: Appended) -> None:
        if not any(kind in LESS or _changes_list(kind) for kind in appended.kinds):
            return
        changed = {space for space, _, fact in appended if fact is not None and _changes_list(fact.core.k)}
        for _, _, fact in appended:
            if fact is not None and fact.core.k == REVOKED:
                self._hub.close_device(fact.event.dev)
            if fact is not None and fact.core.k in LESS:
                self._start(self._close_revoked(AccountId(fact.space)))
        for space in changed:
            self._start(self._tell(space))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        if len(self._tasks) >= WAITING_MAX:
            work.close()
            return
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _tell(self, space: SpaceId) -> None:
        members = set(await self._service.store.look(self._members, space))
        for connection in list(self._hub.connections.values()):
            if connection.account in members:
                connection.send_json({"f": "spaces"})
            elif space in connection.following and not await self._service.store.look(self._belongs, space, connection):
                self._hub.unfollow(connection, [space])
                connection.send_json({"f": "gone", "sp": space})
                connection.send_json({"f": "spaces"})

    async def _close_revoked(self, account: AccountId) -> None:
        """Those of an account's devices that are here and belong to it no longer."""
        for dev in {one.device for one in self._hub.connections.values() if one.account == account}:
            if not await self._service.store.look(self._is_current, dev, account):
                self._hub.close_device(dev)

    def _is_current(self, dev: DeviceId, account: AccountId) -> bool:
        with self._service.store.read() as connection:
            return is_current(connection, dev, account)

    def _members(self, space: SpaceId) -> list[Any]:
        with self._service.store.read() as connection:
            return list(members_of(connection, space))

    def _belongs(self, space: SpaceId, connection: Any) -> bool:
        with self._service.store.read() as read:
            return role(read, space, connection.account) is not None


def _changes_list(kind: str) -> bool:
    return kind.startswith("authority.") or kind in LISTED or kind == PROFILE
