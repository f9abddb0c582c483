"""What is written of partnerships: codes, what the other said, agreeing, ending. Local state, no facts."""

from typing import Any, NamedTuple

import msgspec
from sqlalchemy import ColumnElement, Table, func, select

from verbund.base.ids import ProviderId, SpaceId
from verbund.base.refusal import Refusal
from verbund.log.tx import Tx
from verbund.partners import tables
from verbund.partners.agreements import codes, queries
from verbund.partners.agreements.codes import Code
from verbund.partners.agreements.queries import AGREED, ASKED, CONFIRM_MS, ENDED, ENDING, OFFERED, Partnership
from verbund.partners.agreements.refusals import (
    AlreadyPartner,
    CodeExpired,
    CodeUsed,
    NoCommonText,
    NotHeardYet,
    NotInvited,
    TooManyPartners,
)  # fmt: skip
from verbund.partners.agreements.statements import Heard, Statement, plain
from verbund.partners.agreements.texts import newest_common

PARTNERS_MAX = 100
CODES_MAX = 100
#: Machines of one organisation, and open codes for them.
OFFICES_MAX = 3
CODE_DAYS = 7
CODE_DAYS_MAX = 30
DAY_MS = 86_400_000
NOBODY: dict[str, Any] = {
    "alg": "", "key": "", "name": "", "place": "", "contact": "", "version": "", "texts": "[]", "own_text": None,
    "own_by": None, "own_at": None, "their_text": None, "their_by": None, "their_at": None, "their_words": None,
    "ended_by": None, "ended_at": None, "end_told": 0, "heard_at": None, "heard_stamp": 0, "problem": None,
    "fate": None, "organisation": None,
}  # fmt: skip


class Own(NamedTuple):
    """This provider, as far as a partnership needs it: who it is, and its address."""

    provider: ProviderId
    address: str


def invite(tx: Tx, own: Own, days: int, organisation: SpaceId | None = None, by: str | None = None) -> Code:
    """A code for one other provider; `organisation`: for a machine of its own, `by`: who agrees here beforehand.

    Raises TooManyPartners.
    """
    now, c = tx.now_ms(), tables.partner_invitation.c
    tx.execute(tables.partner_invitation.delete().where(c.expires_at < now, c.used_by.is_(None)))
    limit = CODES_MAX if organisation is None else OFFICES_MAX
    if _count(tx, tables.partner_invitation, c.used_by.is_(None), c.organisation == organisation) >= limit:
        raise TooManyPartners(limit=limit)
    code = codes.new_code(own.address, own.provider, now + days * DAY_MS)
    row = {"id": code.invitation, "secret": code.secret, "made_at": now, "expires_at": code.expires_at, "used_by": None}
    tx.insert(tables.partner_invitation, {**row, "organisation": organisation, "agreed_by": by})
    return code


def join(tx: Tx, own: Own, text: str) -> Code:
    """Take a code up; the server then asks the other provider. Raises what `codes.read` does, AlreadyPartner."""
    now = tx.now_ms()
    code = codes.read(text, own.provider, own.address, now)
    held = queries.partnership(tx.connection, code.provider)
    if held is not None and held.state != ENDED and held.invitation != code.invitation:
        raise AlreadyPartner(name=held.shown_name)
    shown = codes.proof(code.secret, own.provider, code.provider)
    _begin(tx, code.provider, ASKED, code.invitation, shown, code.address, now)
    return code


def agree(tx: Tx, provider: str, by: str) -> Partnership:
    """This side agrees to the newest text that both know. Raises NotHeardYet, NoCommonText."""
    held = queries.found(tx.connection, provider)
    if held.heard_at is None or held.state == ENDED:
        raise NotHeardYet()
    text = newest_common(held.texts)
    if text is None:
        raise NoCommonText()
    now = tx.now_ms()
    state = AGREED if held.their_text == text else held.state
    _change(tx, provider, own_text=text, own_by=by, own_at=now, state=state, changed_at=now)
    return queries.found(tx.connection, provider)


def end(tx: Tx, provider: str) -> None:
    """This side ends it, whatever the other says."""
    now = tx.now_ms()
    _change(tx, provider, state=ENDED, ended_by="us", ended_at=now, end_told=0, changed_at=now)


def end_for_now(tx: Tx, provider: str) -> None:
    """End it here, unknown to the other; it is taken back after CONFIRM_MS unless `end` follows."""
    now = tx.now_ms()
    _change(tx, provider, state=ENDING, ended_by="us", ended_at=now, changed_at=now)


def take_back(tx: Tx, overdue_only: bool) -> list[Partnership]:
    """What was ended for now holds again; with `overdue_only` where nobody confirmed in time."""
    now = tx.now_ms()
    waiting = queries.ending(tx.connection)
    over = [one for one in waiting if not overdue_only or not 0 <= now - (one.ended_at or 0) < CONFIRM_MS]
    for one in over:
        _change(tx, one.provider, state=AGREED, ended_by=None, ended_at=None, changed_at=now)
    return over


def take_in(tx: Tx, own: Own, heard: Heard) -> None:
    """What another provider said. Raises NotInvited, CodeUsed, CodeExpired, TooManyPartners."""
    said, now = heard.statement, tx.now_ms()
    held = queries.partnership(tx.connection, heard.provider)
    if held is None or held.invitation != said.invitation:
        if not _admit(tx, own, heard, held, now):
            return
        held = queries.found(tx.connection, heard.provider)
    if said.at < held.heard_stamp:
        return
    row = _card(own, heard) | {"heard_at": now, "heard_stamp": said.at, "problem": None}
    row |= _standing(held, heard, now)
    _change(tx, heard.provider, **row)
    if held.state == OFFERED and held.own_text is None:
        _agree_as_invited(tx, heard.provider)


def note_problem(tx: Tx, provider: str, refusal: Refusal, final: bool) -> None:
    """What stood in the way; `final`: the code will never do."""
    now = tx.now_ms()
    ending = {"state": ENDED, "ended_by": "us", "ended_at": now, "end_told": 1} if final else {}
    _change(tx, provider, problem=refusal.code, **ending)


def note_end_told(tx: Tx, provider: str) -> None:
    _change(tx, provider, end_told=1)


def note_fate(tx: Tx, provider: str, fate: dict[str, Any]) -> None:
    _change(tx, provider, fate=msgspec.json.encode(fate).decode())


def _admit(tx: Tx, own: Own, heard: Heard, held: Partnership | None, now: int) -> bool:
    """Whether this begins with a code of ours that the other shows; False: what there is stays as it is."""
    said, c = heard.statement, tables.partner_invitation.c
    row = tx.execute(select(tables.partner_invitation).where(c.id == said.invitation)).first()
    if row is None or not codes.proves(row.secret, heard.provider, own.provider, said.proof):
        raise NotInvited()
    if row.used_by not in (None, heard.provider):
        raise CodeUsed()
    if row.used_by is None and row.expires_at < now:
        raise CodeExpired()
    # Both took up a code of the other at once: both keep the one with the smaller name.
    if held is not None and held.state != ENDED and (held.state == AGREED or said.invitation > held.invitation):
        return False
    if held is not None and row.used_by == heard.provider:
        raise CodeUsed()
    limit, of = PARTNERS_MAX if row.organisation is None else OFFICES_MAX, tables.partner.c.organisation
    if held is None and _count(tx, tables.partner, of == row.organisation) >= limit:
        raise TooManyPartners(limit=limit)
    tx.upsert(tables.partner_invitation, {**row._asdict(), "used_by": heard.provider})
    _begin(tx, heard.provider, OFFERED, said.invitation, "", "", now)
    _change(tx, heard.provider, organisation=row.organisation)
    return True


def _agree_as_invited(tx: Tx, provider: str) -> None:
    """Whoever made the code agreed with it."""
    held, c = queries.found(tx.connection, provider), tables.partner_invitation.c
    by = tx.execute(select(c.agreed_by).where(c.id == held.invitation)).scalar()
    if by is not None and newest_common(held.texts) is not None:
        agree(tx, provider, by)


def _count(tx: Tx, table: Table, *conditions: ColumnElement[bool]) -> int:
    return tx.execute(select(func.count()).select_from(table).where(*conditions)).scalar() or 0


def _begin(tx: Tx, provider: str, state: str, invitation: str, proof: str, address: str, now: int) -> None:
    row = {"provider": provider, "state": state, "invitation": invitation, "proof": proof, "address": address}
    tx.upsert(tables.partner, {**NOBODY, **row, "made_at": now, "changed_at": now})
    tx.flush()


def _card(own: Own, heard: Heard) -> dict[str, Any]:
    said: Statement = heard.statement
    row: dict[str, Any] = {
        "alg": heard.alg, "key": heard.key, "name": plain(said.name) or heard.provider[:8], "place": plain(said.place),
        "contact": plain(said.contact), "version": plain(said.version),
        "texts": msgspec.json.encode(said.texts).decode(),
    }  # fmt: skip
    if said.address != own.address and codes.may_dial(said.address, own.address):
        row["address"] = said.address
    return row


def _standing(held: Partnership, heard: Heard, now: int) -> dict[str, Any]:
    """Where it stands after what they said."""
    said = heard.statement
    if held.state == ENDED:
        return {"end_told": 1} if said.ended else {}
    if said.ended:
        return {"state": ENDED, "ended_by": "them", "ended_at": now, "end_told": 1, "changed_at": now}
    if held.state == ENDING or said.text is None or (said.text, said.text_at) == (held.their_text, held.their_at):
        return {}
    words = msgspec.json.encode(heard.told).decode()
    row = {"their_text": said.text, "their_by": plain(said.text_by), "their_at": said.text_at, "their_words": words}
    if held.own_text == said.text:
        row |= {"state": AGREED, "changed_at": now}
    return row


def _change(tx: Tx, provider: str, **row: Any) -> None:
    tx.execute(tables.partner.update().where(tables.partner.c.provider == provider).values(**row))
