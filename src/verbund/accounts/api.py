"""HTTP of accounts: parse, name the caller, hand over."""

from typing import Any

ROUTES: list[Any] = []
