"""The way in for what signed-in devices write, over HTTP and /live: not too many at once, not too fast for long."""

from collections.abc import Callable, Sequence

from verbund.accounts.limits import Buckets
from verbund.accounts.schemas import Caller
from verbund.base.clock import Clock
from verbund.base.refusal import Malformed, TooFast
from verbund.log.core import Parcel
from verbund.log.outcome import Outcome
from verbund.log.service import PARCELS_MAX, LogService

#: What a device saves up while it is quiet: a day without network, then everything at once.
BURST_S = 20


class Intake:
    """Facts of people and agents. What is too fast was not looked at: no number is used up, no void made."""

    def __init__(self, service: LogService, clock: Clock, facts_per_s: int) -> None:
        self._service = service
        self._devices = Buckets(clock, max(PARCELS_MAX, facts_per_s * BURST_S), 1 / facts_per_s)

    async def submit(self, caller: Caller, parcels: Sequence[Parcel]) -> list[Outcome]:
        """What became of each parcel, once it is on disk. Raises Malformed, TooFast, Overloaded."""
        self._admit(caller, parcels)
        return await self._service.submit(parcels)

    def post(self, caller: Caller, parcels: Sequence[Parcel], told: Callable[[list[Outcome] | None], None]) -> None:
        """Like `submit`; see `LogService.post`."""
        self._admit(caller, parcels)
        self._service.post(parcels, told)

    def _admit(self, caller: Caller, parcels: Sequence[Parcel]) -> None:
        if len(parcels) > PARCELS_MAX:
            raise Malformed()
        wait_s = self._devices.take(caller.device, len(parcels))
        if wait_s > 0:
            raise TooFast(retry_after_s=wait_s)
