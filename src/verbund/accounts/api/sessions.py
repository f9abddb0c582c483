"""Signing in and out, and the devices of an account."""

from typing import Any

from litestar import Response, delete, get, post
from litestar.di import NamedDependency

from verbund.accounts.api.given import came_in, went_out
from verbund.accounts.api.opening import PasskeyOptions
from verbund.accounts.events import public_key
from verbund.accounts.gate import DEVICE, SIGN_IN, Gate, Visitor
from verbund.accounts.passkeys import challenge_for
from verbund.accounts.queries import device_list
from verbund.accounts.revoking import revoke_device, revoke_others
from verbund.accounts.schemas import (
    Caller,
    Challenge,
    DeviceShape,
    DeviceSignIn,
    PasskeyOptionsWanted,
    PasskeySignIn,
    Revocation,
    Signed,
    SignIn,
)
from verbund.accounts.sessions import end_session
from verbund.base.ids import DeviceId, b64, is_hash, unb64
from verbund.base.keys import check_key
from verbund.base.refusal import Unknown
from verbund.base.settings import Settings
from verbund.log.service import LogService
from verbund.log.tx import Reader

CEREMONY_MS = 300_000


@post("/sessions", summary="Sign in by password")
async def sign_in(
    data: SignIn, gate: NamedDependency[Gate], visitor: NamedDependency[Visitor], settings: Settings
) -> Response[Signed]:
    """With the second factor where it is on. The browser's key becomes a device of the account."""
    return came_in(await gate.by_password(data, visitor), settings)


@post("/sessions/passkey/options", summary="Begin a sign-in by passkey", status_code=200)
async def passkey_options(gate: NamedDependency[Gate], data: PasskeyOptionsWanted | None = None) -> PasskeyOptions:
    """What the browser needs to ask for a passkey. With its device named, the passkey can bring that in."""
    nonce = unb64(gate.challenges.issue(SIGN_IN, CEREMONY_MS)[0])
    device = data.device if data is not None else None
    if device is None:
        return PasskeyOptions(b64(nonce), gate.relying_party.request_options(nonce))
    challenge = challenge_for(nonce, check_key(public_key(device.alg, device.key)).device)
    return PasskeyOptions(b64(challenge), gate.relying_party.request_options(challenge))


@post("/sessions/passkey", summary="Sign in by passkey")
async def sign_in_by_passkey(
    data: PasskeySignIn, gate: NamedDependency[Gate], visitor: NamedDependency[Visitor], settings: Settings
) -> Response[Signed]:
    """Possession and user verification are two factors, so no code is asked for."""
    return came_in(await gate.by_passkey(data, visitor), settings)


@post("/sessions/challenge", summary="A challenge for a device's key", status_code=200)
async def challenge(gate: NamedDependency[Gate]) -> Challenge:
    """To be signed with `audience` and the device's id within a minute; it works once."""
    nonce, ends_at = gate.challenges.issue(DEVICE)
    return Challenge(nonce, gate.origin, ends_at)


@post("/sessions/device", summary="Sign in by a device's key")
async def sign_in_by_device(
    data: DeviceSignIn, gate: NamedDependency[Gate], visitor: NamedDependency[Visitor], settings: Settings
) -> Response[Signed]:
    """For a device of an account that this provider knows, also when the account's home is away.

    With `bearer` the answer carries a token and sets no cookie: for a page of another provider.
    """
    if data.bearer:
        signed = await gate.bearer_by_device(data, visitor)
        return Response(signed, status_code=201, headers={"cache-control": "no-store"})
    return came_in(await gate.by_device(data, visitor), settings)


@delete("/sessions/current", summary="Sign out", status_code=204)
async def sign_out(
    caller: Caller, log: LogService, settings: Settings, live: NamedDependency[Any], gate: NamedDependency[Gate]
) -> Response[None]:
    """This session ends. The device's key stays good until it is revoked."""
    gate.bearers.end(caller.session)
    await log.write(lambda tx: end_session(tx, caller.session))
    live.close_session(caller.session)
    return went_out(settings)


@delete("/sessions", summary="Sign out everywhere else", status_code=204)
async def sign_out_others(data: Revocation, caller: Caller, log: LogService, live: NamedDependency[Any]) -> None:
    """The parcels revoke every other device; every other session ends."""
    ended, devices = await log.write(lambda tx: revoke_others(tx, log.core, caller, data.parcels))
    for session in ended:
        live.close_session(session)
    for dev in devices:
        live.close_device(dev)


@get("/devices", summary="The caller's devices")
async def devices(caller: Caller, log: LogService) -> list[DeviceShape]:
    """With the numbers that a revocation has to name as cuts."""

    def read() -> list[DeviceShape]:
        with log.store.read() as connection:
            return device_list(Reader(connection, log.core.clock, log.core.directory), caller)

    return await log.store.look(read)


@delete("/devices/{dev:str}", summary="Sign a device out", status_code=204)
async def sign_out_device(
    dev: str, data: Revocation, caller: Caller, log: LogService, live: NamedDependency[Any]
) -> None:
    """The parcels revoke it; its sessions end and its sockets close."""
    if not is_hash(dev):
        raise Unknown()
    await log.write(lambda tx: revoke_device(tx, log.core, caller, DeviceId(dev), data.parcels))
    live.close_device(DeviceId(dev))


HANDLERS: list[Any] = [
    sign_in, passkey_options, sign_in_by_passkey, challenge, sign_in_by_device, sign_out, sign_out_others, devices,
    sign_out_device,
]  # fmt: skip
