"""HTTP between providers: signed questions, answered to who is named in a space."""

import asyncio
from typing import Any

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import SkipValidation

from verbund.base.clock import Clock
from verbund.base.refusal import Unknown
from verbund.base.settings import Settings
from verbund.log.service import ENTRIES_PAGE_MAX, LogService
from verbund.partners import queries
from verbund.partners.identity import check_question
from verbund.partners.schemas import Asked, Digest, Identity

TheClock = NamedDependency[SkipValidation[Clock]]
Own = NamedDependency[SkipValidation[Identity]]


@get("/api/partners/hello", summary="Who this provider is, for other providers")
async def hello(own_identity: Own) -> Identity:
    """Root key and certified device."""
    return own_identity


@post("/api/partners/digest", summary="What a partner may have", status_code=200)
async def digest(data: Asked, own_identity: Own, log: LogService, settings: Settings, clock: TheClock) -> Digest:
    """Spaces that name the asking provider, with their vectors."""
    provider, _, _ = check_question(data, settings.origin, clock.now_ms())

    def read() -> Digest:
        with log.store.read() as connection:
            spaces, accounts = queries.shared(connection, provider)
            return Digest(own_identity, queries.vectors(connection, spaces), queries.vectors(connection, accounts))

    return await asyncio.to_thread(read)


@post("/api/partners/entries", summary="Entries for a partner", status_code=200, media_type="application/json")
async def entries(data: Asked, log: LogService, settings: Settings, clock: TheClock) -> bytes:
    """What the vector does not cover of a space that names the asking provider."""
    provider, _, question = check_question(data, settings.origin, clock.now_ms())

    def read() -> Any:
        with log.store.read() as connection:
            spaces, accounts = queries.shared(connection, provider)
        if question.space is None or question.space not in {*spaces, *accounts}:
            raise Unknown()
        return log.entries(question.space, question.after, ENTRIES_PAGE_MAX)

    page, more = await asyncio.to_thread(read)
    return b'{"entries":[' + b",".join(page) + b'],"more":' + (b"true" if more else b"false") + b"}"


ROUTES = [hello, digest, entries]
