"""Tables of accounts: what its facts come to, and what only this provider knows."""

from sqlalchemy import BigInteger, Column, Index, LargeBinary, String, Table, Text

from verbund.log.store import metadata

account = Table(
    "account",
    metadata,
    Column("space", String, primary_key=True),
    Column("home", String),
    Column("opened_at", BigInteger, nullable=False),
)

device = Table(
    "device",
    metadata,
    Column("dev", String, primary_key=True),
    Column("space", String, nullable=False),
    Column("account", String, nullable=False),
    Column("alg", String, nullable=False),
    Column("key", LargeBinary, nullable=False),
    Column("sort", String, nullable=False),
    Column("label", String, nullable=False),
    Column("voucher", String, nullable=False),
    Column("added_at", BigInteger, nullable=False),
    Column("claim", String, nullable=False),
    Column("kinds", Text),
    Column("spaces", Text),
    Index("device_account", "account"),
)

revocation = Table(
    "revocation",
    metadata,
    Column("dev", String, primary_key=True),
    Column("by", String, primary_key=True),
    Column("space", String, nullable=False),
    Column("revoked_at", BigInteger, nullable=False),
    Column("cuts", Text, nullable=False),
)

profile = Table(
    "profile",
    metadata,
    Column("space", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("status", String, nullable=False),
    Column("picture", String),
    Column("stamp", String, nullable=False),
)

card = Table(
    "card",
    metadata,
    Column("id", String, primary_key=True),
    Column("space", String, nullable=False),
    Column("number", String, nullable=False),
    Column("made_at", BigInteger, nullable=False),
    Index("card_space", "space"),
    Index("card_number", "number"),
)

card_code = Table(
    "card_code",
    metadata,
    Column("card", String, primary_key=True),
    Column("dev", String, primary_key=True),
    Column("space", String, nullable=False),
    Column("provider", String, nullable=False),
    Column("place", BigInteger, nullable=False),
    Index("card_code_dev", "dev"),
    Index("card_code_space", "space"),
)

made_passkey = Table(
    "made_passkey",
    metadata,
    Column("id", String, primary_key=True),
    Column("space", String, nullable=False),
    Column("credential", String, nullable=False),
    Column("key", LargeBinary, nullable=False),
    Column("provider", String, nullable=False),
    Column("origin", String, nullable=False),
    Column("label", String, nullable=False),
    Column("made_at", BigInteger, nullable=False),
    Index("made_passkey_space", "space"),
    Index("made_passkey_credential", "credential"),
)

shown_passkey = Table(
    "shown_passkey",
    metadata,
    Column("passkey", String, primary_key=True),
    Column("dev", String, primary_key=True),
    Column("space", String, nullable=False),
    Column("shown_at", BigInteger, nullable=False),
    Index("shown_passkey_space", "space"),
)

passkey_revocation = Table(
    "passkey_revocation",
    metadata,
    Column("passkey", String, primary_key=True),
    Column("by", String, primary_key=True),
    Column("space", String, nullable=False),
    Column("stays", Text, nullable=False),
    Column("revoked_at", BigInteger, nullable=False),
    Index("passkey_revocation_space", "space"),
)

put_off = Table(
    "put_off",
    metadata,
    Column("space", String, primary_key=True),
    Column("what", String, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("stamp", String, nullable=False),
)

# local: what only this provider knows and no fact says

provider_device = Table(
    "provider_device",
    metadata,
    Column("dev", String, primary_key=True),
    Column("provider", String, nullable=False),
    Column("alg", String, nullable=False),
    Column("key", LargeBinary, nullable=False),
    Index("provider_device_provider", "provider"),
)

credential = Table(
    "credential",
    metadata,
    Column("account", String, primary_key=True),
    Column("handle", String, nullable=False, unique=True),
    Column("verifier", String),
    Column("created_at", BigInteger, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
)

passkey = Table(
    "passkey",
    metadata,
    Column("id", String, primary_key=True),
    Column("account", String, nullable=False),
    Column("public_key", LargeBinary, nullable=False),
    Column("uses", BigInteger, nullable=False),
    Column("label", String, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("used_at", BigInteger),
    Index("passkey_account", "account"),
)

session = Table(
    "session",
    metadata,
    Column("token_hash", String, primary_key=True),
    Column("id", String, nullable=False, unique=True),
    Column("account", String, nullable=False),
    Column("dev", String, nullable=False),
    Column("agent", String, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("seen_at", BigInteger, nullable=False),
    Index("session_account", "account"),
    Index("session_device", "dev"),
)

known_browser = Table(
    "known_browser",
    metadata,
    Column("token_hash", String, primary_key=True),
    Column("account", String, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Index("known_browser_account", "account"),
)

setup_link = Table(
    "setup_link",
    metadata,
    Column("token_hash", String, primary_key=True),
    Column("created_at", BigInteger, nullable=False),
    Column("used_at", BigInteger),
)

second_factor = Table(
    "second_factor",
    metadata,
    Column("account", String, primary_key=True),
    Column("secret", String, nullable=False),
    Column("confirmed_at", BigInteger),
    Column("last_step", BigInteger, nullable=False),
)

recovery_code = Table(
    "recovery_code",
    metadata,
    Column("code_hash", String, primary_key=True),
    Column("account", String, nullable=False),
    Column("used_at", BigInteger),
    Index("recovery_code_account", "account"),
)

reset_link = Table(
    "reset_link",
    metadata,
    Column("token_hash", String, primary_key=True),
    Column("account", String, nullable=False),
    Column("made_by", String, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("used_at", BigInteger),
    Index("reset_link_account", "account"),
)
