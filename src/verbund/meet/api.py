"""HTTP of calls: what runs in a space, and the calls that were."""

from typing import Any

from litestar import get

from verbund.accounts.schemas import Caller
from verbund.base.ids import SpaceId
from verbund.base.refusal import Unknown
from verbund.log.service import LogService
from verbund.meet import queries
from verbund.meet.effects import MeetService
from verbund.meet.elsewhere import shown
from verbund.meet.schemas import CallPage, RunningCall
from verbund.spaces.queries import role


@get("/api/spaces/{space:str}/call", summary="The call that runs in a space")
async def call(space: str, caller: Caller, log: LogService, services: Any) -> RunningCall:
    """Who is in a call now, and whether this server can do calls at all."""
    meet: MeetService = services.parts["meet"]

    def at_partner() -> dict[str, Any] | None:
        _must_belong(log, SpaceId(space), caller)
        with log.store.read() as connection:
            found = meet.elsewhere.find(connection, SpaceId(space)).get(SpaceId(space))
            return shown(connection, found) if found is not None else None

    away = await log.store.look(at_partner)
    room = meet.meetings.rooms.get(SpaceId(space))
    return RunningCall(meet.missing() is None, room.shown() if room is not None else away)


@get("/api/spaces/{space:str}/calls", summary="Calls of a space")
async def calls(
    space: str, caller: Caller, log: LogService, before: str | None = None, after: str | None = None, limit: int = 50
) -> CallPage:
    """Calls between two stamps, the newest `limit` of them, oldest first."""

    def read() -> CallPage:
        _must_belong(log, SpaceId(space), caller)
        with log.store.read() as connection:
            return CallPage(*queries.calls(connection, SpaceId(space), before, after, limit))

    return await log.store.look(read)


def _must_belong(log: LogService, space: SpaceId, caller: Caller) -> None:
    with log.store.read() as connection:
        if role(connection, space, caller.account) is None:
            raise Unknown()


ROUTES = [call, calls]
