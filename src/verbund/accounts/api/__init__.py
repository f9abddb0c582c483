"""HTTP of accounts: parse, name the caller, hand over."""

from typing import Any

from litestar import Router

from verbund.accounts.api import opening, security, sessions
from verbund.accounts.api.given import gate, visitor

ROUTES: list[Any] = [
    Router(
        "/api",
        route_handlers=[*opening.HANDLERS, *sessions.HANDLERS, *security.HANDLERS],
        dependencies={"gate": gate, "visitor": visitor},
    )
]
