"""Which partnerships there are and where they stand. Never writes."""

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, RowMapping, select

from verbund.base.ids import ProviderId
from verbund.partners import tables
from verbund.partners.agreements.refusals import NoSuchPartner

ASKED, OFFERED, AGREED, ENDED = "asked", "offered", "agreed", "ended"
#: Ended by this side's operator, who has not confirmed it yet: in effect here, and taken back by itself.
ENDING = "ending"
CONFIRM_MS = 5 * 60 * 1000
SHOWN_ID_CHARS = 8


class Partnership(Struct, frozen=True):
    """A partnership as it is written down here."""

    provider: ProviderId
    state: str
    invitation: str
    proof: str
    address: str
    alg: str
    key: str
    name: str
    place: str
    contact: str
    version: str
    texts: list[str]
    own_text: str | None
    own_by: str | None
    own_at: int | None
    their_text: str | None
    their_by: str | None
    their_at: int | None
    ended_by: str | None
    ended_at: int | None
    end_told: bool
    heard_at: int | None
    heard_stamp: int
    problem: str | None
    fate: dict[str, str]
    organisation: str | None
    changed_at: int

    @property
    def shown_name(self) -> str:
        """Its name; before it has said one, the beginning of its fingerprint."""
        return self.name or self.provider[:SHOWN_ID_CHARS]

    @property
    def agreed_at(self) -> int | None:
        """When the second of the two agreed."""
        return max(self.own_at or 0, self.their_at or 0) if self.state == AGREED else None


def partnerships(connection: Connection) -> list[Partnership]:
    """All, by name."""
    c = tables.partner.c
    return [_shape(row._mapping) for row in connection.execute(select(tables.partner).order_by(c.name, c.provider))]


def partnership(connection: Connection, provider: str) -> Partnership | None:
    row = connection.execute(select(tables.partner).where(tables.partner.c.provider == provider)).first()
    return _shape(row._mapping) if row else None


def found(connection: Connection, provider: str) -> Partnership:
    """The partnership with this provider. Raises NoSuchPartner."""
    held = partnership(connection, provider)
    if held is None:
        raise NoSuchPartner()
    return held


def named(connection: Connection, wanted: str) -> Partnership:
    """The one that an operator means, by name or by the beginning of its fingerprint. Raises NoSuchPartner."""
    plain = wanted.strip().casefold()
    fits = [
        one
        for one in partnerships(connection)
        if plain and (one.name.casefold() == plain or one.provider.casefold().startswith(plain))
    ]
    living = [one for one in fits if one.state != ENDED]
    chosen = fits if len(fits) == 1 else living
    if len(chosen) != 1:
        raise NoSuchPartner()
    return chosen[0]


def dialled(connection: Connection) -> list[tuple[ProviderId, str]]:
    """(provider, address) of every agreed partner; an empty address: it calls us."""
    return [(one.provider, one.address) for one in partnerships(connection) if one.state == AGREED]


def ended(connection: Connection) -> frozenset[ProviderId]:
    """With whom a partnership was ended: not admitted any more, even where a space still names them."""
    gone = (one for one in partnerships(connection) if one.state == ENDING or (one.state == ENDED and one.heard_at))
    return frozenset(one.provider for one in gone)


def ending(connection: Connection) -> list[Partnership]:
    """Those whose end waits to be confirmed."""
    return [one for one in partnerships(connection) if one.state == ENDING]


def open_codes(connection: Connection, now_ms: int) -> int:
    """How many codes were given out that nobody has used yet."""
    c = tables.partner_invitation.c
    rows = connection.execute(select(c.id).where(c.used_by.is_(None), c.expires_at >= now_ms))
    return len(rows.all())


def may_speak(connection: Connection, provider: str, invitation: str) -> bool:
    """Whether this provider is known here, or names a code of ours: others are not worth a transaction."""
    c = tables.partner_invitation.c
    known = partnership(connection, provider) is not None
    return known or connection.execute(select(c.id).where(c.id == invitation)).first() is not None


def _shape(row: RowMapping) -> Partnership:
    fields = dict(row)
    fields["texts"] = msgspec.json.decode(fields["texts"], type=list[str])
    fields["fate"] = msgspec.json.decode(fields["fate"] or "{}", type=dict[str, str])
    fields["end_told"] = bool(fields["end_told"])
    return msgspec.convert({name: fields[name] for name in Partnership.__struct_fields__}, Partnership)
