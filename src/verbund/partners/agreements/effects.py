"""The conversation between the two providers of a partnership: whoever knows the other's address asks.

Each question carries one's own statement, each answer the other's; so one side behind a router is enough, and whoever
was away learns the rest when it is back.
"""

import asyncio
import logging
import random
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

import httpx
import msgspec

from verbund import __version__
from verbund.base.clock import Clock
from verbund.base.refusal import Refusal
from verbund.base.settings import Settings
from verbund.log.service import LogService
from verbund.partners import requests
from verbund.partners.agreements import book, fate, queries
from verbund.partners.agreements.book import Own
from verbund.partners.agreements.queries import AGREED, ENDED, ENDING, Partnership
from verbund.partners.agreements.refusals import ClockApart, CodeExpired, CodeUsed, NotInvited, OtherKey
from verbund.partners.agreements.schemas import REPORT_FILE, Report
from verbund.partners.agreements.statements import NAME_CHARS_MAX, Heard, Statement, Told, check, tell
from verbund.partners.agreements.texts import texts
from verbund.partners.identity import NotProven
from verbund.partners.requests import Received
from verbund.partners.schemas import Identity
from verbund.partners.tls import shared

LOOK_S = 1.0
#: How often one asks: while somebody waits for an answer, when all is settled, after a failure at most.
WAITING_S, SETTLED_S, BACKOFF_S_MAX = 2.0, 60.0, 60.0
FATE_S = 3_600.0
REPORT_S = 2.0
TIMEOUT_S = 10.0
ANSWER_BYTES_MAX = 64 * 1024
PATH = "/api/partners/agreement"
#: A code that the other side refuses like this will never do.
FINAL = {kind.code: kind for kind in (CodeExpired, CodeUsed, NotInvited)}
log = logging.getLogger(__name__)


class Away(Refusal):
    """de: Der andere Anbieter ist gerade nicht erreichbar. Der nächste Versuch folgt von selbst.
    en: The other provider cannot be reached right now. The next attempt follows by itself."""

    code = "partners.away"
    status = 503


class Services(Protocol):
    """What the conversation needs of a running provider."""

    data: Path
    log: LogService
    settings: Settings
    clock: Clock
    parts: dict[str, Any]


class Agreements:
    """Answers other providers, and asks those that it knows an address of."""

    def __init__(self, services: Services) -> None:
        self._log, self._clock, self._settings = services.log, services.clock, services.settings
        self._identity: Identity = services.parts["own_identity"]
        self.own = Own(services.log.provider, services.settings.origin)
        services.parts["agreements"] = self
        self._secure = shared(services.settings)
        self._nonces = requests.Nonces()
        self._due: dict[str, float] = {}
        self._seen: dict[str, int] = {}
        #: Provider → how far its clock was ahead of ours when it answered last, and how exactly that is known (ms).
        self.clocks: dict[str, tuple[int, int]] = {}
        self._wait: dict[str, float] = {}
        self._looked: dict[str, float] = {}
        self._asking: dict[str, asyncio.Task[None]] = {}
        self._task: asyncio.Task[None] | None = None
        self._parts, self._report = services.parts, services.data / REPORT_FILE
        self._reported = 0.0
        self._standing: frozenset[tuple[str, str, str]] = frozenset()

    async def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="agreements")

    async def stop(self) -> None:
        tasks = [one for one in (self._task, *self._asking.values()) if one is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def answer(self, told: Told, asked: Received, body: bytes) -> Told:
        """Another provider says where it stands; so do we. Raises what `check` and `take_in` do, Replayed."""
        now = self._clock.now_ms()
        heard = check(told, self.own.provider, self.own.address, now)
        asker = requests.check(asked, now, body)
        if asker.provider != heard.provider:
            raise NotProven()
        if not await asyncio.to_thread(self._may_speak, heard):
            raise NotInvited()
        self._nonces.use(asker, now)

        def take(tx: Any) -> Partnership:
            book.take_in(tx, self.own, heard)
            return queries.found(tx.connection, heard.provider)

        return self._tell(await self._log.write(take), "")

    async def talk(self, client: httpx.AsyncClient, one: Partnership) -> None:
        """One question to one partner; what came of it is written down."""
        key, self._seen[one.provider] = one.provider, one.changed_at
        wait = SETTLED_S if one.state == AGREED else WAITING_S
        try:
            asked_at = self._clock.now_ms()
            heard = await self._ask(client, one)
            answered_at = self._clock.now_ms()
            middle, doubt = (asked_at + answered_at) // 2, (answered_at - asked_at) // 2
            self.clocks[one.provider] = (heard.statement.at - middle, doubt)
            await self._log.write(lambda tx: book.take_in(tx, self.own, heard))
            if one.state == ENDED:
                await self._log.write(lambda tx: book.note_end_told(tx, key))
            elif heard.statement.address:
                await self._look(one, heard)
        except Refusal as refusal:
            wait = min(BACKOFF_S_MAX, 2 * self._wait.get(key, WAITING_S / 2)) * random.uniform(0.8, 1.2)  # noqa: S311
            await self._failed(one, refusal)
        except Exception:
            log.exception("partnership with %s", one.shown_name)
            wait = BACKOFF_S_MAX
        self._wait[key], self._due[key] = wait, asyncio.get_running_loop().time() + wait

    async def _run(self) -> None:
        async with httpx.AsyncClient(verify=self._secure, timeout=TIMEOUT_S, trust_env=False) as client:
            while True:
                try:
                    await self._round(client)
                except Exception:
                    log.exception("partnerships could not be looked at, will be tried again")
                await asyncio.sleep(LOOK_S)

    async def _round(self, client: httpx.AsyncClient) -> None:
        found = await asyncio.to_thread(self._all)
        if any(one.state == ENDING for one in found):
            for one in await self._log.write(lambda tx: book.take_back(tx, overdue_only=True)):
                log.warning("the end of the partnership with %s was not confirmed and is taken back", one.shown_name)
        self._tell_link(found)
        await self._write_report()
        for one in found:
            if self._is_due(one):
                self._asking[one.provider] = asyncio.create_task(self.talk(client, one))

    def _may_speak(self, heard: Heard) -> bool:
        with self._log.store.read() as connection:
            return queries.may_speak(connection, heard.provider, heard.statement.invitation)

    def _all(self) -> list[Partnership]:
        with self._log.store.read() as connection:
            return queries.partnerships(connection)

    def _tell_link(self, found: list[Partnership]) -> None:
        """With whom there is an agreement, and where, is another matter than before."""
        standing = frozenset((one.provider, one.state, one.address) for one in found)
        link = self._parts.get("partners")
        if standing != self._standing and link is not None:
            self._standing = standing
            link.look_again()

    async def _write_report(self) -> None:
        """For `verbund partner list`, which is a process of its own: how the link to each partner stands."""
        link, now = self._parts.get("partners"), asyncio.get_running_loop().time()
        if link is None or now - self._reported < REPORT_S:
            return
        self._reported = now
        raw = msgspec.json.encode(Report(self._clock.now_ms(), link.status()))
        with suppress(OSError):
            await asyncio.to_thread(_replace, self._report, raw)

    def _is_due(self, one: Partnership) -> bool:
        asking = self._asking.get(one.provider)
        if not one.address or (one.state == ENDED and one.end_told) or (asking is not None and not asking.done()):
            return False
        changed = self._seen.get(one.provider) != one.changed_at
        return changed or asyncio.get_running_loop().time() >= self._due.get(one.provider, 0.0)

    async def _failed(self, one: Partnership, refusal: Refusal) -> None:
        final = one.heard_at is None and refusal.code in FINAL
        if refusal.code != one.problem or final:
            log.warning("partnership with %s: %s", one.shown_name, refusal.code)
            await self._log.write(lambda tx: book.note_problem(tx, one.provider, refusal, final))
        if one.state == ENDED and refusal.code == NotInvited.code:
            await self._log.write(lambda tx: book.note_end_told(tx, one.provider))

    async def _look(self, one: Partnership, heard: Heard) -> None:
        """Now and then: what would take both at once."""
        now = asyncio.get_running_loop().time()
        if now < self._looked.get(one.provider, 0.0):
            return
        self._looked[one.provider] = now + FATE_S

        def look() -> dict[str, str]:
            other = fate.observed(one.address, heard.statement.version)
            return fate.compared(fate.observed(self.own.address, __version__), other)

        found = await asyncio.to_thread(look)
        await self._log.write(lambda tx: book.note_fate(tx, one.provider, found))

    async def _ask(self, client: httpx.AsyncClient, one: Partnership) -> Heard:
        """Raises Away, OtherKey, ClockApart, and why the other refused."""
        body = msgspec.json.encode(self._tell(one, one.address))
        request = client.build_request(
            "POST", one.address + PATH, content=body, headers={"content-type": "application/json"}
        )
        requests.sign(self._identity, self._log.provider_device, request, self._clock.now_ms(), body)
        try:
            raw, status = await _received(client, request)
            if status >= 400:
                raise _refused(msgspec.json.decode(raw))
            told = msgspec.json.decode(raw, type=Told)
        except (httpx.HTTPError, msgspec.MsgspecError, ValueError) as error:
            raise Away() from error
        return check(told, self.own.provider, "", self._clock.now_ms(), one.provider)

    def _tell(self, one: Partnership, dialled: str) -> Told:
        settings = self._settings
        statement = Statement(
            to=one.provider, dialled=dialled, at=self._clock.now_ms(), invitation=one.invitation, proof=one.proof,
            name=settings.name[:NAME_CHARS_MAX], place=settings.place, contact=settings.contact,
            address=self.own.address, version=__version__, texts=list(texts()), text=one.own_text,
            text_by=one.own_by or "", text_at=one.own_at or 0, ended=one.state == ENDED,
        )  # fmt: skip
        return tell(self._identity, self._log.provider_device, statement)


def _replace(file: Path, raw: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = file.with_suffix(".new")
    fresh.write_bytes(raw)
    fresh.replace(file)


async def _received(client: httpx.AsyncClient, request: httpx.Request) -> tuple[bytes, int]:
    response = await client.send(request, stream=True)
    try:
        received = bytearray()
        async for piece in response.aiter_bytes():
            received += piece
            if len(received) > ANSWER_BYTES_MAX:
                raise httpx.DecodingError("answer too large", request=request)
        return bytes(received), response.status_code
    finally:
        await response.aclose()


def _refused(shown: Any) -> Refusal:
    code = shown.get("code") if isinstance(shown, dict) else None
    known = {**FINAL, NotProven.code: NotProven, ClockApart.code: ClockApart, OtherKey.code: OtherKey}
    return known[code]() if code in known else Away()
