"""HTTP of erasures: parse, name the caller, hand over."""

from litestar import get

from verbund.accounts.schemas import Caller
from verbund.base.ids import SpaceId, is_hash
from verbund.base.refusal import Unknown
from verbund.erasure import queries
from verbund.erasure.schemas import ErasureShape
from verbund.log.service import LogService
from verbund.log.tx import Reader


@get("/api/spaces/{space:str}/erasures", summary="What was erased, and who has confirmed it")
async def ledger(space: str, caller: Caller, log: LogService) -> list[ErasureShape]:
    """The orders of erasure in a space with each provider's confirmation, the newest first: all for who leads it, one's
    own for everybody."""
    if not is_hash(space):
        raise Unknown()

    def ask() -> list[ErasureShape]:
        with log.store.read() as connection:
            view = Reader(connection, log.core.clock, log.core.directory)
            return queries.ledger(view, SpaceId(space), caller.account)

    return await log.store.look(ask)


ROUTES = [ledger]
