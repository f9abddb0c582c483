"""Shapes that the screen of an organisation's places and the operator's list are given."""

from msgspec import Struct

from verbund.partners.schemas import PartnerStatus

#: Where the running server leaves its Report, in the data folder; not part of a backup.
REPORT_FILE = "run/partners.json"


class PlaceShape(Struct):
    """A provider that holds the organisation, or may be chosen to.

    `state`: own, agreed, ended, or named (the organisation names it, but there is no partnership with it here).
    `home`: the organisation has chosen it as its home.
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
    home: bool
    agreed_at: int | None
    #: The agreement that both agreed to: its SHA-256, and the version where this release knows it.
    text: str | None
    version: str | None
    fate: dict[str, str]
    linked: bool | None
    lag_ms: int | None
    equal_at: int | None
    #: How often it was found to tell two histories of what it keeps.
    proofs: int


class Places(Struct):
    """Where an organisation lives and could live, this provider first; how many spaces and people that is about."""

    places: list[PlaceShape]
    spaces: int
    people: int
    may_choose: bool
    #: Whether a machine of the organisation's own may be connected.
    may_connect: bool


class OfficeRequest(Struct, forbid_unknown_fields=True):
    """For which organisation."""

    space: str


class OfficeCode(Struct):
    """The code that connects a machine of the organisation's own, and its last moment (ms)."""

    code: str
    expires_at: int


class Report(Struct, frozen=True):
    """How the links stand at a time (ms)."""

    at: int
    links: list[PartnerStatus]
