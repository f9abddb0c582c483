"""The list of capabilities, floor by floor. A new one is a line in each place here."""

import logging
from collections.abc import Callable
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from verbund.accounts import api as accounts_api
from verbund.accounts import events as accounts_events
from verbund.accounts import projection as accounts_projection
from verbund.accounts import rules as accounts_rules
from verbund.accounts.commands import admit_provider_device
from verbund.chat import api as chat_api
from verbund.chat import events as chat_events
from verbund.chat import projection as chat_projection
from verbund.chat import rules as chat_rules
from verbund.log.store import Store, metadata
from verbund.log.tx import Tx
from verbund.partners import api as partners_api
from verbund.partners.effects import PartnersService
from verbund.spaces import api as spaces_api
from verbund.spaces import events as spaces_events
from verbund.spaces import projection as spaces_projection
from verbund.spaces import rules as spaces_rules
from verbund.web import api as web_api

if TYPE_CHECKING:
    from verbund.web.composition import Services

log = logging.getLogger(__name__)


def _part(events: Any, rules: Any, projection: Any) -> SimpleNamespace:
    return SimpleNamespace(events=events, rules=rules, projection=projection)


PARTS = [
    _part(accounts_events, accounts_rules, accounts_projection),
    _part(spaces_events, spaces_rules, spaces_projection),
    _part(chat_events, chat_rules, chat_projection),
]
APIS: list[Any] = [web_api, accounts_api, spaces_api, chat_api, partners_api]
SERVICES: list[Callable[["Services"], Any]] = [PartnersService]


def prepare(store: Store) -> None:
    """Tables of a new installation; an old one is brought forward."""
    metadata.create_all(store.engine)


async def introduce(services: "Services") -> None:
    """This provider's own device, so that what it signs is known."""
    installation = services.installation

    def admit(tx: Tx) -> None:
        admit_provider_device(tx, installation.provider, installation.device.public)

    await services.log.write(admit)
