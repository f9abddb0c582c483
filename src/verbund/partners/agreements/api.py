"""HTTP of partnerships: other providers say where they stand; an organisation asks where it may live."""

import asyncio
from typing import Any

from litestar import MediaType, Request, get, post
from litestar.di import NamedDependency

from verbund.accounts.queries import names_of
from verbund.accounts.schemas import Caller
from verbund.base.ids import SpaceId, is_hash
from verbund.base.refusal import Unknown
from verbund.base.settings import Settings
from verbund.log.service import LogService
from verbund.log.tx import Tx
from verbund.partners.agreements import book
from verbund.partners.agreements.codes import Code, written
from verbund.partners.agreements.places import may_connect, places
from verbund.partners.agreements.schemas import OfficeCode, OfficeRequest, Places
from verbund.partners.agreements.statements import Told
from verbund.partners.agreements.texts import texts
from verbund.partners.api import received
from verbund.spaces.queries import role

LEADERS = ("owner", "admin")
OFFICE_DAYS = 7


@post("/api/partners/agreement", summary="Where a partnership stands", status_code=200)
async def agreement(
    data: Told, request: Request[Any, Any, Any], settings: Settings, services: NamedDependency[Any]
) -> Told:
    """For providers that were given a code, and those that are partners: a signed statement for a signed statement."""
    asked, body = received(request, settings), await request.body()
    answer: Told = await services.parts["agreements"].answer(data, asked, body)
    return answer


@get("/api/partners", summary="Where an organisation lives, and could live")
async def partners(space: str, caller: Caller, log: LogService, services: NamedDependency[Any]) -> Places:
    """For whoever leads the organisation."""

    def read() -> Places:
        with log.store.read() as connection:
            if not is_hash(space) or role(connection, space, caller.account) not in LEADERS:
                raise Unknown()
            return places(connection, space, caller.account, services)

    return await asyncio.to_thread(read)


@post("/api/partners/office", summary="A code that connects a machine of the organisation's own", status_code=201)
async def office(
    data: OfficeRequest, caller: Caller, log: LogService, services: NamedDependency[Any]
) -> OfficeCode:  # fmt: skip
    """For owners: the machine holds this organisation's spaces only, by outbound connections."""

    def make(tx: Tx) -> Code:
        if not is_hash(data.space) or not may_connect(tx.connection, data.space, caller.account, services):
            raise Unknown()
        by = names_of(tx.connection, [caller.account])[caller.account].name
        return book.invite(tx, services.parts["agreements"].own, OFFICE_DAYS, SpaceId(data.space), by)

    code = await log.write(make)
    return OfficeCode(written(code), code.expires_at)


@get("/api/partners/texts/{text:str}", summary="A processing agreement", media_type=MediaType.TEXT)
async def agreed_text(text: str) -> str:
    """The text that a hash names. Public, as it is in the handbook."""
    if text not in texts():
        raise Unknown()
    return texts()[text]


ROUTES = [agreement, partners, office, agreed_text]
