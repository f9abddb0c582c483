"""Tables of partnerships: what two operators agreed on. No fact says it, so nothing here is a fold."""

from sqlalchemy import BigInteger, Column, SmallInteger, String, Table, Text

from verbund.log.store import metadata

# local: what only this provider knows and no fact says

#: `organisation`: for a machine of that organisation alone; `agreed_by`: who agreed on this side when making the code.
partner_invitation = Table(
    "partner_invitation",
    metadata,
    Column("id", String, primary_key=True),
    Column("secret", String, nullable=False),
    Column("made_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("used_by", String),
    Column("organisation", String),
    Column("agreed_by", String),
)

#: `own_…` and `their_…`: which text of the processing agreement a side agreed to, who did and when; `their_words` is
#: the statement that they signed. `heard_…`: when this provider last heard of them, and the time that they named.
#: `organisation`: it is a machine of that organisation, and nobody else is offered it.
partner = Table(
    "partner",
    metadata,
    Column("provider", String, primary_key=True),
    Column("state", String, nullable=False),
    Column("invitation", String, nullable=False),
    Column("proof", String, nullable=False),
    Column("address", String, nullable=False),
    Column("alg", String, nullable=False),
    Column("key", String, nullable=False),
    Column("name", String, nullable=False),
    Column("place", String, nullable=False),
    Column("contact", String, nullable=False),
    Column("version", String, nullable=False),
    Column("texts", Text, nullable=False),
    Column("own_text", String),
    Column("own_by", String),
    Column("own_at", BigInteger),
    Column("their_text", String),
    Column("their_by", String),
    Column("their_at", BigInteger),
    Column("their_words", Text),
    Column("ended_by", String),
    Column("ended_at", BigInteger),
    Column("end_told", SmallInteger, nullable=False),
    Column("heard_at", BigInteger),
    Column("heard_stamp", BigInteger, nullable=False),
    Column("problem", String),
    Column("fate", Text),
    Column("organisation", String),
    Column("made_at", BigInteger, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
)

#: Providers that were met or heard of, by incarnation: what proves whose device it is, for passing on.
partner_identity = Table(
    "partner_identity",
    metadata,
    Column("provider", String, primary_key=True),
    Column("incarnation", BigInteger, primary_key=True),
    Column("identity", Text, nullable=False),
)

#: The keys that providers sign their heads with, as their root keys certify them; `certificate` proves itself.
head_key = Table(
    "head_key",
    metadata,
    Column("provider", String, primary_key=True),
    Column("number", BigInteger, primary_key=True),
    Column("certificate", Text, nullable=False),
)

#: Signed heads of sub-logs: those at multiples of heads.STRIDE, and the last one. `chain` is what `head` says.
signed_head = Table(
    "signed_head",
    metadata,
    Column("space", String, primary_key=True),
    Column("provider", String, primary_key=True),
    Column("incarnation", BigInteger, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("key", BigInteger, nullable=False),
    Column("chain", String, nullable=False),
    Column("head", Text, nullable=False),
)

#: A provider told two histories of one of its sub-logs. `second`: the head that it signed; `first`: another that it
#: signed for the same place, or nothing where only the entries that came from it say otherwise.
provider_proof = Table(
    "provider_proof",
    metadata,
    Column("space", String, primary_key=True),
    Column("provider", String, primary_key=True),
    Column("incarnation", BigInteger, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("first", Text, nullable=False),
    Column("second", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
)
