"""The first release: its tables are made whole."""

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Nothing to change."""
