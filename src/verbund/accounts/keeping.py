"""Keeping the ways to sign in: password and passkeys. Runs in the writer's transaction."""

from sqlalchemy import delete, func, select, update

from verbund.accounts import tables
from verbund.accounts.passkeys import PASSKEYS_MAX, TooManyPasskeys
from verbund.accounts.registration import HandleTaken
from verbund.base.refusal import Refusal, Unknown
from verbund.log.tx import Tx


class LastWayIn(Refusal):
    """de: Das ist Ihr einziger Weg, sich anzumelden. Legen Sie zuerst ein Passwort oder einen anderen Passkey an.
    en: This is your only way to sign in. Set a password or another passkey first."""

    code = "accounts.last_way_in"
    status = 409


def set_password(tx: Tx, account: str, verifier: str) -> None:
    """From now on this password signs in."""
    credential = tables.credential.c
    tx.execute(
        update(tables.credential).where(credential.account == account).values(verifier=verifier, changed_at=tx.now_ms())
    )


def begin_password(tx: Tx, account: str, handle: str, verifier: str) -> None:
    """The account, which another provider has brought, can be signed in to here too. Raises HandleTaken."""
    credential = tables.credential.c
    if tx.execute(select(credential.account).where(credential.handle == handle)).first():
        raise HandleTaken()
    now = tx.now_ms()
    row = {"account": account, "handle": handle, "verifier": verifier, "created_at": now, "changed_at": now}
    tx.insert(tables.credential, row)


def room_for_passkey(tx: Tx, account: str, identifier: str) -> None:
    """Raises TooManyPasskeys."""
    passkey = tables.passkey.c
    count = tx.execute(select(func.count()).where(passkey.account == account)).scalar() or 0
    taken = tx.execute(select(passkey.id).where(passkey.id == identifier)).first()
    if count >= PASSKEYS_MAX or taken is not None:
        raise TooManyPasskeys()


def remove_passkey(tx: Tx, account: str, identifier: str) -> None:
    """This passkey signs in no longer. Raises Unknown, LastWayIn."""
    passkey, credential = tables.passkey.c, tables.credential.c
    held = tx.execute(select(passkey.id).where(passkey.account == account)).scalars().all()
    if identifier not in held:
        raise Unknown()
    verifier = tx.execute(select(credential.verifier).where(credential.account == account)).scalar()
    if len(held) == 1 and verifier is None:
        raise LastWayIn()
    tx.execute(delete(tables.passkey).where(passkey.id == identifier))
