"""Between a link and the log: reads what goes out, takes in what comes; in its order, or ahead of it."""

import asyncio
import logging
from collections.abc import Callable
from functools import partial

from verbund.base.clock import Clock
from verbund.base.ids import SpaceId, b64
from verbund.base.refusal import Broken, Refusal
from verbund.blobs.missing import lacking
from verbund.log import early, known
from verbund.log.adopting import take_apart
from verbund.log.ahead import Examined
from verbund.log.entry import sublog
from verbund.log.log import Log
from verbund.log.newest import Newest, newest
from verbund.log.service import LogService
from verbund.log.tx import Tx
from verbund.partners.actions import GiveNewest, Take, TakeNewest
from verbund.partners.blobs import Missing
from verbund.partners.examining import examined_of
from verbund.partners.here import Here
from verbund.partners.link import Link
from verbund.partners.push import Load, placed
from verbund.partners.refusals import NotHeld, TooEarly
from verbund.spaces.authority import authority_now

PAGE_MAX = 1_000
#: So many entries at most go with what people write; of more, so many keep what people write waiting at a time.
SHORT_MAX = 50
PART_MAX = 200
BLOBS_NAMED = '"blobs":["'
NOT_READ = "what it asks for could not be read"
NOT_GIVEN = "the newest of a space could not be read for it"
NOT_TAKEN = "the newest of a space that it gave could not be taken in"
Ends = list[tuple[str, int, str]]
log = logging.getLogger(__name__)


class Taking:
    """Of one installation; `changed`: more of a space is here, by this link."""

    def __init__(
        self, service: LogService, here: Here, missing: Missing, steady: Clock, changed: Callable[[SpaceId, Link], None]
    ) -> None:
        self._log, self._here, self._missing, self._steady, self._changed = service, here, missing, steady, changed

    async def load(self, link: Link, asked: Load) -> None:
        try:
            page, more = await asyncio.to_thread(self._log.entries, asked.space, asked.after, PAGE_MAX)
        except Exception as error:  # noqa: BLE001  # the edge of the link: the partner asks again for what does not come
            link.failed(NOT_READ, error)
            link.exchange.paged(asked, None, False)
            return
        link.well(NOT_READ)
        link.exchange.paged(asked, [placed(raw)[0] for raw in page], not more)
        link.pump()

    async def take(self, link: Link, take: Take) -> None:
        space = take.space
        try:
            async with link.turn:  # what came first is written first, whoever's examination takes longer
                examined = await examined_of(self._log.ahead, take)
                link.exchange.compare(space, [one for one, _ in examined])
                written = self._write(link, take, examined)
            is_more = await self._written(space, written)
            await self._look_for_blobs(space, examined)
        except Exception as error:  # the edge of the link: whatever it was, the partner is told, and gives it again
            if not isinstance(error, Refusal):
                log.exception("entries of a partner could not be taken in")
            code = error.code if isinstance(error, Refusal) else Broken.code
            log.warning("entries of partner %s in %s refused: %s", link.met.provider, space, code)
            link.exchange.refused(take.n, code, self._steady.now_ms())
            link.pump()
            return
        if is_more:
            self._changed(space, link)
        link.exchange.taken(take.n)
        link.pump()

    def _write(self, link: Link, take: Take, examined: list[Examined]) -> "list[asyncio.Task[Ends]]":
        """Begun in order, an empty frame as one part. Where a part fails, what follows on that fails, too."""
        is_long = len(examined) > SHORT_MAX or link.long > 0
        write = self._log.write_long if is_long else self._log.write
        parts = [examined[at : at + PART_MAX] for at in range(0, max(1, len(examined)), PART_MAX)]
        begun = [asyncio.create_task(write(partial(accept, self._log.core, take, part))) for part in parts]
        if is_long:
            link.long += 1
            begun[-1].add_done_callback(lambda _: link.wrote())
        return begun

    async def _written(self, space: SpaceId, begun: "list[asyncio.Task[Ends]]") -> bool:
        """Whether there is more of the space now. Raises what the first part that failed did."""
        done = await asyncio.gather(*begun, return_exceptions=True)
        ends = [one for part in done if not isinstance(part, BaseException) for one in part]
        is_more = self._here.advance(space, ends)
        for part in done:
            if isinstance(part, BaseException):
                raise part
        return is_more

    async def give_newest(self, link: Link, asked: GiveNewest) -> None:
        """What goes ahead of the rest; who does not read its answers gets none."""

        def read() -> Newest | None:
            with self._log.store.read() as connection:
                return newest(connection, asked.space, asked.after, asked.since)

        try:
            found = None if link.is_busy else await asyncio.to_thread(read)
        except Exception as error:  # noqa: BLE001  # the edge of the link: whatever it was, the partner is answered
            link.failed(NOT_GIVEN, error)
            link.exchange.newest_failed(asked, self._steady.now_ms())
        else:
            link.well(NOT_GIVEN)
            link.exchange.newest_given(asked.space, found)
        link.pump()

    async def take_newest(self, link: Link, found: TakeNewest) -> None:
        space = found.space
        try:
            examined = await asyncio.to_thread(self._log.ahead.examine, found.entries)
            write = self._log.write if len(examined) <= SHORT_MAX else self._log.write_long
            ends = await write(partial(take_early, self._log.core, space, examined))
            await self._look_for_blobs(space, examined)
        except (TooEarly, NotHeld) as refusal:  # this passes as more comes
            log.info("the newest of partner %s in %s: %s", link.met.provider, space, refusal.code)
            link.exchange.newest_taken(found, False, self._steady.now_ms())
        except Exception as error:  # noqa: BLE001  # the edge of the link: whatever it was, it is tried again later
            link.failed(NOT_TAKEN, error)
            link.exchange.newest_failed(found, self._steady.now_ms())
        else:
            link.well(NOT_TAKEN)
            if self._here.advance(space, ends):
                self._changed(space, link)
            link.exchange.newest_taken(found, True, self._steady.now_ms())
        link.pump()

    async def _look_for_blobs(self, space: SpaceId, examined: list[Examined]) -> None:
        if any(one.b is not None and BLOBS_NAMED in one.b for one, _ in examined):
            self._here.lacks(space, await asyncio.to_thread(self._lacking, space))
            self._missing.look(space)

    def _lacking(self, space: SpaceId) -> dict[str, int]:
        with self._log.store.read() as connection:
            return lacking(connection, [space]).get(space, {})


def accept(core: Log, take: Take, examined: list[Examined], tx: Tx) -> Ends:
    """Take these in. Where the space's sub-logs end then: (sub-log, last seq, chain)."""
    if len(examined) > SHORT_MAX:
        known.look_up(tx, [parsed.id for _, parsed in examined if parsed is not None])
    for one, parsed in examined:
        if take.apart and sublog(one.p, one.i) in take.apart:
            take_apart(core, tx, one, parsed)
        else:
            core.accept(tx, one, parsed)
    return _ends(tx, take.space)


def take_early(core: Log, space: SpaceId, examined: list[Examined], tx: Tx) -> Ends:
    """Take these in ahead of their places, in a space that this provider holds; as `accept`.

    Raises TooEarly while the authority among them cannot be told, NotHeld.
    """
    for one, parsed in examined:
        kind = core.registry.kind(parsed.core.k) if parsed is not None else None
        if not early.take(core, tx, one, parsed) and kind is not None and kind.event.authority:
            raise TooEarly()
    authority = authority_now(tx, space)
    if authority is None or core.provider not in authority.providers:
        raise NotHeld()
    return _ends(tx, space)


def _ends(tx: Tx, space: SpaceId) -> Ends:
    ends = [(key, end) for key, end in tx.sublogs.items() if key[0] == space]
    return [(sublog(provider, number), end.seq, b64(end.chain)) for (_, provider, number), end in ends]
