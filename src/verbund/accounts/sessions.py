"""Sessions: opening and ending them. Runs in the writer's transaction; a new browser's device becomes a fact there."""

from sqlalchemy import delete, select

from verbund.accounts import tables
from verbund.accounts.events import LABEL_CHARS_MAX, DeviceAdded, PasskeyShown, Voucher, public_key
from verbund.accounts.queries import known_to, revoked
from verbund.accounts.rules import DeviceTaken
from verbund.accounts.schemas import NewDevice, Signed
from verbund.accounts.tokens import hashed, new_token
from verbund.base.ids import AccountId, CoreId, DeviceId, SpaceId, b64, random_id
from verbund.base.keys import DeviceKey, check_key
from verbund.log.log import Log
from verbund.log.tx import Tx

SESSIONS_PER_ACCOUNT_MAX = 100
KNOWN_BROWSERS_MAX = 30
AGENT_CHARS_MAX = 60


def admit_device(
    tx: Tx, log: Log, vouching: DeviceKey, account: AccountId, device: NewDevice, voucher: Voucher
) -> DeviceId:
    """The device of this browser, a fact if it is new. `vouching` is the provider's own device. Raises DeviceTaken."""
    key = check_key(public_key(device.alg, device.key))
    if not _has(tx, account, key.device):
        event = DeviceAdded(
            dev=key.device, alg=device.alg, key=b64(key.raw), label=device.label[:LABEL_CHARS_MAX], voucher=voucher
        )
        log.author(tx, vouching, SpaceId(account), event)
    return key.device


def admit_by_passkey(
    tx: Tx, log: Log, writing: DeviceKey, account: AccountId, shown: PasskeyShown, passkey: CoreId
) -> None:
    """The device of this browser, a fact if it is new, which the passkey proves. Raises DeviceTaken, PasskeyRefused."""
    if not _has(tx, account, shown.dev):
        log.author(tx, writing, SpaceId(account), shown, [passkey])


def _has(tx: Tx, account: AccountId, dev: DeviceId) -> bool:
    """Whether the account has the device; False where nobody has. Raises DeviceTaken."""
    held = tx.device(dev)
    if held is None:
        return False
    if held.actor != account or held.sort != "person" or revoked(tx, dev, account):
        raise DeviceTaken()
    return True


def open_session(tx: Tx, account: AccountId, dev: DeviceId, agent: str) -> tuple[Signed, str]:
    """(what the browser is told, the token for its cookie)."""
    session = tables.session.c
    now, token, identifier = tx.now_ms(), new_token(), random_id()
    oldest = tx.execute(
        select(session.token_hash)
        .where(session.account == account)
        .order_by(session.seen_at.desc(), session.token_hash)
        .offset(SESSIONS_PER_ACCOUNT_MAX - 1)
    ).scalars().all()  # fmt: skip
    for one in oldest:
        tx.execute(delete(tables.session).where(session.token_hash == one))
    tx.insert(tables.session, {
        "token_hash": hashed(token), "id": identifier, "account": account, "dev": dev, "agent": agent_class(agent),
        "created_at": now, "seen_at": now,
    })  # fmt: skip
    return Signed(account, dev, identifier), token


def remember_browser(tx: Tx, account: str, shown: str | None) -> str:
    """A token by which this browser is known to have signed in to the account; the one it has, if it is good."""
    known = tables.known_browser.c
    if shown is not None and known_to(tx.connection, account, shown):
        return shown
    old = tx.execute(
        select(known.token_hash)
        .where(known.account == account)
        .order_by(known.created_at.desc(), known.token_hash)
        .offset(KNOWN_BROWSERS_MAX - 1)
    ).scalars().all()  # fmt: skip
    for one in old:
        tx.execute(delete(tables.known_browser).where(known.token_hash == one))
    token = new_token()
    row = {"token_hash": hashed(token), "account": account, "created_at": tx.now_ms()}
    tx.insert(tables.known_browser, row)
    return token


def end_session(tx: Tx, session: str) -> None:
    """This session ends."""
    tx.execute(delete(tables.session).where(tables.session.c.id == session))


def end_device(tx: Tx, account: str, dev: str) -> None:
    """Every session of a device ends."""
    session = tables.session.c
    tx.execute(delete(tables.session).where(session.account == account, session.dev == dev))


def end_others(tx: Tx, account: str, but: str | None) -> list[str]:
    """Every session of an account ends but this one; their ids. Browsers that were known are so no longer."""
    session, known = tables.session.c, tables.known_browser.c
    ended = tx.execute(select(session.id).where(session.account == account, session.id != (but or ""))).scalars().all()
    tx.execute(delete(tables.session).where(session.account == account, session.id != (but or "")))
    tx.execute(delete(tables.known_browser).where(known.account == account))
    return list(ended)


def agent_class(agent: str) -> str:
    """Browser and system, nothing that tells one installation from another: `Firefox · Linux`."""
    browsers = {"Firefox/": "Firefox", "Edg/": "Edge", "OPR/": "Opera", "Chrom": "Chrome", "Safari/": "Safari"}
    systems = {
        "Android": "Android", "iPhone": "iPhone", "iPad": "iPad", "Windows": "Windows", "Mac OS": "macOS",
        "CrOS": "ChromeOS", "Linux": "Linux",
    }  # fmt: skip
    named = [next((name for mark, name in known.items() if mark in agent), "") for known in (browsers, systems)]
    return " · ".join(name for name in named if name)[:AGENT_CHARS_MAX]
