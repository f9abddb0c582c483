"""Shapes that the screen of an organisation's places is given."""

from msgspec import Struct


class PlaceShape(Struct):
    """A provider that holds the organisation, or may be chosen to.

    `state`: own, agreed, ended, or named (the organisation names it, but there is no partnership with it here).
    `fate`: domain, network, authority, release → same, apart or unknown. `lag_ms`: how far it is behind; None: unknown.
    """

    provider: str
    name: str
    place: str
    contact: str
    url: str
    alg: str
    key: str
    state: str
    holds: bool
    agreed_at: int | None
    text: str | None
    version: str | None
    fate: dict[str, str]
    linked: bool | None
    lag_ms: int | None
    equal_at: int | None


class Places(Struct):
    """Where an organisation lives and could live; this provider first. `text`: the agreement itself, by version."""

    places: list[PlaceShape]
    spaces: int
    people: int
    may_choose: bool
