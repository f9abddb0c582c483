"""What the operator reads when Verbund is up: where to click."""

import asyncio
import sys
from typing import Any

from verbund.accounts.commands import make_setup_link
from verbund.accounts.queries import setup_open
from verbund.log.tx import Tx
from verbund.ops.demo import PASSWORD, PEOPLE, Story
from verbund.web.composition import Services

POLL_S = 0.05


async def announce(services: Services, server: Any) -> None:
    """Wait until the server listens, then say where; the first time with the one-time link."""
    await _listening(server)
    origin = services.settings.origin
    token = await first_link(services)
    if token:
        _say(
            "Verbund läuft. Richten Sie es hier ein (der Link gilt einmal):",
            f"  {origin}/willkommen#{token}",
            "Verbund is running. Set it up there (the link works once).",
        )
    else:
        _say(f"Verbund läuft: {origin}", f"Verbund is running: {origin}")


async def announce_demo(services: Services, server: Any) -> None:
    """Fill the demo firm the first time, then say how to enter."""
    await _listening(server)
    origin = services.settings.origin
    token = await first_link(services)
    if token:
        _say("Die Demofirma wird eingerichtet. / Setting up the demo firm.")
        await asyncio.to_thread(Story(origin, token, _say).tell)
    names = ", ".join(handle for handle, _ in PEOPLE)
    _say(
        f"Demofirma: {origin}/anmelden",
        f"Anmelden als {names}; Kennwort: {PASSWORD}",
        f"Sign in as {names}; password: {PASSWORD}",
        "Entfernen / remove: verbund demo remove",
    )


async def first_link(services: Services) -> str:
    """A fresh one-time link while nobody has an account here; empty afterwards."""

    def is_open() -> bool:
        with services.store.read() as connection:
            return setup_open(connection)

    def make(tx: Tx) -> str:
        return make_setup_link(tx)

    return await services.log.write(make) if await asyncio.to_thread(is_open) else ""


async def _listening(server: Any) -> None:
    while not server.started:  # noqa: ASYNC110  # the server has no event for this
        await asyncio.sleep(POLL_S)


def _say(*lines: str) -> None:
    sys.stdout.write("\n" + "\n".join(lines) + "\n")
    sys.stdout.flush()
