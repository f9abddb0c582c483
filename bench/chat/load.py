"""The client program, the same for everybody: members of one room in one process, who send and count."""

import asyncio
import time
from collections.abc import Awaitable, Callable

DRAIN_TIMEOUT_S = 30.0


class Count:
    """What arrived: deliveries and, where the sending was timed, their latencies in ms."""

    def __init__(self) -> None:
        self.sent_at: dict[str, float] = {}
        self.deliveries = 0
        self.latencies_ms: list[float] = []

    def delivered(self, identifier: str) -> None:
        self.deliveries += 1
        begun = self.sent_at.get(identifier)
        if begun is not None:
            self.latencies_ms.append((time.perf_counter() - begun) * 1000)

    async def drain(self, expected: int) -> None:
        """Wait until everything has arrived."""
        deadline = time.monotonic() + DRAIN_TIMEOUT_S
        while self.deliveries < expected and time.monotonic() < deadline:  # noqa: ASYNC110  # counted in a hot path
            await asyncio.sleep(0.02)


async def open_loop(send: Callable[[int, int], Awaitable[object]], senders: int, rate: float, seconds: float) -> int:
    """Messages at a fixed rate, whatever the server does, by the senders in turn; the number sent."""
    begun = time.perf_counter()
    count = int(rate * seconds)
    waiting: list[asyncio.Task[object]] = []
    for number in range(count):
        delay = begun + number / rate - time.perf_counter()
        if delay > 0:
            await asyncio.sleep(delay)
        waiting.append(asyncio.ensure_future(send(number % senders, number // senders)))
    await asyncio.gather(*waiting)
    return count
