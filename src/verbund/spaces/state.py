"""Authority as a state: who belongs to a space and what they may do there. Pure; history.py says which facts count."""

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import NamedTuple, Protocol

from verbund.base.clock import ms_of
from verbund.base.ids import AccountId, CoreId, DeviceId, ProviderId, SpaceId
from verbund.base.refusal import Refusal, Unknown

GUEST, MEMBER, ADMIN, OWNER = "guest", "member", "admin", "owner"
RANK: dict[str | None, int] = {None: 0, GUEST: 1, MEMBER: 2, ADMIN: 3, OWNER: 4}

READ, POST, CALL, LEAVE = "read", "post", "call", "leave"
ADD_CHANNEL, ADD_FILM, CREATE_SPACE = "add_channel", "add_film", "create_space"
INVITE, DESCRIBE, MODERATE, MEMBERS = "invite", "describe", "moderate", "members"
ROLES, ARCHIVE, PROVIDERS = "roles", "archive", "providers"

_GUEST = frozenset({READ, POST, CALL, LEAVE})
_MEMBER = _GUEST | {ADD_CHANNEL, ADD_FILM}
_ADMIN = _MEMBER | {INVITE, DESCRIBE, MODERATE, MEMBERS, ARCHIVE}
_OWNER = _ADMIN | {ROLES, PROVIDERS}
_BY_ROLE = {GUEST: _GUEST, MEMBER: _MEMBER, ADMIN: _ADMIN, OWNER: _OWNER}
_DIRECT = frozenset({READ, POST, CALL, ADD_FILM})
_ALONE = frozenset({READ, POST})
#: What an archived space refuses to everybody.
CONTENT = frozenset({POST, CALL, ADD_CHANNEL, ADD_FILM, CREATE_SPACE, INVITE, DESCRIBE, MODERATE})
NONE: frozenset[str] = frozenset()

#: So long an owner can stop what cannot be taken back: until a fact says that it has taken place.
WINDOW_MS = 24 * 3600 * 1000

Order = tuple[str, int, str]
#: (account, until): what somebody wrote up to then is erased.
Erasure = tuple[AccountId, str]


class NotAllowed(Refusal):
    """de: Das dürfen in diesem Bereich nur andere. Fragen Sie jemanden, der ihn leitet.
    en: In this space only others may do that. Ask somebody who leads it."""

    code = "spaces.not_allowed"
    status = 403


class Archived(Refusal):
    """de: Dieser Bereich ist archiviert. Man kann ihn lesen; wer ihn leitet, kann ihn wieder öffnen.
    en: This space is archived. It can be read; whoever leads it can open it again."""

    code = "spaces.archived"
    status = 409


class Member(NamedTuple):
    """`by`: the fact that made them a member; `since`: its place in the order of facts (earlier = senior)."""

    role: str
    by: CoreId
    since: Order


class Invitation(NamedTuple):
    """An invitation as its maker wrote it. `key`: base64url of an Ed25519 public key."""

    id: CoreId
    key: str
    role: str
    expires_at: int | None
    uses_max: int | None
    by: AccountId
    made: Order
    withdrawn: bool = False


class Removal(NamedTuple):
    """A removal that holds. `own`: they left by themselves."""

    by: CoreId
    cuts: Mapping[DeviceId, int]
    own: bool
    at: Order


class Motion(NamedTuple):
    """What an owner wants that cannot be taken back. `target`: the provider or account; `t`: when it was made."""

    id: CoreId
    deed: str
    target: str
    by: AccountId
    t: str
    seconded_by: AccountId | None = None
    stopped_by: AccountId | None = None
    is_done: bool = False

    @property
    def is_open(self) -> bool:
        """Whether owners can still decide about it."""
        return self.stopped_by is None and not self.is_done

    def has_passed(self, t: str) -> bool:
        """Whether it may take place at this time: seconded, or its day is over; and nobody stopped it."""
        is_ripe = self.seconded_by is not None or ms_of(t) >= ripe_at(self.t)
        return is_ripe and self.stopped_by is None


def ripe_at(t: str) -> int:
    """When a motion that was made at `t` takes place by itself (ms)."""
    return ms_of(t) + WINDOW_MS


class Parent(Protocol):
    """How a state looks at the authority of its parent."""

    def at(self, space: SpaceId, heads: Iterable[CoreId]) -> "Authority | None": ...
    def removed(self, space: SpaceId, core: CoreId) -> AccountId | None: ...


class Unreachable:
    """No parent can be looked at."""

    def at(self, space: SpaceId, heads: Iterable[CoreId]) -> None: ...
    def removed(self, space: SpaceId, core: CoreId) -> None: ...


NO_PARENT: Parent = Unreachable()


class Authority:
    """The state of a space's authority. Changed only while it is folded; whoever gets one reads it."""

    __slots__ = (
        "_above", "_includes", "archived", "erasures", "founder", "home", "invitations", "members", "motions",
        "parent", "providers", "removed", "sort", "space",
    )  # fmt: skip

    def __init__(self, space: SpaceId, sort: str) -> None:
        self.space, self.sort = space, sort
        self.parent: SpaceId | None = None
        self.founder: AccountId | None = None
        self.members: dict[AccountId, Member] = {}
        self.removed: dict[AccountId, Removal] = {}
        self.invitations: dict[CoreId, Invitation] = {}
        self.providers: frozenset[ProviderId] = frozenset()
        self.motions: dict[CoreId, Motion] = {}
        self.erasures: dict[CoreId, Erasure] = {}
        self.home: ProviderId | None = None
        self.archived = False
        self._includes: Callable[[CoreId], bool] = _nothing
        self._above: Parent = NO_PARENT

    def copy(self) -> "Authority":
        """A state of its own to go on from."""
        new = Authority(self.space, self.sort)
        new.parent, new.founder, new.providers = self.parent, self.founder, self.providers
        new.archived, new.home = self.archived, self.home
        new.members, new.removed = dict(self.members), dict(self.removed)
        new.invitations = dict(self.invitations)
        new.motions, new.erasures = dict(self.motions), dict(self.erasures)
        new._includes, new._above = self._includes, self._above
        return new

    def made_of(self, includes: Callable[[CoreId], bool], above: "Parent") -> None:
        """Say which facts this state was made of, and where to look for its parent."""
        self._includes, self._above = includes, above

    def parent_at(self, heads: Iterable[CoreId]) -> "Authority | None":
        """The parent's state for an author who had seen these of its facts; None when it is not known here."""
        return self._above.at(self.parent, heads) if self.parent else None

    def parent_removed(self, core: CoreId) -> AccountId | None:
        """The account that this fact removed from the parent."""
        return self._above.removed(self.parent, core) if self.parent else None

    def includes(self, core: CoreId) -> bool:
        """Whether this fact is among those that the state was made of."""
        return self._includes(core)

    def role_of(self, account: str) -> str | None:
        """owner, admin, member, guest; None for who does not belong here."""
        member = self.members.get(AccountId(account))
        return member.role if member else None

    def rank_of(self, account: str) -> int:
        return RANK[self.role_of(account)]

    def owners(self) -> list[AccountId]:
        return [account for account, member in self.members.items() if member.role == OWNER]

    def may(self, account: str, ability: str) -> bool:
        return ability in self.abilities(account)

    def require(self, account: str, ability: str) -> None:
        """Raises Unknown to strangers, Archived, NotAllowed."""
        if ability in self.abilities(account):
            return
        if self.role_of(account) is None:
            raise Unknown()
        if self.archived and ability in CONTENT:
            raise Archived()
        raise NotAllowed()

    def abilities(self, account: str) -> frozenset[str]:
        """What somebody may do here; sent to the browser as it is."""
        return abilities_of(self.sort, self.role_of(account), self.archived)

    def is_provider(self, provider: str) -> bool:
        """Whether the space lives at this provider. What has no list of its own lives where its people are."""
        return provider in self.providers or self.sort in ("direct", "personal", "account")


@cache  # a few dozen combinations
def abilities_of(sort: str, role: str | None, archived: bool) -> frozenset[str]:
    """What a role may do in a space of this sort."""
    if role is None:
        return NONE
    if sort in ("direct", "personal", "account"):
        return _DIRECT if sort == "direct" else _ALONE
    able = _BY_ROLE[role]
    if RANK[role] >= RANK[MEMBER]:
        if sort in ("private", "meeting"):
            able = able | {INVITE}
        if sort == "organisation":
            able = able | {CREATE_SPACE}
    return able - CONTENT if archived else able


def _nothing(_core: CoreId) -> bool:
    return False
