"""How somebody signs in: password, passkeys, second factor."""

from typing import Any

from litestar import delete, get, post
from litestar.di import NamedDependency

from verbund.accounts import factors, keeping
from verbund.accounts.api.opening import PasskeyOptions
from verbund.accounts.gate import Gate, WrongCredentials, handle_in
from verbund.accounts.handles import checked
from verbund.accounts.queries import Named, handle_of, names_of, passkeys_of, security_of, verifier_of
from verbund.accounts.registration import add_passkey
from verbund.accounts.schemas import (
    Caller,
    PasskeyAnswer,
    PasswordChange,
    RecoveryCodes,
    SecondFactorCode,
    SecondFactorSetup,
    Security,
)  # fmt: skip
from verbund.accounts.standing import passkeys_in_log
from verbund.base.ids import unb64
from verbund.base.refusal import Unknown
from verbund.base.settings import Settings
from verbund.log.service import LogService
from verbund.log.tx import Reader, Tx

CEREMONY_MS = 300_000
ADDING = "passkey.adding"


@get("/security", summary="How the caller signs in")
async def security(caller: Caller, log: LogService) -> Security:
    """Password, passkeys, second factor."""

    def read() -> Security:
        with log.store.read() as connection:
            view = Reader(connection, log.core.clock, log.core.directory)
            standing = passkeys_in_log(view, caller.account)
            return security_of(view, caller.account, standing)

    return await log.store.look(read)


@post("/password", summary="Set a new password", status_code=204)
async def change_password(data: PasswordChange, caller: Caller, gate: NamedDependency[Gate], log: LogService) -> None:
    """The old one is asked for, where there is one. Whoever came with their device's key alone names a handle too."""
    spent = gate.limiter.second_step(caller.account)

    def read() -> tuple[str | None, str | None]:
        with log.store.read() as connection:
            handle = handle_of(connection, caller.account)
            if handle is None and data.handle is None:
                raise Unknown()
            return handle, verifier_of(connection, handle or "")[1]

    handle, held = await log.store.look(read)
    wanted = checked(data.handle or "") if handle is None else handle
    if held is not None and not await gate.passwords.matches(held, data.old or ""):
        raise WrongCredentials()
    verifier = await gate.passwords.verifier(data.new)
    if handle is None:
        await log.write(lambda tx: keeping.begin_password(tx, caller.account, wanted, verifier))
    else:
        await log.write(lambda tx: keeping.set_password(tx, caller.account, verifier))
    gate.limiter.give_back(spent)


@post("/passkeys/options", summary="Begin a passkey", status_code=200)
async def passkey_options(caller: Caller, gate: NamedDependency[Gate], log: LogService) -> PasskeyOptions:
    """What the browser needs to make one more passkey."""

    def read() -> tuple[str, str, list[str]]:
        with log.store.read() as connection:
            name = names_of(connection, [caller.account]).get(caller.account, Named()).name
            return handle_of(connection, caller.account) or "", name, passkeys_of(connection, caller.account)

    handle, name, held = await log.store.look(read)
    challenge, _ = gate.challenges.issue(f"{ADDING}.{caller.account}", CEREMONY_MS)
    user = unb64(caller.account)
    return PasskeyOptions(challenge, gate.relying_party.creation_options(unb64(challenge), user, handle, name, held))


@post("/passkeys", summary="Add a passkey", status_code=204)
async def new_passkey(data: PasskeyAnswer, caller: Caller, gate: NamedDependency[Gate], log: LogService) -> None:
    """From now on it signs in."""
    challenge = gate.challenges.redeem(f"{ADDING}.{caller.account}", data.challenge)
    passkey = gate.relying_party.check_creation(challenge, data.credential)

    def work(tx: Tx) -> None:
        keeping.room_for_passkey(tx, caller.account, passkey.id)
        add_passkey(tx, caller.account, passkey, data.label)

    await log.write(work)


@delete("/passkeys/{passkey:str}", summary="Remove a passkey", status_code=204)
async def remove_passkey(passkey: str, caller: Caller, log: LogService) -> None:
    """Refused for the last way to sign in."""
    await log.write(lambda tx: keeping.remove_passkey(tx, caller.account, passkey))


@post("/second-factor", summary="Begin the second factor", status_code=200)
async def begin_factor(caller: Caller, log: LogService, settings: Settings) -> SecondFactorSetup:
    """A secret for the authenticator app. It counts once a code has confirmed it."""
    return await log.write(lambda tx: factors.begin(tx, caller.account, handle_in(tx, caller.account), settings.name))


@post("/second-factor/confirm", summary="Turn the second factor on", status_code=200)
async def confirm_factor(
    data: SecondFactorCode, caller: Caller, gate: NamedDependency[Gate], log: LogService
) -> RecoveryCodes:
    """Gives the recovery codes, this once."""
    spent = gate.limiter.second_step(caller.account)
    codes = await log.write(lambda tx: factors.confirm(tx, caller.account, "".join(data.code.split())))
    gate.limiter.give_back(spent)
    return RecoveryCodes(codes)


@post("/second-factor/recovery-codes", summary="New recovery codes", status_code=200)
async def recovery_codes(
    data: SecondFactorCode, caller: Caller, gate: NamedDependency[Gate], log: LogService
) -> RecoveryCodes:
    """The old ones end. A code of the second factor is asked for."""
    spent = gate.limiter.second_step(caller.account)

    def work(tx: Tx) -> list[str]:
        factors.check(tx, caller.account, data.code)
        return factors.new_recovery_codes(tx, caller.account)

    codes = await log.write(work)
    gate.limiter.give_back(spent)
    return RecoveryCodes(codes)


@delete("/second-factor", summary="Turn the second factor off", status_code=204)
async def end_factor(data: SecondFactorCode, caller: Caller, gate: NamedDependency[Gate], log: LogService) -> None:
    """A code of it is asked for once more."""
    spent = gate.limiter.second_step(caller.account)

    def work(tx: Tx) -> None:
        factors.check(tx, caller.account, data.code)
        factors.turn_off(tx, caller.account)

    await log.write(work)
    gate.limiter.give_back(spent)


HANDLERS: list[Any] = [
    security, change_password, passkey_options, new_passkey, remove_passkey, begin_factor, confirm_factor,
    recovery_codes, end_factor,
]  # fmt: skip
