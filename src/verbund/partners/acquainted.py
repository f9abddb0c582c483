"""Who other providers are: whoever proved it here, and whoever others passed on the proof of."""

import asyncio
from collections.abc import Collection
from contextlib import suppress

from verbund.base.keys import PublicKey
from verbund.base.refusal import Refusal
from verbund.log.service import LogService
from verbund.partners.commands import keep_identities
from verbund.partners.identity import check_identity
from verbund.partners.queries import identities
from verbund.partners.schemas import Identity

IDENTITIES_MAX = 1_000


class Acquainted:
    """Identities by their certificate. What their devices sign counts, so that relays can be believed."""

    def __init__(self, log: LogService) -> None:
        self._log = log
        self._known: dict[str, Identity] = {}

    async def start(self) -> None:
        """Remember those of before."""

        def read() -> list[Identity]:
            with self._log.store.read() as connection:
                return identities(connection, IDENTITIES_MAX)

        self._known = {one.certificate: one for one in await asyncio.to_thread(read)}

    @property
    def identities(self) -> Collection[Identity]:
        return self._known.values()

    async def learn(self, shown: list[Identity]) -> bool:
        """Keep those that prove themselves; whether there were new ones."""
        proven = await asyncio.to_thread(self._proven, shown)
        if proven:
            await self._log.write(lambda tx: keep_identities(tx, proven))
            self._known.update({identity.certificate: identity for identity, _ in proven})
        return bool(proven)

    def _proven(self, shown: list[Identity]) -> list[tuple[Identity, PublicKey]]:
        found: list[tuple[Identity, PublicKey]] = []
        for one in shown:
            if one.certificate not in self._known and len(self._known) + len(found) < IDENTITIES_MAX:
                with suppress(Refusal):
                    found.append((one, check_identity(one)[1]))
        return found
