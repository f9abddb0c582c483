"""Signing devices out: the caller's facts and the end of the sessions, in one transaction."""

from sqlalchemy import select

from verbund.accounts import tables
from verbund.accounts.queries import devices_of, revoked
from verbund.accounts.schemas import Caller
from verbund.accounts.sessions import end_device, end_others
from verbund.base.ids import DeviceId
from verbund.base.refusal import Malformed, Refusal, Unknown
from verbund.log.core import Parcel
from verbund.log.log import Log
from verbund.log.tx import Tx


class DevicesLeft(Refusal):
    """de: Es ist noch ein Gerät dazugekommen. Laden Sie die Liste neu und versuchen Sie es noch einmal.
    en: Another device has been added. Reload the list and try again."""

    code = "accounts.devices_left"
    status = 409


def revoke_device(tx: Tx, log: Log, caller: Caller, dev: DeviceId, parcels: list[Parcel]) -> None:
    """Take in the parcels, which must revoke this device, and end its sessions. Raises Unknown, Malformed."""
    if dev not in devices_of(tx, caller.account):
        raise Unknown()
    _submit(tx, log, parcels)
    if not revoked(tx, dev, caller.account):
        raise Malformed()
    end_device(tx, caller.account, dev)


def revoke_others(tx: Tx, log: Log, caller: Caller, parcels: list[Parcel]) -> tuple[list[str], list[DeviceId]]:
    """(sessions, devices) that were ended: all but the caller's. Raises DevicesLeft."""
    _submit(tx, log, parcels)
    device = tables.device.c
    others = tx.execute(
        select(device.dev).where(
            device.account == caller.account, device.dev != caller.device, device.sort == "person"
        )
    ).scalars().all()  # fmt: skip
    if not all(revoked(tx, dev, caller.account) for dev in others):
        raise DevicesLeft()
    return end_others(tx, caller.account, caller.session), list(others)


def _submit(tx: Tx, log: Log, parcels: list[Parcel]) -> None:
    for parcel in parcels:
        outcome = log.submit(tx, parcel)
        if outcome.st != "accepted":
            raise outcome.refusal or Malformed()
