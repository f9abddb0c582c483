"""Opening an account, and a password that was forgotten."""

import secrets
from typing import Any

import msgspec
from litestar import Response, post
from litestar.di import NamedDependency

from verbund.accounts import passwords, resetting
from verbund.accounts.api.given import came_in
from verbund.accounts.gate import Admitted, Gate, Visitor
from verbund.accounts.handles import checked
from verbund.accounts.registration import NoProof, register
from verbund.accounts.schemas import Handle, NewAccount, PasswordReset, Signed
from verbund.accounts.sessions import remember_browser
from verbund.base.ids import unb64
from verbund.base.refusal import Malformed
from verbund.base.settings import Settings
from verbund.log.service import LogService
from verbund.log.tx import Tx

OPENING = "passkey.opening"


class PasskeyWanted(msgspec.Struct, forbid_unknown_fields=True):
    """For whom a passkey is made."""

    handle: Handle
    name: Handle = ""


class PasskeyOptions(msgspec.Struct):
    """A challenge and what `navigator.credentials` takes."""

    challenge: str
    options: Any


@post("/accounts", summary="Open an account")
async def open_account(
    data: NewAccount, gate: NamedDependency[Gate], visitor: NamedDependency[Visitor], log: LogService,
    settings: Settings,
) -> Response[Signed]:  # fmt: skip
    """With the set-up link or an invitation. Account, profile and first spaces come together or not at all."""
    spent = gate.limiter.by_network(visitor.network)
    if data.proof.setup is None and data.proof.invitation is None:
        raise NoProof()
    handle = checked(data.handle)
    if data.password is None and data.passkey is None:
        raise Malformed()
    passkey = None
    if data.passkey is not None:
        challenge = gate.challenges.redeem(OPENING, data.passkey.challenge)
        passkey = gate.relying_party.check_creation(challenge, data.passkey.credential)
    verifier = await gate.passwords.verifier(data.password) if data.password is not None else None
    label = data.passkey.label if data.passkey else ""

    def work(tx: Tx) -> Admitted:
        signed, token = register(
            tx, log.core, data.proof, handle, verifier, passkey, data.parcels, visitor.agent, label
        )
        return Admitted(signed, token, remember_browser(tx, signed.account, None))

    admitted = await log.write(work)
    gate.limiter.give_back(spent)
    return came_in(admitted, settings)


@post("/accounts/passkey/options", summary="Begin a passkey for a new account", status_code=200)
async def passkey_options(
    data: PasskeyWanted, gate: NamedDependency[Gate], visitor: NamedDependency[Visitor]
) -> PasskeyOptions:
    """What the browser needs to make a passkey before the account exists."""
    gate.limiter.give_back(gate.limiter.by_network(visitor.network))
    challenge, _ = gate.challenges.issue(OPENING, 300_000)
    options = gate.relying_party.creation_options(unb64(challenge), secrets.token_bytes(32), data.handle, data.name, [])
    return PasskeyOptions(challenge, options)


@post("/password-resets/use", summary="Set a new password by a link", status_code=204)
async def use_reset(
    data: PasswordReset, gate: NamedDependency[Gate], visitor: NamedDependency[Visitor], log: LogService,
    live: NamedDependency[Any],
) -> None:  # fmt: skip
    """Every session of the account ends; the second factor stays as it is."""
    spent = gate.limiter.by_network(visitor.network)
    passwords.prepared(data.password)
    await log.store.look(_usable, log, data.token)
    verifier = await gate.passwords.verifier(data.password)
    ended = await log.write(lambda tx: resetting.use(tx, data.token, verifier))
    for session in ended:
        live.close_session(session)
    gate.limiter.give_back(spent)


def _usable(log: LogService, token: str) -> None:
    """Before the work of a verifier: raises LinkUsed."""
    with log.store.read() as connection:
        resetting.usable(connection, token, log.core.clock.now_ms())


HANDLERS: list[Any] = [open_account, passkey_options, use_reset]
