"""The ASGI application: origin, cookie and headers first, then the socket, the routes, the app's files."""

import asyncio
import logging
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import urlsplit

from litestar import Litestar, Request
from litestar.config.compression import CompressionConfig
from litestar.di import Provide
from litestar.openapi.config import OpenAPIConfig

from verbund import __version__
from verbund.accounts.queries import COOKIE, SECURE_COOKIE, caller_of
from verbund.accounts.schemas import Caller
from verbund.base.refusal import Refusal
from verbund.base.settings import LOCAL_HOSTS, Settings
from verbund.web import capabilities
from verbund.web.composition import Services
from verbund.web.problems import HANDLERS, language_of, problem
from verbund.web.shell import Shell, security_headers, with_headers

BODY_BYTES_MAX = 8 * 1024 * 1024
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
SERVED = ("/api/", "/blobs/", "/media/", "/schema")
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


class Application:
    """One provider as an ASGI application."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.settings: Settings = services.settings
        self.shell = Shell(services.app_folder)
        self._headers = security_headers(self.shell.csp, self.settings.secure)
        self.http = self._litestar()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "websocket":
            await self._socket(scope, receive, send)
        else:
            await self._request(scope, receive, with_headers(send, self._headers))

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
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        path: str = scope["path"]
        if scope["method"] not in SAFE_METHODS and not self._own_origin(headers):
            await _answer(send, *problem(ForeignOrigin(), language_of(headers.get("accept-language", ""))))
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
            self._headers[:] = security_headers(self.shell.csp, self.settings.secure)
        asset = await asyncio.to_thread(self.shell.asset, path, accepted)
        status = 200
        if asset is None and path.rsplit("/", 1)[-1].count("."):
            status, body = problem(Refusal(), "de")
            await _answer(send, 404, body)
            return
        if asset is None:
            asset = await asyncio.to_thread(self.shell.index, accepted)
        length = (b"content-length", str(len(asset.body)).encode())
        await send({"type": "http.response.start", "status": status, "headers": [*asset.headers, length]})
        await send({"type": "http.response.body", "body": asset.body})

    def _true_address(self, path: str, headers: dict[str, str]) -> str:
        """On one's own machine there is one address, so that there is one cookie and one cache."""
        wanted, host = urlsplit(self.settings.origin), headers.get("host", "")
        local = host.rsplit(":", 1)[0].strip("[]") in LOCAL_HOSTS and wanted.hostname in LOCAL_HOSTS
        return f"{self.settings.origin}{path}" if local and host != wanted.netloc and not path.startswith("//") else ""

    def _own_origin(self, headers: dict[str, str]) -> bool:
        """With a cookie the exact origin is demanded; without one there is nothing to forge."""
        return headers.get("origin") == self.settings.origin or ("cookie" not in headers and "origin" not in headers)

    async def _socket(self, scope: Any, receive: Any, send: Any) -> None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        await receive()
        if scope["path"] != "/live" or headers.get("origin") != self.settings.origin:
            await send({"type": "websocket.close", "code": 4403, "reason": ForeignOrigin.code})
            return
        caller = await asyncio.to_thread(self._caller, headers.get("cookie", ""))
        if caller is None:
            await send({"type": "websocket.accept"})
            await send({"type": "websocket.close", "code": 4401, "reason": SignedOut.code})
            return
        await send({"type": "websocket.accept"})
        await self.services.sockets.serve(caller, language_of(headers.get("accept-language", "")), receive, send)

    def _caller(self, cookie: str) -> Caller | None:
        token = token_of(cookie, self.settings.secure)
        if not token:
            return None
        with self.services.store.read() as connection:
            return caller_of(connection, token, self.services.clock.now_ms())

    def _litestar(self) -> Litestar:
        services = self.services

        async def maybe_caller(request: Request[Any, Any, Any]) -> Caller | None:
            return await asyncio.to_thread(self._caller, request.headers.get("cookie", ""))

        async def caller(maybe_caller: Caller | None) -> Caller:
            if maybe_caller is None:
                raise SignedOut()
            return maybe_caller

        given = {
            "log": services.log, "store": services.store, "settings": services.settings, "live": services.live,
            "clock": services.clock, "services": services, **services.parts,
        }  # fmt: skip
        provided = {name: Provide(_giver(value), sync_to_thread=False) for name, value in given.items()}
        provided |= {"maybe_caller": Provide(maybe_caller), "caller": Provide(caller)}
        return Litestar(
            route_handlers=capabilities.routes(),
            dependencies=provided,
            exception_handlers=HANDLERS,
            request_max_body_size=BODY_BYTES_MAX,
            compression_config=CompressionConfig(
                backend="gzip", minimum_size=1024, gzip_compress_level=5, exclude=["^/blobs/", "^/media/"]
            ),
            openapi_config=OpenAPIConfig(title="Verbund", version=__version__, path="/schema"),
            logging_config=None,
        )


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


def _giver(value: Any) -> Any:
    def give() -> Any:
        return value

    return give


async def _answer(send: Any, status: int, body: bytes) -> None:
    headers = [(b"content-type", b"application/problem+json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
