"""What follows from facts of spaces: who leaves a firm leaves its spaces."""

import logging
from typing import Protocol

from verbund.accounts.queries import devices_of
from verbund.base.refusal import Refusal
from verbund.log.cursors import Follower
from verbund.log.registry import Fact
from verbund.log.service import LogService
from verbund.log.tx import Tx
from verbund.spaces import events
from verbund.spaces.queries import children_with, role

log = logging.getLogger(__name__)


class Services(Protocol):
    """What the effects need of a running provider."""

    log: LogService


class SpacesService:
    """Carries removals from a parent into its children, by the provider's device and with the cuts of what it took in.

    The child's rules check that the parent did remove that person, so a provider can remove nobody by itself.
    """

    def __init__(self, services: Services) -> None:
        self._log = services.log
        kinds = frozenset({events.MemberRemoved.kind})
        self._follower = Follower(services.log, "spaces.removed", kinds, self._leave_children)

    async def start(self) -> None:
        self._follower.start()

    async def stop(self) -> None:
        await self._follower.stop()

    async def _leave_children(self, fact: Fact) -> None:
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
                    log.info("a removal is for another provider to carry: %s", refusal.code)

        await self._log.write(work)
