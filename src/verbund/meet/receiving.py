"""What one person receives: brings the browser to what the room wants for it, one negotiation at a time."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from verbund.meet.refusals import NotInCall
from verbund.meet.room import Person, Room
from verbund.meet.sfu import Seat, SfuLost, SfuRefused

#: Changes of so short a time are one negotiation.
GATHER_S = 0.02
ANSWER_TIMEOUT_S = 20.0
RETRY_S = 0.3
RETRIES_MAX = 5
log = logging.getLogger(__name__)

Tell = Callable[[str, dict[str, Any]], bool]


class Receiver:
    """Runs while the person is in the room. `tell(kind, data)` reaches the browser; False when it is away."""

    def __init__(self, room: Room, person: Person, tell: Tell, changed: Callable[[], None]) -> None:
        self._room, self._person, self._tell, self._changed = room, person, tell, changed
        self._seat: Seat | None = None
        self._wake = asyncio.Event()
        self._anew = not person.settled
        #: The next offer begins a new connection in the browser.
        self._fresh = not person.received
        self._number = 0
        self._answer: asyncio.Future[str] | None = None
        self._task = asyncio.create_task(self._run(), name="meet receiver")

    def use(self, seat: Seat | None) -> None:
        """The seat to receive by; None while the SFU is away."""
        self._seat = seat
        if seat is None:
            self._person.received, self._person.settled, self._anew, self._fresh = {}, True, False, True
            if self._answer is not None:
                self._answer.cancel()
        else:
            self.poke()

    def poke(self) -> None:
        """Something may have changed."""
        self._wake.set()

    def restart(self) -> None:
        """Begin the receiving connection anew: the browser's is broken."""
        self._anew = True
        if self._answer is not None:
            self._answer.cancel()
        self.poke()

    def answered(self, number: int, sdp: str) -> None:
        """The browser's answer to offer `number`. Raises NotInCall when nothing waits for it."""
        if self._answer is None or number != self._number or self._answer.done():
            raise NotInCall()
        self._answer.set_result(sdp)

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        failures = 0
        while True:
            await self._wake.wait()
            await asyncio.sleep(GATHER_S)
            self._wake.clear()
            try:
                if self._seat is not None and self._person.away_since is None:
                    await self._round(self._seat)
                failures = 0
            except (SfuLost, SfuRefused) as error:
                failures += 1
                log.info("receiving failed: %s", error)
                self._anew = self._anew or not self._person.settled
                if failures <= RETRIES_MAX and self._seat is not None:
                    await asyncio.sleep(RETRY_S * failures)
                    self._wake.set()

    async def _round(self, seat: Seat) -> None:
        person = self._person
        if self._anew:
            self._anew = False
            await seat.unsubscribe()
            person.received, person.settled, self._fresh = {}, True, True
        wanted = self._room.wanted(person)
        held = set(person.received.values())
        add = sorted(wanted - held)
        remove = [mid for mid, source in person.received.items() if source not in wanted]
        if not add and not remove:
            return
        person.settled = False
        offer = await seat.subscribe(add, remove)
        if offer is None:
            person.received = {mid: source for mid, source in person.received.items() if mid not in remove}
            person.settled = True
            return
        person.received = offer.streams
        await self._negotiate(seat, offer.sdp)

    async def _negotiate(self, seat: Seat, sdp: str) -> None:
        person = self._person
        self._number += 1
        self._answer = asyncio.get_running_loop().create_future()
        try:
            told = {
                "n": self._number, "sdp": sdp, "streams": self._room.streams(person.received), "fresh": self._fresh,
            }  # fmt: skip
            self._tell("meet.offer", told)
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                answer = await self._answer
        except (TimeoutError, asyncio.CancelledError):
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            self._anew = self._seat is not None
            self._wake.set()
            return
        finally:
            self._answer = None
        await seat.answer(answer)
        person.settled = True
        self._fresh = False
        self._changed()
        self._wake.set()
