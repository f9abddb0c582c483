"""What follows from facts of accounts: a revoked device's sessions end here, wherever the revocation came from."""

from typing import Any, Protocol

from verbund.accounts.events import DeviceRevoked
from verbund.accounts.sessions import end_device
from verbund.log.cursors import Follower
from verbund.log.registry import Fact
from verbund.log.service import LogService


class Services(Protocol):
    """What the effects need of a running provider."""

    log: LogService
    parts: dict[str, Any]


class AccountsService:
    """Follows revocations. (Their sockets are closed by the web, their requests refused by `caller_of`.)

    With it the gate ends, and who hashes passwords there.
    """

    def __init__(self, services: Services) -> None:
        self._log, self._parts = services.log, services.parts
        self._follower = Follower(services.log, "accounts.revoked", frozenset({DeviceRevoked.kind}), self._sign_out)

    async def start(self) -> None:
        self._follower.start()

    async def stop(self) -> None:
        await self._follower.stop()
        if gate := self._parts.pop("gate", None):
            gate.close()

    async def _sign_out(self, fact: Fact) -> None:
        event: DeviceRevoked = fact.event
        await self._log.write(lambda tx: end_device(tx, fact.space, event.dev))
