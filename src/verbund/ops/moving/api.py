"""HTTP of moving house: an owner takes the whole organisation along as one file."""

from typing import Any

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Stream
from litestar.status_codes import HTTP_200_OK

from verbund.accounts.schemas import Caller
from verbund.base.ids import SpaceId, is_hash
from verbund.base.refusal import Unknown
from verbund.ops.moving.giving import Giving
from verbund.ops.moving.schemas import ExportBegun, ExportShape

FILE_NAME = "verbund-export.zip"


@post("/api/spaces/{space:str}/export", summary="Begin the download of everything", status_code=HTTP_200_OK)
async def begin_export(space: FromPath[str], caller: Caller, services: NamedDependency[Any]) -> ExportBegun:
    """For owners: everything of it that they may read, in the format of `verbund export`. One that ran before ends."""
    giving: Giving = services.parts["giving"]
    given = await giving.begin(_space(space), caller.account)
    return ExportBegun(f"/exports/{given.ticket}")


@get("/exports/{ticket:str}", summary="Everything of an organisation as one file")
async def export(ticket: FromPath[str], caller: Caller, services: NamedDependency[Any]) -> Stream:
    """The file that was begun, as it is written; once."""
    giving: Giving = services.parts["giving"]
    given = giving.take(ticket, caller.account)
    headers = {"content-disposition": f'attachment; filename="{FILE_NAME}"', "cache-control": "no-store"}
    return Stream(given.pieces(), media_type="application/zip", headers=headers)


@get("/api/spaces/{space:str}/export", summary="How far the download of everything is")
async def export_state(space: FromPath[str], caller: Caller, services: NamedDependency[Any]) -> ExportShape:
    """Of the viewer's own last download here. `whole` is about how many bytes it will be."""
    giving: Giving = services.parts["giving"]
    return giving.shape(_space(space), caller.account)


def _space(text: str) -> SpaceId:
    if not is_hash(text):
        raise Unknown()
    return SpaceId(text)


ROUTES = [begin_export, export, export_state]
