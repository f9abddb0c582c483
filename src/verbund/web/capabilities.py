"""The list of capabilities, floor by floor. A new one is a line in each place here."""

import logging
import shutil
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from verbund.accounts import api as accounts_api
from verbund.accounts import events as accounts_events
from verbund.accounts import projection as accounts_projection
from verbund.accounts import rules as accounts_rules
from verbund.accounts.effects import AccountsService
from verbund.base.ids import SpaceId
from verbund.base.refusal import Unknown
from verbund.blobs import api as blobs_api
from verbund.blobs.projection import drop_references, fold_blobs
from verbund.blobs.rules import admit_blobs
from verbund.blobs.tables import blob_reference
from verbund.chat import api as chat_api
from verbund.chat import events as chat_events
from verbund.chat import projection as chat_projection
from verbund.chat import rules as chat_rules
from verbund.erasure import api as erasure_api
from verbund.erasure import events as erasure_events
from verbund.erasure import projection as erasure_projection
from verbund.erasure import rules as erasure_rules
from verbund.erasure.effects import ErasureService
from verbund.log.newer import learn
from verbund.log.registry import Registry
from verbund.log.sealer import Sealer
from verbund.log.store import Store
from verbund.log.tx import Tx
from verbund.media import api as media_api
from verbund.media import events as media_events
from verbund.media import projection as media_projection
from verbund.media import rules as media_rules
from verbund.media.effects import MediaService
from verbund.media.replica import Replica, film_file
from verbund.meet import api as meet_api
from verbund.meet import events as meet_events
from verbund.meet import projection as meet_projection
from verbund.meet import rules as meet_rules
from verbund.meet.effects import MeetService
from verbund.ops.moving import api as moving_api
from verbund.ops.moving.desk import Desk
from verbund.ops.moving.giving import Giving
from verbund.ops.watch import api as watch_api
from verbund.ops.watch.service import Watch
from verbund.partners import api as partners_api
from verbund.partners.agreements import api as agreements_api
from verbund.partners.agreements.effects import Agreements
from verbund.partners.commands import keep_identities
from verbund.partners.effects import PartnersService
from verbund.spaces import api as spaces_api
from verbund.spaces import events as spaces_events
from verbund.spaces import projection as spaces_projection
from verbund.spaces import rules as spaces_rules
from verbund.spaces.effects import SpacesService
from verbund.web import api as web_api
from verbund.web.composition import Services
from verbund.web.migrations import bring_forward

log = logging.getLogger(__name__)


def _part(events: Any, rules: Any, projection: Any) -> SimpleNamespace:
    return SimpleNamespace(events=events, rules=rules, projection=projection)


PARTS = [
    _part(accounts_events, accounts_rules, accounts_projection),
    _part(spaces_events, spaces_rules, spaces_projection),
    _part(chat_events, chat_rules, chat_projection),
    _part(media_events, media_rules, media_projection),
    _part(meet_events, meet_rules, meet_projection),
    _part(erasure_events, erasure_rules, erasure_projection),
]
APIS: list[Any] = [
    web_api, blobs_api, accounts_api, spaces_api, chat_api, media_api, meet_api, erasure_api, partners_api,
    agreements_api, watch_api, moving_api,
]  # fmt: skip


def _media(services: Services) -> MediaService:
    service = MediaService(services.log, services.blobs, services.live, services.clock, services.data / "media")
    services.features["media"] = shutil.which("ffmpeg") is not None
    services.parts["erasers"] = [services.blobs.remove_erased, service.clear_up]
    return service


class _Partners:
    """Whoever holds a space too; nobody before the link is there."""

    def __init__(self, parts: dict[str, Any]) -> None:
        self._parts = parts

    async def fetch(self, space: SpaceId, name: str, bytes_max: int) -> bytes:
        partners = self._parts.get("partners")
        if partners is None:
            raise Unknown()
        found: bytes = await partners.fetch(space, name, bytes_max)
        return found


def _film_replica(services: Services) -> Replica:
    """Brings films of partners, and shows them where those that lie here are."""
    folder = services.data / "media"
    replica = services.parts["film_replica"] = Replica(services.log, _Partners(services.parts), folder)
    services.parts.setdefault("shelves", {})["film"] = lambda space, name: film_file(services.log, folder, space, name)
    return replica


def _meet(services: Services) -> MeetService:
    service = MeetService(
        services.settings, services.log, services.live, services.clock, services.data / "meet", services.features
    )
    services.parts["meet"] = service
    return service


def _sealer(services: Services) -> Sealer:
    return Sealer(services.log, services.clock, services.settings.seal_after_days)


#: Started in this order, stopped in the other.
SERVICES: list[Callable[[Services], Any]] = [
    lambda services: services.blobs,
    AccountsService,
    SpacesService,
    _media,
    _film_replica,
    _meet,
    ErasureService,
    _sealer,
    Agreements,
    PartnersService,
    Desk,
    Giving,
    Watch,
]


def registry() -> Registry:
    """Every kind of event that this version understands."""
    kinds = Registry()
    for part in PARTS:
        fold = part.projection
        late, forget = getattr(fold, "OVERTAKEN", None), getattr(fold, "forget_words", None)
        kinds.register(part.events.EVENTS, part.rules.RULES, fold.FOLDS, fold.PROJECTED, late, forget)
    kinds.register_blobs(admit_blobs, fold_blobs, drop_references, (blob_reference,))
    return kinds


def routes() -> list[Any]:
    """Every HTTP route of every capability."""
    return [route for api in APIS for route in api.ROUTES]


def prepare(store: Store) -> None:
    """Tables of a new installation; an old one is brought forward."""
    bring_forward(store.engine)


async def introduce(services: Services) -> None:
    """This provider's own device, so that what it signs is known; and the kinds that this release brings."""
    installation = services.installation

    def admit(tx: Tx) -> None:
        # Its certificate is kept as well: after a restore it still proves whose device this was.
        keep_identities(tx, [(installation.identity(), installation.device.public)])
        learn(tx, services.log.core.registry)

    await services.log.write(admit)
