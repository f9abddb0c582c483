"""The second factor: TOTP (RFC 6238) and recovery codes. Runs in the writer's transaction: a code works once."""

import hashlib
import hmac
import io
import secrets

import pyotp
import segno
from sqlalchemy import delete, select, update

from verbund.accounts import tables
from verbund.accounts.schemas import SecondFactorSetup
from verbund.base.refusal import Refusal
from verbund.log.tx import Tx

STEP_S = 30
DRIFT_STEPS_MAX = 1
RECOVERY_CODES = 8
_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_RECOVERY_CHARS = 16


class WrongCode(Refusal):
    """de: Dieser Code stimmt nicht oder wurde schon benutzt. Nehmen Sie den nächsten, der angezeigt wird.
    en: This code is wrong or was used already. Take the next one that is shown."""

    code = "accounts.wrong_code"
    status = 401


class AlreadyOn(Refusal):
    """de: Der zweite Faktor ist schon eingerichtet. Schalten Sie ihn zuerst aus.
    en: The second factor is set up already. Turn it off first."""

    code = "accounts.factor_already_on"
    status = 409


def begin(tx: Tx, account: str, handle: str, issuer: str) -> SecondFactorSetup:
    """A new secret, which counts once a code confirms it. Raises AlreadyOn."""
    if is_on(tx, account):
        raise AlreadyOn()
    secret = pyotp.random_base32()
    row = {"account": account, "secret": secret, "confirmed_at": None, "last_step": 0}
    tx.upsert(tables.second_factor, row)
    uri = pyotp.TOTP(secret).provisioning_uri(name=handle, issuer_name=issuer)
    picture = io.BytesIO()
    segno.make(uri, error="m").save(picture, kind="svg", scale=5, border=3, xmldecl=False)
    return SecondFactorSetup(secret, uri, picture.getvalue().decode())


def confirm(tx: Tx, account: str, code: str) -> list[str]:
    """Turn the second factor on; the recovery codes, shown this once. Raises WrongCode, AlreadyOn."""
    if is_on(tx, account):
        raise AlreadyOn()
    _totp(tx, account, code, confirmed=False)
    factor = tables.second_factor.c
    tx.execute(update(tables.second_factor).where(factor.account == account).values(confirmed_at=tx.now_ms()))
    return new_recovery_codes(tx, account)


def turn_off(tx: Tx, account: str) -> None:
    """Without a second factor; the recovery codes end too."""
    tx.execute(delete(tables.second_factor).where(tables.second_factor.c.account == account))
    tx.execute(delete(tables.recovery_code).where(tables.recovery_code.c.account == account))


def is_on(tx: Tx, account: str) -> bool:
    factor = tables.second_factor.c
    found = tx.execute(select(factor.confirmed_at).where(factor.account == account)).scalar()
    return found is not None


def check(tx: Tx, account: str, code: str) -> str:
    """Use a code up; says which sort it was: `totp` or `recovery`. Raises WrongCode."""
    text = "".join(code.split()).replace("-", "").upper()
    if len(text) == _RECOVERY_CHARS:
        _recovery(tx, account, text)
        return "recovery"
    _totp(tx, account, text, confirmed=True)
    return "totp"


def new_recovery_codes(tx: Tx, account: str) -> list[str]:
    """Fresh codes, as they are shown; the old ones end."""
    tx.execute(delete(tables.recovery_code).where(tables.recovery_code.c.account == account))
    codes = ["".join(secrets.choice(_ALPHABET) for _ in range(_RECOVERY_CHARS)) for _ in range(RECOVERY_CODES)]
    for code in codes:
        row = {"code_hash": _recovery_hash(account, code), "account": account, "used_at": None}
        tx.insert(tables.recovery_code, row)
    return ["-".join(code[start : start + 4] for start in range(0, _RECOVERY_CHARS, 4)) for code in codes]


def _totp(tx: Tx, account: str, code: str, *, confirmed: bool) -> None:
    """Invariant: a step counts once (test_a_code_works_once)."""
    factor = tables.second_factor.c
    row = tx.execute(
        select(factor.secret, factor.confirmed_at, factor.last_step).where(factor.account == account)
    ).first()
    if row is None or (row.confirmed_at is not None) != confirmed:
        raise WrongCode()
    now = tx.now_ms() // 1000 // STEP_S
    totp = pyotp.TOTP(row.secret)
    steps = range(now - DRIFT_STEPS_MAX, now + DRIFT_STEPS_MAX + 1)
    right = [step for step in steps if hmac.compare_digest(totp.at(step * STEP_S).encode(), code.encode())]
    fresh = [step for step in right if step > row.last_step]
    if not fresh:
        raise WrongCode()
    tx.execute(update(tables.second_factor).where(factor.account == account).values(last_step=min(fresh)))


def _recovery(tx: Tx, account: str, code: str) -> None:
    c = tables.recovery_code.c
    used = tx.execute(
        update(tables.recovery_code)
        .where(c.code_hash == _recovery_hash(account, code), c.used_at.is_(None))
        .values(used_at=tx.now_ms())
    )
    if used.rowcount != 1:
        raise WrongCode()


def _recovery_hash(account: str, code: str) -> str:
    """80 random bits, so a fast hash is enough; bound to the account."""
    return hashlib.sha256(f"{account}\0{code}".encode()).hexdigest()
