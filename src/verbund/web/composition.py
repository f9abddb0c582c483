"""Who is there: every capability registered with the log, every service started, in one order."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from verbund.accounts.bearers import Bearers
from verbund.accounts.queries import Devices
from verbund.base.clock import Clock, SystemClock
from verbund.base.ids import AccountId
from verbund.base.settings import Settings
from verbund.blobs.limits import Limits
from verbund.blobs.service import Blobs
from verbund.chat.pages import Pages
from verbund.log.log import Log
from verbund.log.registry import Registry
from verbund.log.service import LogService
from verbund.log.store import Store
from verbund.partners.headkey import HeadKey
from verbund.partners.hostlist import sign_hosts
from verbund.spaces.authority import SpaceAuthorities
from verbund.spaces.schemas import Host, SignedHosts
from verbund.web.hub import Hub
from verbund.web.installation import AlreadyRunning, FolderLock, Installation, open_installation
from verbund.web.intake import Intake
from verbund.web.live import Live
from verbund.web.neighbours import Neighbours
from verbund.web.notices import Notices
from verbund.web.presence import Presence
from verbund.web.rooms import Memberships, channels_of

#: Beside the sources, where `make up` builds it.
APP_FOLDER = Path(__file__).resolve().parents[3] / "app" / "build"


class Service(Protocol):
    """Something with a lifetime: started with the web process, stopped with it."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


class Capabilities(Protocol):
    """The list of capabilities: the module of that name."""

    SERVICES: "list[Callable[[Services], Service]]"

    def registry(self) -> Registry: ...

    def prepare(self, store: Store) -> None: ...

    async def introduce(self, services: "Services") -> None: ...


class Services:
    """What a running provider is made of. Built once, passed on; there is no other global state."""

    def __init__(self, settings: Settings, capabilities: Capabilities, clock: Clock | None = None) -> None:
        self._capabilities = capabilities
        self.settings = settings
        self.clock = clock or SystemClock()
        self.data: Path = settings.folder
        self.data.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.installation: Installation = open_installation(self.data)
        self.lock = FolderLock(self.data)
        self.store = Store(settings.database_url)
        self.registry = capabilities.registry()
        log = Log(
            self.clock, self.registry, SpaceAuthorities(self.registry), Devices(),
            self.installation.provider, self.installation.incarnation,
        )  # fmt: skip
        self.log = LogService(self.store, log, self.installation.device)
        self.live = Hub()
        self.intake = Intake(self.log, self.clock, settings.facts_per_s)
        self.sockets = Live(self.log, self.intake, self.live, self.installation.incarnation)
        self.presence = Presence(self.live)
        self.notices = Notices(self.log, self.live)
        self.blobs = Blobs(self.data, self.log, self.store, Memberships(), self.clock, _limits(settings))
        self.features: dict[str, bool] = {}
        bearers = Bearers(self.clock, self.installation.provider)
        self.log.written.append(bearers.written)
        head_key = HeadKey(self.data, self.installation.certify)
        #: What capabilities hand to handlers and to each other through the web, by name.
        self.parts: dict[str, Any] = {
            "own_identity": self.installation.identity(),
            "head_key": head_key,
            "bearers": bearers,
            "blobs": self.blobs,
            "presence": self.presence,
            "pages": Pages(self.log),
            "me_enrichers": [channels_of],
        }
        self.neighbours = Neighbours(self.store, settings, self.installation.provider)
        self.log.told.append(self.neighbours.told)
        self.parts["hosts_of"] = self.neighbours.hosts

        def signed(account: AccountId, hosts: list[Host], now_ms: int) -> SignedHosts:
            return sign_hosts(*head_key.present(now_ms), account, hosts, now_ms)

        self.parts["sign_hosts"] = signed
        self._running: list[Service] = []

    @property
    def app_folder(self) -> Path:
        """Where the built app lies."""
        return Path(self.settings.app) if self.settings.app else APP_FOLDER

    async def start(self) -> None:
        """Open the store, take up writing, then every capability's service in the order of the floors."""
        self.lock.take()
        if not self.store.claim():
            raise AlreadyRunning()
        self._capabilities.prepare(self.store)
        self.log.start()
        await self._capabilities.introduce(self)
        for make in self._capabilities.SERVICES:
            service = make(self)
            await service.start()
            self._running.append(service)

    async def stop(self) -> None:
        self.live.close_all("live.restarting")
        for service in reversed(self._running):
            await service.stop()
        self._running.clear()
        await self.log.stop()
        self.store.close()
        self.lock.release()


def _limits(settings: Settings) -> Limits:
    return Limits(upload_bytes_max=settings.file_bytes_max, space_bytes_max=settings.space_bytes_max)
