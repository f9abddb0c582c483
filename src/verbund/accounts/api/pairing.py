"""A new device by a code that an old one shows."""

from typing import Any

import msgspec
from litestar import delete, get, post
from litestar.di import NamedDependency

from verbund.accounts.events import public_key
from verbund.accounts.gate import Gate, Visitor
from verbund.accounts.pairing import Claim, PairingOver
from verbund.accounts.queries import is_current
from verbund.accounts.schemas import Caller, NewDevice
from verbund.base.ids import AccountId, is_hash
from verbund.base.refusal import Unknown
from verbund.log.service import LogService


class PairingWanted(msgspec.Struct, forbid_unknown_fields=True):
    """The hash of the code that the old device shows."""

    name: str


class PairingShape(msgspec.Struct):
    """How it stands, for the old device. `claim`: who asks to be added."""

    ends_at: int
    claim: Claim | None


class PairingState(msgspec.Struct):
    """How it stands, for the new device: waiting, added, refused."""

    state: str


@post("/pairings", summary="Begin to add a device")
async def begin_pairing(data: PairingWanted, caller: Caller, gate: NamedDependency[Gate]) -> PairingShape:
    """An earlier one of the account ends. It lasts ten minutes."""
    held = gate.pairings.begin(caller.account, _name(data.name))
    return PairingShape(held.ends_at, None)


@get("/pairings/{name:str}", summary="Who asks to be added")
async def pairing(name: str, caller: Caller, gate: NamedDependency[Gate]) -> PairingShape:
    """For the account that began it."""
    held = gate.pairings.find(_name(name))
    if held.account != caller.account:
        raise PairingOver()
    return PairingShape(held.ends_at, held.claim)


@post("/pairings/{name:str}/claim", summary="Ask to be added", status_code=200)
async def claim_pairing(
    name: str, data: Claim, gate: NamedDependency[Gate], visitor: NamedDependency[Visitor], log: LogService
) -> PairingState:
    """By the new device, with the key that it made; asked again until the old one has answered."""
    spent = gate.limiter.by_network(visitor.network)
    gate.pairings.claim(_name(name), data)
    held = gate.pairings.find(name)
    gate.limiter.give_back(spent)
    if held.no:
        return PairingState("refused")
    added = await log.store.look(_is_added, log, held.account, data.device)
    return PairingState("added" if added else "waiting")


@delete("/pairings/{name:str}", summary="Do not add the device", status_code=204)
async def refuse_pairing(name: str, caller: Caller, gate: NamedDependency[Gate]) -> None:
    """The numbers were not the same, or it was begun by mistake."""
    gate.pairings.refuse(caller.account, _name(name))


def _is_added(log: LogService, account: AccountId, device: NewDevice) -> bool:
    with log.store.read() as connection:
        return is_current(connection, public_key(device.alg, device.key).device, account)


def _name(text: str) -> str:
    if not is_hash(text):
        raise Unknown()
    return text


HANDLERS: list[Any] = [begin_pairing, pairing, claim_pairing, refuse_pairing]
