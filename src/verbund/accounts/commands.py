"""Local acts of this provider for accounts: its own device, the links that it hands out."""

from sqlalchemy import delete, select, update

from verbund.accounts import tables
from verbund.accounts.handles import folded
from verbund.accounts.tokens import hashed, new_token
from verbund.base.ids import AccountId, ProviderId
from verbund.base.keys import PublicKey
from verbund.base.refusal import Unknown
from verbund.log.tx import Tx

RESET_LINK_MS = 24 * 3600 * 1000
SETUP_LINKS_MAX = 5


def admit_provider_device(tx: Tx, provider: ProviderId, key: PublicKey) -> None:
    """This key speaks for a provider: what it signs is a fact that no person authors."""
    row = {"dev": key.device, "provider": provider, "alg": key.alg, "key": key.raw}
    tx.upsert(tables.provider_device, row)
    tx.forget_device(key.device)
    tx.arrived(key.device)


def make_setup_link(tx: Tx) -> str:
    """A one-time token with which somebody opens an account and founds a firm here. The oldest unused ones expire."""
    link = tables.setup_link.c
    open_ = tx.execute(
        select(link.token_hash).where(link.used_at.is_(None)).order_by(link.created_at.desc(), link.token_hash)
    ).scalars().all()  # fmt: skip
    for old in open_[SETUP_LINKS_MAX - 1 :]:
        tx.execute(delete(tables.setup_link).where(link.token_hash == old))
    token = new_token()
    tx.insert(tables.setup_link, {"token_hash": hashed(token), "created_at": tx.now_ms(), "used_at": None})
    return token


def note_use(tx: Tx, session: str) -> None:
    """The session is in use."""
    tx.execute(update(tables.session).where(tables.session.c.id == session).values(seen_at=tx.now_ms()))


def make_reset_link(tx: Tx, account: AccountId, made_by: str) -> tuple[str, int]:
    """(one-time token that sets a new password, when it expires in ms). Earlier ones for this account end."""
    link = tables.reset_link.c
    tx.execute(delete(tables.reset_link).where(link.account == account, link.used_at.is_(None)))
    token, expires_at = new_token(), tx.now_ms() + RESET_LINK_MS
    tx.insert(tables.reset_link, {
        "token_hash": hashed(token), "account": account, "made_by": made_by, "expires_at": expires_at, "used_at": None,
    })  # fmt: skip
    return token, expires_at


def make_reset_link_for_handle(tx: Tx, handle: str) -> str:
    """The link as the operator makes it on the command line. Raises Unknown."""
    credential = tables.credential.c
    account = tx.execute(select(credential.account).where(credential.handle == folded(handle))).scalar()
    if account is None:
        raise Unknown()
    return make_reset_link(tx, account, "operator")[0]
