"""A passkey at this provider for somebody who is at home elsewhere: begun there, made on the page here."""

from typing import Any

from litestar import post
from litestar.di import NamedDependency

from verbund.accounts import standing
from verbund.accounts.gate import Gate, Visitor
from verbund.accounts.passkeys import PasskeyRefused, may_have_passkeys
from verbund.accounts.queries import Named, handle_of, names_of, passkeys_of
from verbund.accounts.schemas import (
    Caller,
    MadePasskey,
    Visit,
    VisitAnswer,
    VisitOptions,
    VisitShape,
    VisitState,
)
from verbund.accounts.visits import VisitOver
from verbund.base.ids import b64, unb64
from verbund.log.service import LogService

CEREMONY_MS = 300_000
VISITING = "passkey.visiting"


@post("/passkeys/visits", summary="Begin a passkey that stands in the account's log")
async def begin_visit(caller: Caller, gate: NamedDependency[Gate]) -> VisitShape:
    """The ticket opens this provider's page `/passkey` for ten minutes."""
    if not may_have_passkeys(gate.origin):
        raise PasskeyRefused()
    return VisitShape(*gate.visits.begin(caller.account))


@post("/passkeys/visits/options", summary="What the page needs to make it", status_code=200)
async def visit_options(
    data: Visit, gate: NamedDependency[Gate], visitor: NamedDependency[Visitor], log: LogService
) -> VisitOptions:
    """By the ticket alone: nobody is signed in on that page."""
    spent = gate.limiter.by_network(visitor.network)
    account = gate.visits.find(data.ticket).account
    gate.limiter.give_back(spent)

    def read() -> tuple[str, str, list[str]]:
        with log.store.read() as connection:
            name = names_of(connection, [account]).get(account, Named()).name
            held = [*passkeys_of(connection, account), *standing.ids_of(connection, account, log.core.provider)]
            return handle_of(connection, account) or name, name, held

    handle, name, held = await log.store.look(read)
    challenge, _ = gate.challenges.issue(f"{VISITING}.{account}", CEREMONY_MS)
    options = gate.relying_party.creation_options(unb64(challenge), unb64(account), handle, name, held)
    return VisitOptions(name, challenge, options)


@post("/passkeys/visits/answer", summary="The passkey that the page made", status_code=204)
async def answer_visit(
    data: VisitAnswer, gate: NamedDependency[Gate], visitor: NamedDependency[Visitor], log: LogService
) -> None:
    """It signs in once the account's own device has written it down."""
    spent = gate.limiter.by_network(visitor.network)
    visit = gate.visits.find(data.ticket)
    if visit.made is not None:
        raise VisitOver()
    challenge = gate.challenges.redeem(f"{VISITING}.{visit.account}", data.passkey.challenge)
    made = gate.relying_party.check_creation(challenge, data.passkey.credential)
    visit.made = MadePasskey(made.id, b64(made.public_key), log.core.provider, gate.origin, data.passkey.label)
    gate.limiter.give_back(spent)


@post("/passkeys/visits/state", summary="How it stands", status_code=200)
async def visit_state(data: Visit, caller: Caller, gate: NamedDependency[Gate]) -> VisitState:
    """For the account that began it."""
    visit = gate.visits.find(data.ticket)
    if visit.account != caller.account:
        raise VisitOver()
    return VisitState(visit.made)


HANDLERS: list[Any] = [begin_visit, visit_options, answer_visit, visit_state]
