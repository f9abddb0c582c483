"""People and places to try accounts and spaces with: devices that sign, browsers that remember cookies, a provider."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec

from tests.stores import prepare
from verbund.accounts.commands import make_setup_link
from verbund.accounts.effects import AccountsService
from verbund.accounts.events import AccountOpened, ProfileChanged
from verbund.base.clock import stamp_of
from verbund.base.ids import AccountId, CoreId, SpaceId, b64
from verbund.base.keys import DeviceKey
from verbund.base.settings import Settings
from verbund.log.core import Parcel, make_parcel
from verbund.log.registry import Event
from verbund.log.stored import body_of
from verbund.spaces.effects import SpacesService
from verbund.spaces.events import InvitationMade, MemberJoined, SpaceCreated
from verbund.web import capabilities
from verbund.web.app import Application
from verbund.web.composition import Services

PASSWORD = "vier Hobel, ein Brett"
START_MS = 1_800_000_000_000


class Clock:
    """A clock that the test moves."""

    def __init__(self, now_ms: int = START_MS) -> None:
        self.ms = now_ms

    def now_ms(self) -> int:
        self.ms += 1
        return self.ms

    def pass_s(self, seconds: float) -> None:
        self.ms += int(seconds * 1000)


class Pen:
    """A device that writes: numbers, chains and signs its facts, space by space."""

    def __init__(self, clock: Clock, key: DeviceKey | None = None) -> None:
        self.key = key or DeviceKey.generate()
        self.dev = self.key.device
        self.clock = clock
        self.last: dict[str, tuple[int, CoreId | None]] = {}

    def write(
        self, space: str | None, event: Event, ah: Iterable[str] = (), re: Iterable[str] = (), stamp: str = "",
    ) -> tuple[CoreId, Parcel]:  # fmt: skip
        """A signed fact: (its id, the parcel). Space None: it founds a space of its own."""
        ds, dp = self.last.get(space or "", (0, None))
        core: dict[str, Any] = {
            "ah": sorted(set(ah)), "bk": None, "dp": dp, "ds": ds + 1, "k": event.kind, "mu": False, "re": list(re),
            "t": stamp or stamp_of(self.clock.now_ms()),
        }  # fmt: skip
        if space is not None:
            core["sp"] = space
        identifier, parcel = make_parcel(self.key, core, body_of(event), bytes(16))
        self.last[space or identifier] = (ds + 1, identifier)
        return identifier, parcel

    def takes_back(self, space: str, *, to: tuple[int, CoreId | None]) -> None:
        """Forget what was not sent after all."""
        self.last[space] = to

    @property
    def public(self) -> dict[str, str]:
        return {"alg": "ed25519", "key": b64(self.key.public.raw), "label": "Werkbank"}


class Browser:
    """Somebody's browser at a provider: cookies, origin, and the pen of its device."""

    def __init__(self, place: "Place", pen: Pen | None = None, address: str = "192.0.2.7") -> None:
        self.place = place
        self.pen = pen or Pen(place.clock)
        transport = httpx.ASGITransport(place.app, client=(address, 40_000), raise_app_exceptions=False)  # type: ignore[arg-type]
        self.http = httpx.AsyncClient(
            transport=transport, base_url=place.origin, headers={"origin": place.origin},
        )  # fmt: skip
        self.account = AccountId("")

    async def get(self, path: str) -> httpx.Response:
        return await self.http.get(path)

    async def post(self, path: str, body: Any = None) -> httpx.Response:
        content = b"" if body is None else msgspec.json.encode(body)
        return await self.http.post(path, content=content, headers={"content-type": "application/json"})

    async def delete(self, path: str, body: Any = None) -> httpx.Response:
        content = b"" if body is None else msgspec.json.encode(body)
        return await self.http.request("DELETE", path, content=content, headers={"content-type": "application/json"})

    async def send(self, *parcels: Parcel) -> list[dict[str, Any]]:
        answer = await self.post("/api/log", {"parcels": list(parcels)})
        assert answer.status_code == 200, answer.text
        outcomes: list[dict[str, Any]] = answer.json()["outcomes"]
        return outcomes

    async def writes(self, space: str | None, event: Event, re: Iterable[str] = (), ah: Any = None) -> CoreId:
        """Write a fact as the app does, with the heads of now; it must be accepted."""
        outcome, identifier = await self.tries(space, event, re, ah)
        assert outcome["st"] == "accepted", outcome
        return identifier

    async def tries(
        self, space: str | None, event: Event, re: Iterable[str] = (), ah: Any = None
    ) -> tuple[dict[str, Any], CoreId]:
        """Write a fact as the app does; what became of it. A void uses its number up."""
        before = self.pen.last.get(space or "", (0, None))
        heads = ah if ah is not None else await self.heads(space) if space else ()
        identifier, parcel = self.pen.write(space, event, heads, re)
        (outcome,) = await self.send(parcel)
        if outcome["st"] != "accepted" and outcome.get("dp") != identifier and space is not None:
            self.pen.takes_back(space, to=before)
        return outcome, identifier

    async def heads(self, space: str) -> list[str]:
        me = (await self.get("/api/me")).json()
        return next((one["heads"] for one in me["spaces"] if one["id"] == space), [])

    async def space(self, space: str) -> dict[str, Any] | None:
        me = (await self.get("/api/me")).json()
        found: list[dict[str, Any]] = [one for one in me["spaces"] if one["id"] == space]
        return found[0] if found else None

    def opening(self, name: str) -> list[Parcel]:
        """An account and its profile, as they are sent with a registration."""
        home = self.place.services.log.provider
        opened = AccountOpened(alg="ed25519", key=b64(self.pen.key.public.raw), home=home)
        account, first = self.pen.write(None, opened)
        self.account = AccountId(account)
        _, profile = self.pen.write(account, ProfileChanged(name=name), [account])
        return [first, profile]

    def founding(self, title: str) -> tuple[SpaceId, Parcel]:
        """A firm."""
        event = SpaceCreated(
            sort="organisation", title=title, parent=None, account=self.account,
            providers=(self.place.services.log.provider,), address_form="sie",
        )  # fmt: skip
        space, parcel = self.pen.write(None, event)
        return SpaceId(space), parcel

    async def sets_up(self, name: str, firm: str, handle: str, password: str = PASSWORD) -> SpaceId:
        """Open the first account of a firm with a set-up link; the firm's space."""
        token = await self.place.services.log.write(make_setup_link)
        parcels = self.opening(name)
        space, founding = self.founding(firm)
        body = {"proof": {"setup": token}, "handle": handle, "password": password, "parcels": [*parcels, founding]}
        answer = await self.post("/api/accounts", body)
        assert answer.status_code == 201, answer.text
        return space

    async def invites(self, space: str, role: str = "member", **limits: Any) -> "Link":
        """Make an invitation; the link as one would send it."""
        key = DeviceKey.generate()
        event = InvitationMade(
            key=b64(key.public.raw), role=role, expires_at=limits.get("expires_at"),  # type: ignore[arg-type]
            uses_max=limits.get("uses_max"), note="",
        )  # fmt: skip
        return Link(space, await self.writes(space, event), key)

    async def registers(
        self, link: "Link", name: str, handle: str, password: str = PASSWORD, heads: list[str] | None = None
    ) -> httpx.Response:
        """Open an account with an invitation and join where it leads."""
        if heads is None:
            heads = (await self.get(f"/api/invitations/{link.invitation}")).json().get("heads", [])
        parcels = self.opening(name)
        joined = link.join(self.account)
        _, join = self.pen.write(link.space, joined, heads)
        body = {
            "proof": {"invitation": {"id": link.invitation, "sig": joined.proof}}, "handle": handle,
            "password": password, "parcels": [*parcels, join],
        }  # fmt: skip
        return await self.post("/api/accounts", body)

    async def joins(self, link: "Link") -> dict[str, Any]:
        """Join with an account that exists; what became of it."""
        preview = (await self.get(f"/api/invitations/{link.invitation}")).json()
        outcome, _ = await self.tries(link.space, link.join(self.account), ah=preview.get("heads", []))
        return outcome

    async def signs_in(self, handle: str, password: str = PASSWORD, code: str | None = None) -> httpx.Response:
        body = {"handle": handle, "password": password, "code": code, "device": self.pen.public}
        answer = await self.post("/api/sessions", body)
        if answer.status_code == 201:
            self.account = AccountId(answer.json()["account"])
        return answer


class Link:
    """An invitation's link: where it leads, its id, the private half of its key."""

    def __init__(self, space: str, invitation: CoreId, key: DeviceKey) -> None:
        self.space, self.invitation, self.key = space, invitation, key

    def join(self, account: str, key: DeviceKey | None = None) -> MemberJoined:
        message = b"verbund/join/1\0" + self.space.encode() + b"\0" + account.encode()
        proof = b64((key or self.key).sign(message))
        return MemberJoined(account=AccountId(account), invitation=self.invitation, proof=proof, parent_heads=())


class Place:
    """A provider that runs, with its data in a folder."""

    def __init__(self, folder: Path, database: str = "", now_ms: int = START_MS, **given: Any) -> None:
        self.clock = Clock(now_ms)
        settings = prepare(
            Settings(data=str(folder), port=8420, meet="off", name="Werkhof", database=database, **given)
        )
        self.services = Services(settings, capabilities, self.clock)
        self.app = Application(self.services)
        self.origin = settings.origin

    def browser(self, address: str = "192.0.2.7") -> Browser:
        return Browser(self, address=address)

    async def firm(self, title: str = "Tischlerei Lindner", handle: str = "anna") -> tuple[Browser, SpaceId]:
        """Somebody with a firm of their own."""
        browser = self.browser()
        return browser, await browser.sets_up(handle.capitalize(), title, handle)

    async def colleague(self, boss: Browser, space: str, handle: str, role: str = "member") -> Browser:
        """Somebody who came in by an invitation."""
        browser = self.browser()
        answer = await browser.registers(await boss.invites(space, role), handle.capitalize(), handle)
        assert answer.status_code == 201, answer.text
        return browser


@asynccontextmanager
async def running(folder: Path, database: str = "", **given: Any) -> AsyncIterator[Place]:
    """A provider from its start to its end; settings may be given."""
    place = Place(folder, database, **given)
    await place.services.start()
    wired = SpacesService in capabilities.SERVICES
    extra: list[Any] = [] if wired else [SpacesService(place.services), AccountsService(place.services)]
    for service in extra:
        await service.start()
    try:
        yield place
    finally:
        for service in extra:
            await service.stop()
        await place.services.stop()


__all__ = ["PASSWORD", "Browser", "Clock", "Link", "Pen", "Place", "running"]
