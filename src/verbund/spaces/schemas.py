"""Shapes that spaces send, each with the viewer's abilities."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection

from verbund.base.ids import AccountId, BlobHash, CoreId, DeviceId, ProviderId, SpaceId

#: What other parts add to the spaces of /api/me: (connection, spaces, viewer) → space → fields.
Enricher = Callable[[Connection, Sequence[SpaceId], AccountId], Mapping[SpaceId, Mapping[str, Any]]]


class Person(Struct):
    """The viewer."""

    id: AccountId
    name: str
    status: str
    picture: BlobHash | None
    handle: str | None


class SpaceSummary(Struct):
    """A space in the viewer's list. `heads`, `ds`, `dp`: how this browser's device goes on there; `holders`: at how
    many providers it lives.
    """

    id: SpaceId
    sort: str
    title: str
    parent: SpaceId | None
    role: str
    abilities: list[str]
    archived: bool
    address_form: str
    people: list[AccountId]
    channels: list[Any]
    vector: dict[str, int]
    heads: list[CoreId]
    ds: int
    dp: CoreId | None
    holders: int = 1


class Host(Struct, frozen=True):
    """A provider that holds spaces of the viewer, and its address. `home`: an organisation of theirs says so."""

    provider: ProviderId
    name: str
    url: str
    home: bool = False


class SignedHosts(Struct, frozen=True):
    """The viewer's hosts as their provider signs them. `said`: canonical text with account, at (ms), hosts, provider;
    `sig`: over it, by `key`; `alg`, `root`, `number`, `until`, `revoked`, `certified`: what the root key says of `key`.
    """

    said: str
    sig: str
    alg: str
    root: str
    key: str
    number: int
    until: int
    revoked: list[int]
    certified: str


class Holder(Struct, frozen=True):
    """A provider that holds a space, with its root key; empty where no fact says it."""

    provider: ProviderId
    name: str
    url: str
    alg: str
    key: str


class Me(Struct):
    """What the app starts from. `names`: people of the viewer's conversations, so that they have a title.

    `hosts`: where the viewer can go on, this provider first; `signed`: the same, as a browser believes it. `left`:
    spaces that this provider holds and that the viewer does not belong to any more. `home`: the provider that the
    viewer's organisation has chosen as its home.
    """

    account: Person
    device: str
    organisation: SpaceId | None
    address_form: str
    personal: SpaceId
    names: dict[str, str]
    spaces: list[SpaceSummary]
    left: list[SpaceId]
    hosts: list[Host] = []
    signed: SignedHosts | None = None
    home: Host | None = None


class MemberDevice(Struct):
    """A device with its key. `ds`: its last number in this space, for a removal's cut."""

    id: str
    alg: str
    key: str
    sort: str
    label: str
    revoked: bool
    ds: int


class MemberShape(Struct):
    """Somebody in a space. `gone`: no longer here, but what they wrote is; since `left_at` (ms), by `left_by`."""

    account: AccountId
    name: str
    status: str
    picture: BlobHash | None
    role: str | None
    online: bool
    gone: bool
    devices: list[MemberDevice]
    left_at: int | None = None
    left_by: AccountId | None = None


class SpaceDetails(Struct):
    """A space as its page shows it."""

    id: SpaceId
    sort: str
    title: str
    description: str
    address_form: str
    parent: SpaceId | None
    role: str
    abilities: list[str]
    archived: bool
    founder: AccountId
    founded_at: int
    members: int
    providers: list[str]


class MotionShape(Struct):
    """What an owner wants that cannot be taken back: it takes place at `ripe_at` (ms), or when another owner agrees."""

    id: CoreId
    deed: str
    target: str
    reason: str
    by: AccountId
    at: int
    ripe_at: int
    abilities: list[str]


class TwofoldDevice(Struct):
    """A device that gave one number to two facts: `count` of them are set aside, the last written at `at` (ms).
    `revoked_at`: when it was signed out, if it was."""

    dev: DeviceId
    label: str
    account: AccountId
    name: str
    count: int
    at: int
    revoked_at: int | None


class InvitationShape(Struct):
    """An invitation as those see it who may invite. `usable`, else `reason`: a refusal's code."""

    id: CoreId
    role: str
    note: str
    made_by: AccountId
    made_at: int
    expires_at: int | None
    uses_max: int | None
    uses: int
    usable: bool
    reason: str | None


class InvitationPreview(Struct):
    """An invitation as its holder sees it before joining. What cannot be used tells nothing of the space."""

    invitation: CoreId
    usable: bool
    reason: str | None
    space: SpaceId | None = None
    title: str = ""
    sort: str = ""
    parent: SpaceId | None = None
    organisation_title: str = ""
    address_form: str = "sie"
    by: str = ""
    role: str = ""
    expires_at: int | None = None
    joined: bool = False
    heads: list[CoreId] = []


class OpenSpace(Struct):
    """A team that the viewer may join as a colleague. `heads` for `ah`, `parent_heads` for the join and its `re`."""

    id: SpaceId
    title: str
    description: str
    parent: SpaceId
    members: int
    heads: list[CoreId]
    parent_heads: list[CoreId]
