"""A provider that runs, and who comes by."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.accounts.people import Place, running


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with running(tmp_path) as place:
        yield place
