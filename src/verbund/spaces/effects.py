"""What follows from facts of spaces: browsers hear that their list changed; who leaves a firm leaves its spaces."""

import asyncio
import logging
from collections.abc import Iterable
from typing import Any, Protocol

from verbund.accounts.queries import devices_of
from verbund.base.ids import AccountId, SpaceId
from verbund.base.refusal import Refusal
from verbund.log.cursors import Follower
from verbund.log.registry import Fact
from verbund.log.service import Appended, LogService
from verbund.log.tx import Tx
from verbund.spaces import events
from verbund.spaces.queries import children_with, members_of, role

#: Facts that change the list of one person, and those that change everybody's in the space.
_OF_ONE = (events.MemberJoined, events.MemberAdded, events.RoleChanged, events.MemberRemoved, events.PersonalOpened)
_OF_ALL = (events.SpaceArchived, events.SpaceDescribed, events.SpaceCreated)
log = logging.getLogger(__name__)


class Services(Protocol):
    """What the effects need of a running provider."""

    log: LogService
    live: Any


class SpacesService:
    """Tells browsers, and carries removals from a parent into its children."""

    def __init__(self, services: Services) -> None:
        self._log, self._live = services.log, services.live
        self._tasks: set[asyncio.Task[None]] = set()
        kinds = frozenset({events.MemberRemoved.kind})
        self._follower = Follower(services.log, "spaces.removed", kinds, self._leave_children)

    async def start(self) -> None:
        self._log.told.append(self._told)
        self._follower.start()

    async def stop(self) -> None:
        await self._follower.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _told(self, appended: Appended) -> None:
        facts = [fact for _, _, fact in appended if fact is not None]
        people: set[AccountId] = {fact.event.account for fact in facts if isinstance(fact.event, _OF_ONE)}
        people.update(one for fact in facts if isinstance(fact.event, events.DirectOpened) for one in fact.event.people)
        spaces = {fact.space for fact in facts if isinstance(fact.event, _OF_ALL)}
        removed = [fact for fact in facts if isinstance(fact.event, events.MemberRemoved)]
        if spaces or removed:
            self._later(self._tell_more(people, spaces, removed))
        else:
            self._tell(people)

    def _later(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _tell_more(self, people: set[AccountId], spaces: Iterable[SpaceId], removed: list[Fact]) -> None:
        def read() -> tuple[list[AccountId], list[Fact]]:
            with self._log.store.read() as connection:
                members = [one for space in spaces for one in members_of(connection, space)]
                gone = [fact for fact in removed if role(connection, fact.space, fact.event.account) is None]
            return members, gone

        members, gone = await asyncio.to_thread(read)
        for fact in gone:
            for connection in self._live.connections_of(fact.event.account):
                self._live.unfollow(connection, [fact.space])
                connection.send_json({"f": "gone", "sp": fact.space})
        self._tell(people | set(members))

    def _tell(self, people: Iterable[AccountId]) -> None:
        for account in people:
            self._live.tell_account(account, {"f": "spaces"})

    async def _leave_children(self, fact: Fact) -> None:
        """The provider's device writes the removal into each child, with the cuts of what it has taken in."""
        account = fact.event.account

        def work(tx: Tx) -> None:
            tx.flush()
            if role(tx.connection, fact.space, account) is not None:
                return
            for child in children_with(tx.connection, fact.space, account):
                cuts = {dev: tx.head(child, dev)[0] for dev in devices_of(tx, account)}
                event = events.MemberRemoved(account=account, cuts=cuts)
                try:
                    self._log.core.author(tx, self._log.provider_device, child, event, [fact.id])
                except Refusal as refusal:
                    log.warning("a removal did not reach a child space: %s", refusal.code)

        await self._log.write(work)
