"""HTTP of conversation: parse, name the caller, hand over."""

import asyncio
from typing import Annotated

from litestar import get
from litestar.di import NamedDependency
from litestar.params import Parameter

from verbund.accounts.schemas import Caller
from verbund.base.ids import AccountId, CoreId, SpaceId
from verbund.base.refusal import Unknown
from verbund.chat import queries
from verbund.chat.pages import Pages
from verbund.chat.schemas import ChannelShape, Hits, MessagePage
from verbund.chat.tables import MAIN
from verbund.log.service import LogService
from verbund.spaces.queries import role, space_ids_of

QUERY_CHARS_MAX = 200
ORDER_KEY_CHARS_MAX = 64
Key = Annotated[str | None, Parameter(max_length=ORDER_KEY_CHARS_MAX)]


@get("/api/spaces/{space:str}/messages", summary="Messages of a channel")
async def messages(
    space: str,
    caller: Caller,
    log: LogService,
    pages: NamedDependency[Pages],
    channel: Key = None,
    before: Key = None,
    after: Key = None,
    around: Key = None,
    limit: int = 50,
) -> MessagePage:
    """Messages in order, with the vector they were computed at.

    `before`, `after`: order keys (t + id), exclusive; `around`: a message's id.
    """
    return await log.store.look(
        _page, log, pages, SpaceId(space), caller.account, channel or MAIN, before, after, around, limit
    )


@get("/api/spaces/{space:str}/channels", summary="Channels of a space")
async def channels(space: str, caller: Caller, log: LogService) -> list[ChannelShape]:
    """Channels with what is unread for the caller."""

    def read() -> list[ChannelShape]:
        with log.store.read() as connection:
            if role(connection, SpaceId(space), caller.account) is None:
                raise Unknown()
            return queries.channels(connection, [SpaceId(space)], caller.account)[SpaceId(space)]

    return await log.store.look(read)


@get("/api/search", summary="Search in all spaces of the caller")
async def search(
    q: Annotated[str, Parameter(max_length=QUERY_CHARS_MAX)],
    caller: Caller,
    log: LogService,
    space: str | None = None,
    limit: int = 20,
) -> Hits:
    """Messages that have all the words; the last word may be half typed."""

    def read() -> Hits:
        with log.store.read() as connection:
            mine = space_ids_of(connection, caller.account)
            within = [one for one in mine if space is None or one == space]
            return Hits(queries.found(connection, q, within, limit))

    return await asyncio.to_thread(read)


def _page(
    log: LogService, pages: Pages, space: SpaceId, viewer: AccountId, channel: str, before: str | None,
    after: str | None, around: str | None, limit: int,
) -> MessagePage:  # fmt: skip
    with log.store.read() as connection:
        if role(connection, space, viewer) is None:
            raise Unknown()
    if before is None and after is None and around is None:
        return pages.newest(space, channel, limit)
    vector = log.vector(space)
    with log.store.read() as connection:
        beyond = queries.beyond(connection, space, channel)
        if around is not None:
            found = queries.around(connection, space, channel, CoreId(around), limit)
            if found is None:
                raise Unknown()
            return MessagePage(found[0], vector, found[1], found[2], beyond)
        page, more = queries.messages(connection, space, channel, before, after, limit)
    if after is not None:
        return MessagePage(page, vector, True, more, beyond)
    return MessagePage(page, vector, more, before is not None, beyond)


ROUTES = [messages, channels, search]
