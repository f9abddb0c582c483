"""A store as the first start makes it, copied for providers that live in a test's own process.

Making it anew each time is a third of what such a provider costs. Its making is tested where `verbund serve` is started
in a process (tests/flows) and in tests/web/test_migrations.py.
"""

import shutil
import tempfile
from functools import cache
from pathlib import Path

from verbund.base.settings import Settings
from verbund.log.store import Store
from verbund.web import capabilities


def prepare(settings: Settings) -> Settings:
    """Lay a new store into the data folder, unless there is one or it is elsewhere."""
    file = settings.folder / "verbund.db"
    if not settings.database and not file.exists():
        settings.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        file.write_bytes(_new())
    return settings


@cache
def _new() -> bytes:
    folder = Path(tempfile.mkdtemp(prefix="verbund-store-"))
    try:
        store = Store(f"sqlite:///{folder / 'verbund.db'}")
        capabilities.prepare(store)
        assert store.truncate_log()
        store.close()
        return (folder / "verbund.db").read_bytes()
    finally:
        shutil.rmtree(folder)
