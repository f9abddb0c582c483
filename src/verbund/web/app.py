"""The ASGI application: origin, cookie and headers first, then the socket, the routes, the app's files."""

import asyncio
import contextlib
import functools
import logging
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import urlsplit

from litestar import Litestar
from litestar.di import Provide
from litestar.openapi.config import OpenAPIConfig
from litestar.types import Scope

from verbund import __version__
from verbund.accounts.bearers import Bearers
from verbund.accounts.queries import COOKIE, SECURE_COOKIE, caller_of
from verbund.accounts.schemas import Caller
from verbund.base.refusal import Refusal
from verbund.base.settings import LOCAL_HOSTS, Settings
from verbund.web import capabilities
from verbund.web.composition import Services
from verbund.web.compression import packing
from verbund.web.problems import HANDLERS, language_of, problem
from verbund.web.shell import Shell, policy_for, security_headers, with_headers, worker_policy
from verbund.web.socket import TAKEN_AS

BODY_BYTES_MAX = 8 * 1024 * 1024
CLOSE_TIMEOUT_S = 5.0
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
BYTES = ("/blobs/", "/media/", "/partners/", "/exports/")
SERVED = ("/api/", "/schema", "/metrics", *BYTES)
#: What is not served while this provider still has to hear what was erased, and what is all the same.
HELD = ("/api/", "/blobs/", "/media/", "/exports/")
OPEN = ("/api/health", "/api/provider")
#: A browser asks so seldom whether it may ask.
PREFLIGHT_S = 7200
PREFLIGHT = (
    (b"access-control-allow-methods", b"GET, HEAD, POST, PUT, PATCH, DELETE"),
    (b"access-control-allow-headers", b"authorization, content-type, accept-language, range"),
    (b"access-control-max-age", str(PREFLIGHT_S).encode()),
    (b"content-length", b"0"),
)
EXPOSED = b"accept-ranges, content-disposition, content-length, content-range, etag, retry-after"
WORKER = "/service-worker.js"
#: Pages that a link opens which names other addresses: they may ask there.
NAMING = ("/einladung", "/notfall")
#: Where other providers connect; no browser does.
LINK = "/partners/link"
PROTOCOL = "verbund.1"
#: Where a request's scope says which application it is for.
APPLICATION = "verbund.application"
BEARER = "bearer."
log = logging.getLogger(__name__)


class SignedOut(Refusal):
    """de: Sie sind nicht angemeldet. Bitte melden Sie sich an.
    en: You are not signed in. Please sign in."""

    code = "accounts.signed_out"
    status = 401


class ForeignOrigin(Refusal):
    """de: Diese Anfrage kam von einer fremden Seite und wurde nicht ausgeführt.
    en: This request came from a foreign page and was not carried out."""

    code = "web.foreign_origin"
    status = 403


class ComingBack(Refusal):
    """de: Dieser Anbieter kommt gerade zurück und holt nach, was inzwischen gelöscht wurde. Einen Augenblick.
    en: This provider is just coming back and catches up with what was erased meanwhile. One moment."""

    code = "web.coming_back"
    status = 503


class Application:
    """One provider as an ASGI application."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.settings: Settings = services.settings
        self.shell = Shell(services.app_folder)
        self._headers: list[tuple[bytes, bytes]] = []
        self._secure()
        self.given = self._given()
        self.http = routes(frozenset(self.given))

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "websocket":
            await self._socket(scope, receive, send)
        else:
            await self._request(scope, receive, send)

    async def _lifespan(self, receive: Any, send: Any) -> None:
        await receive()
        try:
            await self.services.start()
        except Exception as error:
            log.exception("start failed")
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.services.stop()
        await send({"type": "lifespan.shutdown.complete"})

    async def _request(self, scope: Any, receive: Any, send: Any) -> None:
        headers = _headers_of(scope)
        path: str = scope["path"]
        origin = headers.get("origin", "")
        from_neighbour = origin in await self._neighbours()
        scope = {**scope, APPLICATION: self}
        if path.startswith(SERVED) and not path.startswith(BYTES) and "gzip" in headers.get("accept-encoding", ""):
            send = packing(send)
        send = with_headers(send, self._headers)
        if from_neighbour:
            # A page of another provider is known by its token alone.
            headers.pop("cookie", None)
            scope = {**scope, "headers": [one for one in scope["headers"] if one[0] != b"cookie"]}
            send = with_headers(send, _allowed(origin))
            if scope["method"] == "OPTIONS":
                await send({"type": "http.response.start", "status": 204, "headers": list(PREFLIGHT)})
                await send({"type": "http.response.body", "body": b""})
                return
        if not from_neighbour and not self._own_origin(scope["method"], headers):
            await _answer(send, *problem(ForeignOrigin(), language_of(headers.get("accept-language", ""))))
        elif self._is_coming_back() and path.startswith(HELD) and path not in OPEN:
            await _answer(send, *problem(ComingBack(), language_of(headers.get("accept-language", ""))))
        elif path.startswith(SERVED):
            await self.http(scope, receive, send)
        elif scope["method"] in ("GET", "HEAD"):
            await self._page(path, headers, send)
        else:
            await self.http(scope, receive, send)

    async def _page(self, path: str, headers: dict[str, str], send: Any) -> None:
        elsewhere = self._true_address(path, headers)
        if elsewhere:
            await send({"type": "http.response.start", "status": 307, "headers": [(b"location", elsewhere.encode())]})
            await send({"type": "http.response.body", "body": b""})
            return
        accepted = headers.get("accept-encoding", "")
        if await asyncio.to_thread(self.shell.refresh):
            self._secure()
        asset = await asyncio.to_thread(self.shell.asset, path, accepted)
        status = 200
        if asset is None and path.rsplit("/", 1)[-1].count("."):
            status, body = problem(Refusal(), "de")
            await _answer(send, 404, body)
            return
        is_page = asset is None or path == "/"
        if asset is None:
            asset = await asyncio.to_thread(self.shell.index, accepted)
        if is_page:
            asset.headers.append((b"content-security-policy", (await self._policy(path, headers)).encode()))
        elif path == WORKER:
            asset.headers.append((b"content-security-policy", worker_policy(self.settings.secure).encode()))
        length = (b"content-length", str(len(asset.body)).encode())
        await send({"type": "http.response.start", "status": status, "headers": [*asset.headers, length]})
        await send({"type": "http.response.body", "body": asset.body})

    def _is_coming_back(self) -> bool:
        homecoming = self.services.parts.get("homecoming")
        return homecoming is not None and homecoming.holds

    def _true_address(self, path: str, headers: dict[str, str]) -> str:
        """On one's own machine there is one address, so that there is one cookie and one cache."""
        wanted, host = urlsplit(self.settings.origin), headers.get("host", "")
        local = host.rsplit(":", 1)[0].strip("[]") in LOCAL_HOSTS and wanted.hostname in LOCAL_HOSTS
        return f"{self.settings.origin}{path}" if local and host != wanted.netloc and not path.startswith("//") else ""

    def _own_origin(self, method: str, headers: dict[str, str]) -> bool:
        """To change something with a cookie the exact origin is demanded; without one there is nothing to forge.

        A token that a foreign page shows is refused whatever it asks for.
        """
        if headers.get("origin", self.settings.origin) != self.settings.origin:
            return method in SAFE_METHODS and "authorization" not in headers
        return method in SAFE_METHODS or "origin" in headers or "cookie" not in headers

    def _secure(self) -> None:
        """What answers carry that are no page."""
        policy = policy_for(self.shell.csp, self.settings.origin, ())
        self._headers[:] = security_headers(policy, self.settings.secure)

    async def _policy(self, path: str, headers: dict[str, str]) -> str:
        """A page may speak to where its reader can go on, and to nobody else."""
        if path in NAMING:
            others = await self._neighbours()
        else:
            others = await asyncio.to_thread(self._others_of, headers.get("cookie", ""))
        return policy_for(self.shell.csp, self.settings.origin, others)

    def _others_of(self, cookie: str) -> tuple[str, ...]:
        """The other providers of whoever shows this cookie."""
        caller = self._caller("", cookie)
        if caller is None:
            return ()
        with self.services.store.read() as connection:
            hosts = self.services.neighbours.hosts(connection, caller.account)
        return tuple(host.url for host in hosts if host.url != self.settings.origin)

    async def _neighbours(self) -> tuple[str, ...]:
        neighbours = self.services.neighbours
        return neighbours.held if neighbours.held is not None else await asyncio.to_thread(neighbours.origins)

    async def _socket(self, scope: Any, receive: Any, send: Any) -> None:
        headers = _headers_of(scope)
        await receive()
        if scope["path"] == LINK and "origin" not in headers:
            await send({"type": "websocket.accept"})
            await self.services.parts["partners"].serve(receive, send)
            return
        origin = headers.get("origin", "")
        is_own = origin == self.settings.origin
        if scope["path"] != "/live" or not (is_own or origin in await self._neighbours()):
            await send({"type": "websocket.close", "code": 4403, "reason": ForeignOrigin.code})
            return
        offered = scope.get("subprotocols") or []
        token = next((one.removeprefix(BEARER) for one in offered if one.startswith(BEARER)), "")
        chosen = {"subprotocol": PROTOCOL} if PROTOCOL in offered else {}
        caller = await self._who(token, headers.get("cookie", "") if is_own else "")
        await send({"type": "websocket.accept", **chosen})
        if caller is None or self._is_coming_back():
            code, reason = (4401, SignedOut.code) if caller is None else (4503, ComingBack.code)
            await send({"type": "websocket.close", "code": code, "reason": reason})
            return
        language = language_of(headers.get("accept-language", ""))
        ended = await self.services.sockets.serve(caller, language, scope["extensions"][TAKEN_AS])
        with contextlib.suppress(OSError, RuntimeError, TimeoutError):  # the other side is gone, or does not read
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await send({"type": "websocket.close", "code": 1000, "reason": ended})

    async def _who(self, bearer: str, cookie: str) -> Caller | None:
        """As `_caller`; whoever was found good and has not been written of since needs no look at the store."""
        bearers: Bearers = self.services.parts["bearers"]
        known, commits = bearers.known(bearer) if bearer else None, bearers.commits
        if known is not None:
            return known
        found = await self.services.store.look(self._caller, bearer, cookie)
        if bearer and found is not None:
            bearers.remember(found.account, found.device, commits)
        return found

    def _caller(self, bearer: str, cookie: str) -> Caller | None:
        """Who shows this token, or this cookie; where there is a token, nothing else counts."""
        token = "" if bearer else token_of(cookie, self.settings.secure)
        if not bearer and not token:
            return None
        with self.services.store.read() as connection:
            if bearer:
                bearers: Bearers = self.services.parts["bearers"]
                return bearers.caller(connection, bearer)
            return caller_of(connection, token, self.services.clock.now_ms())

    def _given(self) -> dict[str, Any]:
        """What a route may ask for, by the name of its parameter."""
        services = self.services
        return {
            "log": services.log, "store": services.store, "settings": services.settings, "live": services.live,
            "clock": services.clock, "services": services, **services.parts,
        }  # fmt: skip

    async def caller(self, headers: dict[str, str]) -> Caller | None:
        """Who asks."""
        scheme, _, token = headers.get("authorization", "").partition(" ")
        bearer = token if scheme.lower() == "bearer" else ""
        is_own = headers.get("origin", self.settings.origin) == self.settings.origin
        return await self._who(bearer, headers.get("cookie", "") if is_own else "")


@functools.cache
def routes(given: frozenset[str]) -> Litestar:
    """All routes, the same for every application of a process: what they are given they find in the request's scope."""

    async def maybe_caller(scope: Scope) -> Caller | None:
        return await _application(scope).caller(_headers_of(scope))

    async def caller(maybe_caller: Caller | None) -> Caller:
        if maybe_caller is None:
            raise SignedOut()
        return maybe_caller

    provided = {name: Provide(_giver(name), sync_to_thread=False) for name in given}
    provided |= {"maybe_caller": Provide(maybe_caller), "caller": Provide(caller)}
    app = Litestar(
        route_handlers=capabilities.routes(),
        dependencies=provided,
        exception_handlers=HANDLERS,
        request_max_body_size=BODY_BYTES_MAX,
        openapi_config=OpenAPIConfig(title="Verbund", version=__version__, path="/schema"),
        logging_config=None,
    )
    _ask_in_turn(app)
    return app


def _ask_in_turn(app: Litestar) -> None:
    """What a route is given lies ready. Where there is more than one thing to give, Litestar makes a group of tasks for
    each request: that takes longer than the giving."""
    for route in app.routes:
        for _, model in getattr(route, "route_handler_map", {}).values():
            model.dependency_batches = [{one} for batch in model.dependency_batches for one in batch]


def create_app(settings: Settings) -> Application:
    """The application for these settings."""
    return Application(Services(settings, capabilities))


def token_of(cookie: str, secure: bool) -> str:
    """The session's token in a Cookie header; empty when there is none."""
    try:
        jar = SimpleCookie(cookie)
    except CookieError:
        return ""
    morsel = jar.get(SECURE_COOKIE if secure else COOKIE)
    return morsel.value if morsel else ""


def _headers_of(scope: Any) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


def _allowed(origin: str) -> list[tuple[bytes, bytes]]:
    """A neighbour's page may read the answer; no cookie is ever taken from it."""
    return [
        (b"access-control-allow-origin", origin.encode()),
        (b"access-control-expose-headers", EXPOSED),
        (b"vary", b"origin"),
    ]


def _giver(name: str) -> Any:
    def give(scope: Scope) -> Any:
        return _application(scope).given[name]

    return give


def _application(scope: Any) -> Application:
    found: Application = scope[APPLICATION]
    return found


async def _answer(send: Any, status: int, body: bytes) -> None:
    headers = [(b"content-type", b"application/problem+json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
