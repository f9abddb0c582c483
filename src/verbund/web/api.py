"""HTTP that belongs to no capability: the provider, the log of a space, health."""

import asyncio
from typing import Annotated, Any

import msgspec
from litestar import get, post
from litestar.params import HeaderParameter
from msgspec import Struct

from verbund import __version__
from verbund.accounts.schemas import Caller
from verbund.base.ids import CoreId, SpaceId
from verbund.base.refusal import Malformed, Unknown
from verbund.log.core import Parcel
from verbund.log.service import ENTRIES_PAGE, LogService
from verbund.log.tx import Reader
from verbund.spaces.queries import heads_of, role
from verbund.web.composition import Services
from verbund.web.problems import language_of

VECTOR_CHARS_MAX = 8_000
_vector = msgspec.json.Decoder(dict[str, int])


class Parcels(Struct, forbid_unknown_fields=True):
    """Cores on their way; at most PARCELS_MAX."""

    parcels: list[Parcel]


class ProviderShape(Struct):
    """Who this provider is and what it offers."""

    provider: str
    incarnation: int
    name: str
    version: str
    setup_open: bool
    features: dict[str, bool]
    partners: int
    now: int


class HeadShape(Struct):
    """Where a device goes on in a space."""

    ds: int
    dp: str | None
    heads: list[CoreId]
    vector: dict[str, int]


Language = Annotated[str, HeaderParameter(name="accept-language")]


@get("/api/health", summary="Is it alive")
async def health() -> dict[str, str]:
    """Answers while the process serves."""
    return {"status": "ok"}


@get("/api/provider", summary="Who this provider is")
async def provider(services: Services) -> ProviderShape:
    """Public: what the browser needs before anybody has signed in."""
    from verbund.accounts.queries import setup_open

    def read() -> bool:
        with services.store.read() as connection:
            return setup_open(connection)

    opened = await services.store.look(read)
    return ProviderShape(
        services.log.provider, services.installation.incarnation, services.settings.name, __version__, opened,
        services.features, 0, services.clock.now_ms(),
    )  # fmt: skip


@post("/api/log", summary="Submit facts", status_code=200)
async def submit(
    data: Parcels, caller: Caller, services: Services, accept_language: Language = ""
) -> dict[str, list[dict[str, Any]]]:
    """What became of each parcel, once it is on disk. Facts of one or several spaces, new ones too."""
    outcomes = await services.intake.submit(caller, data.parcels)
    return {"outcomes": [one.wire(language_of(accept_language)) for one in outcomes]}


@get("/api/spaces/{space:str}/log", summary="Entries of a space")
async def entries(space: str, caller: Caller, log: LogService, after: str = "{}", limit: int = ENTRIES_PAGE) -> bytes:
    """Entries that the vector `after` does not cover, in this provider's order."""
    if len(after) > VECTOR_CHARS_MAX:
        raise Malformed()
    try:
        vector = _vector.decode(after)
        page, more = await asyncio.to_thread(_entries, log, caller, SpaceId(space), vector, limit)
    except (msgspec.MsgspecError, ValueError) as error:
        raise Malformed() from error
    return b'{"entries":[' + b",".join(page) + b'],"more":' + (b"true" if more else b"false") + b"}"


@get("/api/spaces/{space:str}/head", summary="Where this device goes on")
async def head(space: str, caller: Caller, log: LogService) -> HeadShape:
    """The device's last number and core in the space, the authority's heads, the vector."""
    return await log.store.look(_head, log, caller, SpaceId(space))


def _entries(
    log: LogService, caller: Caller, space: SpaceId, vector: dict[str, int], limit: int
) -> tuple[list[bytes], bool]:
    with log.store.read() as connection:
        if role(connection, space, caller.account) is None:
            raise Unknown()
    return log.entries(space, vector, max(1, limit))


def _head(log: LogService, caller: Caller, space: SpaceId) -> HeadShape:
    with log.store.read() as connection:
        if role(connection, space, caller.account) is None:
            raise Unknown()
        reader = Reader(connection, log.core.clock, log.core.directory)
        ds, dp = reader.head(space, caller.device)
        heads = heads_of(connection, space, caller.account)
    return HeadShape(ds, dp, heads, log.vector(space))


ROUTES = [health, provider, submit, entries, head]
