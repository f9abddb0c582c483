"""Emergency cards: which there are, and coming in with a code of one. A code is a key, so it works once everywhere.

The code itself never comes here: a browser makes the key from it, and that key signs that a new device belongs to the
account. Where a code is good stands in the fact that made the card; only that provider takes its use in.
"""

from typing import Any

from sqlalchemy import Connection, func, select

from verbund.accounts import factors, tables
from verbund.accounts.events import DeviceAdded
from verbund.accounts.queries import revoked
from verbund.accounts.rules import CodeUsed
from verbund.accounts.schemas import CardCodeShape, CardShape, CardUse
from verbund.base.clock import ms_of
from verbund.base.ids import AccountId, DeviceId, SpaceId, personal_space
from verbund.base.refusal import Malformed, Refusal, Unknown
from verbund.log import tables as log_tables
from verbund.log.core import check_signature, parse
from verbund.log.log import Log
from verbund.log.tx import Reader, Tx

#: Nobody can stop others from printing the same number on a card of their own; a browser tries its code at each.
SAME_NUMBER_MAX = 4
CARDS_SHOWN_MAX = 20
ASKED_AGAIN_MS = 30 * 24 * 3600 * 1000


class CodeUnknown(Refusal):
    """de: Dieser Code gehört zu keiner Notfallkarte, die hier bekannt ist.
    en: This code belongs to no emergency card that is known here."""

    code = "accounts.card_code_unknown"
    status = 401


class CodeElsewhere(Refusal):
    """de: Dieser Code gilt bei einem anderen Anbieter. Auf der Karte steht, welche Codes hier gelten.
    en: This code is good at another provider. The card says which codes are good here."""

    code = "accounts.card_code_elsewhere"
    status = 409


class CardVoid(Refusal):
    """de: Diese Notfallkarte wurde widerrufen. Es gilt die neueste.
    en: This emergency card was revoked. The newest one is good."""

    code = "accounts.card_revoked"
    status = 410


class FactorNeeded(Refusal):
    """de: Bitte geben Sie auch den Code aus Ihrer Authenticator-App ein.
    en: Please also enter the code from your authenticator app."""

    code = "accounts.card_factor_needed"
    status = 401


def owner_of_code(connection: Connection, dev: str) -> str | None:
    """Whose card has this code."""
    code = tables.card_code.c
    return connection.execute(select(code.space).where(code.dev == dev).limit(1)).scalar()


def use(tx: Tx, log: Log, asked: CardUse) -> None:
    """Take in that a code vouches for a device. The same once more changes nothing.

    Raises CodeUnknown, CodeElsewhere, CardVoid, FactorNeeded, WrongCode, CodeUsed, and what a rule says of the fact.
    """
    tx.flush()
    parsed = parse(asked.parcel)
    code, device = tables.card_code.c, tx.device(parsed.core.dev)
    row = tx.execute(
        select(code.space, code.provider).where(code.dev == parsed.core.dev, code.space == parsed.space)
    ).first()
    if row is None or device is None or device.actor != row.space or parsed.core.k != DeviceAdded.kind:
        raise CodeUnknown()
    # Before the second factor: who has no code cannot try it.
    check_signature(parsed, device.key)
    if row.provider != log.provider:
        raise CodeElsewhere()
    if revoked(tx, parsed.core.dev, row.space):
        raise CardVoid()
    if factors.is_on(tx, row.space):
        if asked.code is None:
            raise FactorNeeded()
        factors.check(tx, row.space, asked.code)
    if tx.head(row.space, parsed.core.dev)[1] not in (None, parsed.id):
        raise CodeUsed()
    outcome = log.submit(tx, asked.parcel)
    if outcome.st != "accepted":
        # Nothing of this transaction stays, so the code is good for another device.
        raise outcome.refusal or Malformed()


def cards_of(view: Reader, account: str) -> list[CardShape]:
    """The newest CARDS_SHOWN_MAX cards of an account, the newest first."""
    card = tables.card.c
    rows = view.execute(
        select(card.id, card.number, card.made_at)
        .where(card.space == account)
        .order_by(card.made_at.desc(), card.id)
        .limit(CARDS_SHOWN_MAX)
    ).all()
    return [_shape(view, account, row) for row in rows]


def cards_numbered(view: Reader, number: str) -> list[tuple[str, CardShape]]:
    """(account, card) of every card with this number. Raises Unknown where there is none."""
    card = tables.card.c
    rows = view.execute(
        select(card.id, card.number, card.made_at, card.space)
        .where(card.number == number)
        .order_by(card.made_at, card.id)
        .limit(SAME_NUMBER_MAX)
    ).all()
    if not rows:
        raise Unknown()
    return [(row.space, _shape(view, row.space, row)) for row in rows]


def is_wanted(view: Reader, account: AccountId) -> bool:
    """Whether it is time to ask for a card: none is good, and the person has not put it off lately."""
    if any(card.revoked_at is None for card in cards_of(view, account)):
        return False
    put_off = tables.put_off.c
    at = view.execute(
        select(put_off.at).where(put_off.space == personal_space(account), put_off.what == "card")
    ).scalar()
    return at is None or at < view.now_ms() - ASKED_AGAIN_MS


def factor_is_on(connection: Connection, account: str) -> bool:
    factor = tables.second_factor.c
    return connection.execute(select(factor.confirmed_at).where(factor.account == account)).scalar() is not None


def _shape(view: Reader, account: str, card: Any) -> CardShape:
    code, revocation = tables.card_code.c, tables.revocation.c
    rows = view.execute(
        select(code.dev, code.place, code.provider)
        .where(code.card == card.id, code.space == account)
        .order_by(code.place)
    ).all()
    ended = view.execute(
        select(func.min(revocation.revoked_at)).where(
            revocation.dev.in_([row.dev for row in rows]), revocation.space == account
        )
    ).scalar()
    codes = [CardCodeShape(row.dev, row.place, row.provider, _used_at(view, account, row.dev)) for row in rows]
    return CardShape(card.id, card.number, card.made_at, ended, codes)


def _used_at(view: Reader, account: str, dev: DeviceId) -> int | None:
    ds, last = view.head(SpaceId(account), dev)
    if ds == 0:
        return None
    said = view.execute(select(log_tables.core.c.t).where(log_tables.core.c.id == last)).scalar()
    return ms_of(str(said))
