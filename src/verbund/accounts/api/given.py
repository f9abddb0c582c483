"""What the handlers of accounts are given, and the cookies that they set."""

from typing import Any

from litestar import Request, Response
from litestar.datastructures import Cookie
from litestar.di import NamedDependency, Provide

from verbund.accounts.gate import Admitted, Gate, Visitor
from verbund.accounts.queries import COOKIE, SECURE_COOKIE
from verbund.accounts.schemas import Signed
from verbund.base.settings import Settings

SESSION_S = 60 * 24 * 3600
KNOWN_S = 365 * 24 * 3600
KNOWN_COOKIE = "verbund_known"
HEADER_CHARS_MAX = 400


def _gate(services: NamedDependency[Any]) -> Gate:
    """The process's one gate, made at its first use."""
    found: Gate | None = services.parts.get("gate")
    if found is None:
        found = services.parts["gate"] = Gate(
            services.settings, services.clock, services.log, services.parts["bearers"]
        )
    return found


def _visitor(request: Request[Any, Any, Any]) -> Visitor:
    agent = request.headers.get("user-agent", "")[:HEADER_CHARS_MAX]
    return Visitor(request.client.host if request.client else None, agent, request.cookies.get(KNOWN_COOKIE))


gate = Provide(_gate, sync_to_thread=False)
visitor = Provide(_visitor, sync_to_thread=False)


def came_in(admitted: Admitted, settings: Settings, status: int = 201) -> Response[Signed]:
    """The answer to who came in, with the cookies of the session and of a browser that is known."""
    cookies = [
        _cookie(settings, SECURE_COOKIE if settings.secure else COOKIE, admitted.token, SESSION_S),
        _cookie(settings, KNOWN_COOKIE, admitted.known, KNOWN_S),
    ]
    return Response(admitted.signed, status_code=status, cookies=cookies, headers={"cache-control": "no-store"})


def went_out(settings: Settings) -> Response[None]:
    """The answer to who signed out: the session's cookie ends, the browser stays known."""
    cookie = _cookie(settings, SECURE_COOKIE if settings.secure else COOKIE, "", 0)
    return Response(None, status_code=204, cookies=[cookie])


def _cookie(settings: Settings, name: str, value: str, max_age: int) -> Cookie:
    return Cookie(
        key=name, value=value, max_age=max_age, path="/", httponly=True, samesite="lax", secure=settings.secure
    )
