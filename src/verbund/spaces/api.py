"""HTTP of spaces: parse, name the caller, hand over."""

from collections.abc import Callable
from typing import Any, TypeVar

from litestar import get, post
from litestar.di import NamedDependency

from verbund.accounts.commands import make_reset_link, note_use
from verbund.accounts.queries import is_stale
from verbund.accounts.schemas import Caller, ResetLink, ResetLinkWanted
from verbund.base.ids import AccountId, SpaceId, is_hash
from verbund.base.refusal import Unknown
from verbund.log.service import LogService
from verbund.log.tx import Reader, Tx
from verbund.spaces import queries
from verbund.spaces.schemas import (
    InvitationPreview,
    InvitationShape,
    Me,
    MemberShape,
    MotionShape,
    OpenSpace,
    SpaceDetails,
    TwofoldDevice,
)

Result = TypeVar("Result")


@get("/api/me", summary="What the app starts from")
async def me(caller: Caller, log: LogService, services: NamedDependency[Any]) -> Me:
    """The viewer, their spaces with what they may do there, and how this browser's device goes on in each."""
    enrichers, hosts_of = services.parts.get("me_enrichers", ()), services.parts["hosts_of"]
    sign_hosts = services.parts["sign_hosts"]

    def ask(view: Reader) -> tuple[Me, bool]:
        found = queries.me(view, caller, enrichers)
        found.hosts = hosts_of(view.connection, caller.account)
        found.signed = sign_hosts(caller.account, found.hosts, view.now_ms())
        home = queries.home_of(view.connection, found.organisation)
        found.home = next((host for host in found.hosts if host.provider == home), None)
        return found, is_stale(view.connection, caller.session, view.now_ms())

    answer, stale = await _read(log, ask)
    if stale:
        await log.write(lambda tx: note_use(tx, caller.session))
    return answer


@get("/api/spaces/open", summary="Teams that one may join")
async def open_spaces(caller: Caller, log: LogService) -> list[OpenSpace]:
    """Teams of the viewer's organisation that they do not belong to yet."""
    return await _read(log, lambda view: queries.open_spaces(view.connection, caller.account))


@get("/api/spaces/{space:str}", summary="A space")
async def details(space: str, caller: Caller, log: LogService) -> SpaceDetails:
    """A space for one of its people."""
    return await _read(log, lambda view: queries.details(view.connection, _hash(space), caller.account))


@get("/api/spaces/{space:str}/members", summary="Members of a space")
async def members(space: str, caller: Caller, log: LogService, presence: NamedDependency[Any]) -> list[MemberShape]:
    """Members with the keys of their devices; those who wrote here and are gone, too."""
    found = await _read(log, lambda view: queries.members(view, _hash(space), caller.account, ()))
    for one in found:
        one.online = not one.gone and presence.online(one.account)
    return found


@get("/api/spaces/{space:str}/invitations", summary="Invitations of a space")
async def invitations(space: str, caller: Caller, log: LogService) -> list[InvitationShape]:
    """Invitations, the newest first, for those who may invite."""
    return await _read(
        log, lambda view: queries.invitations(view.connection, _hash(space), caller.account, view.now_ms())
    )


@get("/api/spaces/{space:str}/motions", summary="What waits to take place")
async def motions(space: str, caller: Caller, log: LogService) -> list[MotionShape]:
    """What owners want that cannot be taken back and that can still be stopped, for the owners."""
    return await _read(log, lambda view: queries.motions(view.connection, SpaceId(_hash(space)), caller.account))


@get("/api/spaces/{space:str}/twofold", summary="Devices that gave one number to two facts")
async def twofold(space: str, caller: Caller, log: LogService) -> list[TwofoldDevice]:
    """In a space and in its own, for the owners: a browser that was put back to an old copy did, or one that lies."""
    return await _read(log, lambda view: queries.twofold(view.connection, SpaceId(_hash(space)), caller.account))


@get("/api/invitations/{invitation:str}", summary="An invitation before joining")
async def invitation(invitation: str, maybe_caller: NamedDependency[Any], log: LogService) -> InvitationPreview:
    """Where an invitation leads, whether it can be used, or why not."""
    viewer = maybe_caller.account if maybe_caller else None
    return await _read(log, lambda view: queries.invitation_preview(view, _hash(invitation), viewer))


@post("/api/password-resets", summary="A link for a colleague who forgot the password")
async def reset_link(data: ResetLinkWanted, caller: Caller, log: LogService) -> ResetLink:
    """For whoever leads the organisation. The link works once and for a day; the colleague signs in anew everywhere."""

    def work(tx: Tx) -> ResetLink:
        tx.flush()
        if not queries.may_help_sign_in(tx.connection, caller.account, _hash(data.account)):
            raise Unknown()
        return ResetLink(*make_reset_link(tx, AccountId(data.account), caller.account))

    return await log.write(work)


async def _read(log: LogService, question: Callable[[Reader], Result]) -> Result:
    """Ask in a thread of its own, of one consistent state."""

    def ask() -> Result:
        with log.store.read() as connection:
            return question(Reader(connection, log.core.clock, log.core.directory))

    return await log.store.look(ask)


def _hash(text: str) -> str:
    """An id from an address. Raises Unknown for what can be none."""
    if not is_hash(text):
        raise Unknown()
    return text


ROUTES = [me, open_spaces, details, members, motions, twofold, invitations, invitation, reset_link]
