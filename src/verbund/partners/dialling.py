"""Calling partners whose address is known, again and again until there is a link."""

import asyncio
import logging
import random
import ssl
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress

from websockets.asyncio.client import connect
from websockets.exceptions import InvalidHandshake, InvalidURI

from verbund.base.ids import ProviderId
from verbund.base.refusal import Refusal
from verbund.partners.link import FRAME_BYTES_MAX, Dialled, Ended, Gone, Met, Own, Wire, meet, turn_away

PATH = "/partners/link"
WAIT_S_MIN = 0.25
WAIT_S_MAX = 15.0
OPEN_S_MAX = 5.0
LOOK_S = 1.0
QUEUE_MAX = 8
Answered = Callable[[Wire, Met, ProviderId], Awaitable[str]]
log = logging.getLogger(__name__)


def wait_s(failures: int, chance: float) -> float:
    """How long after so many failures in a row; `chance` (0 … 1) spreads those who failed together."""
    return min(WAIT_S_MAX, WAIT_S_MIN * 2.0 ** min(failures, 10)) * (0.5 + chance / 2)


class Dialling:
    """One task for each address. Who answers at an address of the settings may call us, too."""

    def __init__(
        self, addresses: Iterable[str], own: Own, answered: Answered, is_linked: Callable[[ProviderId], bool],
        secure: ssl.SSLContext,
    ) -> None:  # fmt: skip
        self._own, self._answered, self._is_linked, self._secure = own, answered, is_linked, secure
        self._settled = {address.rstrip("/"): None for address in addresses}
        self._agreed: dict[str, ProviderId] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        #: Address → who answered there, and what wakes its task.
        self._who: dict[str, ProviderId] = {}
        self._pokes: dict[str, asyncio.Event] = {}

    def agreed(self, partners: Iterable[tuple[ProviderId, str]]) -> None:
        """With these there is an agreement."""
        self._agreed = {address.rstrip("/"): provider for provider, address in partners if address}

    def knows(self, provider: ProviderId) -> bool:
        """Whether it answered at an address of the settings."""
        return any(self._who.get(address) == provider for address in self._settled)

    def heard(self, provider: ProviderId) -> None:
        """It called us: it is there, so calling it is worth a try at once."""
        for address, who in self._who.items():
            if who == provider and address in self._pokes:
                self._pokes[address].set()

    async def run(self) -> None:
        """For ever: a task for each address that there is, and none for those that there are no more."""
        while True:
            wanted = {*self._settled, *self._agreed}
            for address in wanted - self._tasks.keys():
                self._tasks[address] = asyncio.create_task(self._call(address), name=f"partner {address}")
            for address in self._tasks.keys() - wanted:
                self._tasks.pop(address).cancel()
            await asyncio.sleep(LOOK_S)

    async def stop(self) -> None:
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _call(self, address: str) -> None:
        failures, poke = 0, self._pokes.setdefault(address, asyncio.Event())
        while True:
            who = self._who.get(address)
            if who is not None and self._is_linked(who):
                failures = 0
                await asyncio.sleep(LOOK_S)
                continue
            met, code = await self._once(address)
            failures = 0 if met else failures + 1
            log.info("partner %s: %s", address, code)
            poke.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(poke.wait(), wait_s(failures, random.random()))  # noqa: S311
                failures = 0

    async def _once(self, address: str) -> tuple[bool, str]:
        """(whether it proved who it is; why there is no link any more)."""
        url = address.replace("http", "ws", 1) + PATH
        secure = self._secure if url.startswith("wss:") else None
        try:
            async with connect(
                url, ssl=secure, max_size=FRAME_BYTES_MAX, max_queue=QUEUE_MAX, compression=None, ping_interval=None,
                open_timeout=OPEN_S_MAX, close_timeout=1, proxy=None, user_agent_header=None,
            ) as socket:  # fmt: skip
                wire = Dialled(socket)
                try:
                    met = await meet(wire, self._own, address, lambda provider: self._expects(address, provider))
                except Refusal as refusal:
                    await turn_away(wire, refusal)
                    return False, refusal.code
                self._who[address] = met.provider
                called = met._replace(home=address)
                return True, await self._answered(wire, called, ProviderId(self._own.identity.provider))
        except Ended as ended:
            return False, ended.code
        except (OSError, TimeoutError, Gone, InvalidHandshake, InvalidURI) as error:
            return False, f"{type(error).__name__} {error}"

    def _expects(self, address: str, provider: ProviderId) -> bool:
        """At an agreed address only the provider that the agreement names; at one of the settings whoever is there."""
        if address in self._settled:
            self._who[address] = provider
            return True
        return self._agreed.get(address) == provider
