"""A forgotten password: a colleague's one-time link. Runs in the writer's transaction."""

from sqlalchemy import Connection, select, update

from verbund.accounts import tables
from verbund.accounts.sessions import end_others
from verbund.accounts.tokens import hashed
from verbund.base.refusal import Refusal
from verbund.log.tx import Tx


class LinkUsed(Refusal):
    """de: Dieser Link gilt nicht mehr. Bitten Sie um einen neuen.
    en: This link is no longer valid. Ask for a new one."""

    code = "accounts.reset_link_used"
    status = 410


def usable(connection: Connection, token: str, now_ms: int) -> None:
    """Raises LinkUsed for a link that is used, too old or not ours."""
    link = tables.reset_link.c
    row = connection.execute(
        select(link.expires_at).where(link.token_hash == hashed(token), link.used_at.is_(None))
    ).first()
    if row is None or row.expires_at <= now_ms:
        raise LinkUsed()


def use(tx: Tx, token: str, verifier: str) -> list[str]:
    """Set the password; the sessions that ended. Raises LinkUsed."""
    tx.flush()
    usable(tx.connection, token, tx.now_ms())
    link, credential = tables.reset_link.c, tables.credential.c
    account = tx.execute(select(link.account).where(link.token_hash == hashed(token))).scalar_one()
    tx.execute(update(tables.reset_link).where(link.token_hash == hashed(token)).values(used_at=tx.now_ms()))
    tx.execute(
        update(tables.credential).where(credential.account == account).values(verifier=verifier, changed_at=tx.now_ms())
    )
    return end_others(tx, account, None)
