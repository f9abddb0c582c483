"""What the operator reads when Verbund is up: where to click."""

import asyncio
import sys
from typing import Any

from verbund.accounts.commands import make_setup_link
from verbund.accounts.queries import setup_open
from verbund.log.tx import Tx
from verbund.web.composition import Services

POLL_S = 0.05


async def announce(services: Services, server: Any) -> None:
    """Wait until the server listens, then say where; the first time with the one-time link."""
    while not server.started:
        await asyncio.sleep(POLL_S)
    origin = services.settings.origin
    with services.store.read() as connection:
        first = setup_open(connection)
    if first:

        def make(tx: Tx) -> str:
            return make_setup_link(tx)

        token = await services.log.write(make)
        address = f"{origin}/willkommen#{token}"
        lines = ["Verbund läuft. Richten Sie es hier ein (der Link gilt einmal):", f"  {address}",
                 "Verbund is running. Set it up there (the link works once)."]  # fmt: skip
    else:
        lines = [f"Verbund läuft: {origin}", f"Verbund is running: {origin}"]
    sys.stdout.write("\n" + "\n".join(lines) + "\n\n")
    sys.stdout.flush()
