"""Opening an account: proof, sign-in name and the first facts, all in one transaction or not at all."""

from typing import Any

from sqlalchemy import select, update

from verbund.accounts import tables
from verbund.accounts.passkeys import NewPasskey
from verbund.accounts.schemas import Proof, Signed
from verbund.accounts.sessions import open_session
from verbund.accounts.tokens import hashed
from verbund.base.ids import AccountId
from verbund.base.refusal import Malformed, Refusal
from verbund.log.core import Parcel, Parsed, parse
from verbund.log.log import Log
from verbund.log.tx import Tx

OPENED = "account.account_opened.1"
FOUNDED = "authority.space_created.1"
JOINED = "authority.member_joined.1"
OWN_KINDS = frozenset({
    OPENED, JOINED, "account.profile_changed.1", "authority.personal_opened.1",
})  # fmt: skip
FOUNDER_KINDS = OWN_KINDS | {
    FOUNDED, "authority.invitation_made.1", "spaces.space_described.1", "chat.channel_opened.1",
    "chat.message_posted.1",
}  # fmt: skip


class SetupLinkUsed(Refusal):
    """de: Dieser Link zum Einrichten gilt nicht mehr. Wer den Server betreibt, kann einen neuen ausgeben.
    en: This set-up link is no longer valid. Whoever runs the server can issue a new one."""

    code = "accounts.setup_link_used"
    status = 410


class HandleTaken(Refusal):
    """de: Diesen Anmeldenamen gibt es hier schon. Bitte nehmen Sie einen anderen.
    en: This sign-in name is taken here. Please choose another one."""

    code = "accounts.handle_taken"
    status = 409


class NoProof(Refusal):
    """de: Ein Konto gibt es hier nur mit einer Einladung. Öffnen Sie den Link, den Sie bekommen haben.
    en: An account here needs an invitation. Open the link that you have received."""

    code = "accounts.no_proof"
    status = 403


def register(
    tx: Tx, log: Log, proof: Proof, handle: str, verifier: str | None, passkey: NewPasskey | None,
    parcels: list[Parcel], agent: str, label: str,
) -> tuple[Signed, str]:  # fmt: skip
    """Open the account that the first parcel founds; (what the browser is told, the token for its cookie).

    Raises SetupLinkUsed, NoProof, HandleTaken, Malformed, and whatever a rule says of one of the facts.
    """
    parsed = [parse(one) for one in parcels]
    first = parsed[0] if parsed else None
    if first is None or first.core.k != OPENED or str(first.space) != first.id:
        raise Malformed()
    account = AccountId(first.id)
    _use(tx, proof, parsed)
    credential = tables.credential.c
    if tx.execute(select(credential.account).where(credential.handle == handle)).first():
        raise HandleTaken()
    if any(one.core.dev != first.core.dev for one in parsed):
        raise Malformed()
    for parcel in parcels:
        outcome = log.submit(tx, parcel)
        if outcome.st != "accepted":
            raise outcome.refusal or Malformed()
    now = tx.now_ms()
    row: dict[str, Any] = {"account": account, "handle": handle, "verifier": verifier}
    tx.insert(tables.credential, {**row, "created_at": now, "changed_at": now})
    if passkey is not None:
        add_passkey(tx, account, passkey, label)
    return open_session(tx, account, first.core.dev, agent)


def add_passkey(tx: Tx, account: str, passkey: NewPasskey, label: str) -> None:
    """The account can be signed in to with this passkey."""
    tx.insert(tables.passkey, {
        "id": passkey.id, "account": account, "public_key": passkey.public_key, "uses": passkey.uses, "label": label,
        "created_at": tx.now_ms(), "used_at": None,
    })  # fmt: skip


def _use(tx: Tx, proof: Proof, parsed: list[Parsed]) -> None:
    """The proof, used up. A set-up founds a firm; an invitation is checked by the rules of the space that is joined."""
    kinds = {one.core.k for one in parsed}
    if proof.setup is not None:
        link = tables.setup_link.c
        used = tx.execute(
            update(tables.setup_link)
            .where(link.token_hash == hashed(proof.setup), link.used_at.is_(None))
            .values(used_at=tx.now_ms())
        )
        if used.rowcount != 1:
            raise SetupLinkUsed()
        if FOUNDED not in kinds or not kinds <= FOUNDER_KINDS:
            raise Malformed()
        return
    if proof.invitation is None:
        raise NoProof()
    joins = [one.data or {} for one in parsed if one.core.k == JOINED]
    wanted = (proof.invitation.id, proof.invitation.sig)
    if not kinds <= OWN_KINDS or wanted not in [(join.get("invitation"), join.get("proof")) for join in joins]:
        raise NoProof()
