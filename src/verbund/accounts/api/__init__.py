"""HTTP of accounts: parse, name the caller, hand over."""

from typing import Any

from litestar import Router

from verbund.accounts.api import cards, opening, pairing, security, sessions, visits
from verbund.accounts.api.given import gate, visitor

ROUTES: list[Any] = [
    Router(
        "/api",
        route_handlers=[
            *opening.HANDLERS,
            *sessions.HANDLERS,
            *security.HANDLERS,
            *cards.HANDLERS,
            *pairing.HANDLERS,
            *visits.HANDLERS,
        ],
        dependencies={"gate": gate, "visitor": visitor},
    )
]
