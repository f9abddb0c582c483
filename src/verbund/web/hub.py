"""Who is here: connections, whom they follow, and the fan-out that encodes once."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Protocol

import msgspec

from verbund.accounts.schemas import Caller
from verbund.base.ids import AccountId, DeviceId, SpaceId, random_id
from verbund.log import entry as entries
from verbund.log.appended import Appended

OUTBOX_FRAMES_MAX = 512
OUTBOX_BYTES_MAX = 4 * 1024 * 1024
Handler = Callable[["Connection", Any], Awaitable[Any]]
log = logging.getLogger(__name__)


#: What passes that the people of a space hear at other providers too.
RELAYED = frozenset({"typing"})
Elsewhere = Callable[[SpaceId, str, Any, AccountId | None], None]


def _uncounted(_space: SpaceId) -> None:
    """Where there are no partners."""


def _nowhere(_space: SpaceId, _kind: str, _data: Any, _by: AccountId | None) -> None:
    """Where there are no partners."""


class Wire(Protocol):
    """The way out to a browser: takes whole frames, in order."""

    @property
    def is_full(self) -> bool:
        """Whether frames should wait until there is room again."""

    def write(self, text: bytes) -> None: ...


class Connection:
    """One browser's socket. What its wire has no room for waits in a bounded queue; whoever is too slow is dropped and
    resumes by vector.
    """

    __slots__ = ("_bytes", "_waiting", "_wire", "caller", "following", "held", "id", "language", "over", "submits")

    def __init__(self, caller: Caller, language: str, wire: Wire) -> None:
        self.id = random_id()
        self.caller, self.language = caller, language
        self.following: set[SpaceId] = set()
        #: Spaces whose backlog is being sent: what comes meanwhile waits here.
        self.held: dict[SpaceId, list[bytes]] = {}
        #: Frames of submitted parcels that are not answered yet.
        self.submits = 0
        #: Why it ended, once it has.
        self.over: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._wire = wire
        self._waiting: list[bytes] = []
        self._bytes = 0

    @property
    def account(self) -> AccountId:
        return self.caller.account

    @property
    def device(self) -> DeviceId:
        return self.caller.device

    def send(self, frame: bytes) -> None:
        """Write a frame, or let it wait; drop the connection when it does not keep up."""
        if self.over.done():
            return
        if not self._waiting and not self._wire.is_full:
            self._wire.write(frame)
            return
        self._waiting.append(frame)
        self._bytes += len(frame)
        if len(self._waiting) > OUTBOX_FRAMES_MAX or self._bytes > OUTBOX_BYTES_MAX:
            self.close("live.too_slow")

    def send_json(self, frame: dict[str, Any]) -> None:
        self.send(msgspec.json.encode(frame))

    def close(self, code: str) -> None:
        """Say goodbye and end; what waits is let go, for the log has it."""
        if not self.over.done():
            self.over.set_result(code)
            self._waiting.clear()
            self._wire.write(msgspec.json.encode({"f": "bye", "code": code}))

    def drained(self) -> None:
        """The wire has room again."""
        waiting, self._waiting, self._bytes = self._waiting, [], 0
        for frame in waiting:
            self.send(frame)


class Hub:
    """Everybody who is here. Lives in the loop's thread."""

    def __init__(self) -> None:
        self.connections: dict[str, Connection] = {}
        self._followers: dict[SpaceId, set[Connection]] = defaultdict(set)
        self._accounts: dict[AccountId, set[Connection]] = defaultdict(set)
        self._handlers: dict[str, Handler] = {}
        self._gone: list[Callable[[Connection], None]] = []
        self._followed: list[Callable[[Connection, SpaceId], None]] = []
        self._came: list[Callable[[Connection], None]] = []
        #: How many commits were told.
        self.commits = 0
        #: What is safe in a space now; None where nobody counts it.
        self.durable_of: Callable[[SpaceId], entries.Vector | None] = _uncounted
        #: Passes something on to the other providers of a space.
        self.elsewhere: Elsewhere = _nowhere

    def on(self, method: str, handler: Handler) -> None:
        """Answer calls of this method; a Refusal becomes the error of the reply."""
        self._handlers[method] = handler

    def handler(self, method: str) -> Handler | None:
        return self._handlers.get(method)

    def on_follow(self, callback: Callable[[Connection, SpaceId], None]) -> None:
        self._followed.append(callback)

    def on_gone(self, callback: Callable[[Connection], None]) -> None:
        """Called while the connection still follows what it followed."""
        self._gone.append(callback)

    def on_came(self, callback: Callable[[Connection], None]) -> None:
        self._came.append(callback)

    def add(self, connection: Connection) -> None:
        self.connections[connection.id] = connection
        self._accounts[connection.account].add(connection)
        for call in self._came:
            call(connection)

    def remove(self, connection: Connection) -> None:
        for call in self._gone:
            call(connection)
        self.connections.pop(connection.id, None)
        self.unfollow(connection, list(connection.following))
        self._accounts[connection.account].discard(connection)
        if not self._accounts[connection.account]:
            del self._accounts[connection.account]

    def follow(self, connection: Connection, space: SpaceId) -> None:
        connection.following.add(space)
        self._followers[space].add(connection)
        for call in self._followed:
            call(connection, space)

    def unfollow(self, connection: Connection, spaces: Iterable[SpaceId]) -> None:
        for space in spaces:
            connection.following.discard(space)
            connection.held.pop(space, None)
            followers = self._followers.get(space)
            if followers is not None:
                followers.discard(connection)
                if not followers:
                    del self._followers[space]

    def told(self, appended: Appended) -> None:
        """What a commit appended goes to the followers: one frame per space, encoded once."""
        self.commits += 1
        by_space: dict[SpaceId, list[bytes]] = {}
        for space, written, _ in appended:
            if space in self._followers:
                by_space.setdefault(space, []).append(written.raw)
        for space, encoded_entries in by_space.items():
            followers = self._followers.get(space)
            if followers:
                frame = entries.frame(space, encoded_entries)
                for connection in tuple(followers):
                    held = connection.held.get(space)
                    if held is None:
                        connection.send(frame)
                    else:
                        held.append(frame)

    def durable(self, space: SpaceId, vector: entries.Vector) -> None:
        """More of a space is safe: everybody who follows it may let go of what this covers."""
        frame = msgspec.json.encode({"f": "durable", "sp": space, "v": vector})
        for connection in tuple(self._followers.get(space, ())):
            if space not in connection.held:
                connection.send(frame)

    def tell_durable(self, connection: Connection, space: SpaceId) -> None:
        """What is safe now, for somebody who has just caught up."""
        vector = self.durable_of(space)
        if vector is not None:
            connection.send_json({"f": "durable", "sp": space, "v": vector})

    def is_followed(self, space: SpaceId) -> bool:
        return space in self._followers

    def signal(
        self, space: SpaceId, kind: str, data: Any, account: AccountId | None = None, by: AccountId | None = None,
        device: DeviceId | None = None, skip: Connection | None = None,
    ) -> None:  # fmt: skip
        """Tell who follows the space (or one account, one device of them) something that passes."""
        self.signal_here(space, kind, data, account, by, device, skip)
        if kind in RELAYED:
            self.elsewhere(space, kind, data, by)

    def signal_here(
        self, space: SpaceId, kind: str, data: Any, account: AccountId | None = None, by: AccountId | None = None,
        device: DeviceId | None = None, skip: Connection | None = None,
    ) -> None:  # fmt: skip
        """The same, to those only who are at this provider."""
        frame = msgspec.json.encode({"f": "signal", "sp": space, "k": kind, "d": data, "by": by})
        for connection in tuple(self._followers.get(space, ())):
            wanted = account in (None, connection.account) and device in (None, connection.device)
            if wanted and connection is not skip:
                connection.send(frame)

    def tell_account(self, account: AccountId, frame: dict[str, Any]) -> None:
        """A frame to every connection of a person."""
        for connection in tuple(self._accounts.get(account, ())):
            connection.send_json(frame)

    def followers(self, space: SpaceId) -> set[AccountId]:
        return {connection.account for connection in self._followers.get(space, ())}

    def connections_of(self, account: AccountId) -> set[Connection]:
        return set(self._accounts.get(account, ()))

    def close_device(self, device: DeviceId) -> None:
        """A device was signed out: its sockets end now."""
        for connection in [one for one in self.connections.values() if one.device == device]:
            connection.close("accounts.signed_out")

    def close_session(self, session: str) -> None:
        for connection in [one for one in self.connections.values() if one.caller.session == session]:
            connection.close("accounts.signed_out")

    def close_all(self, code: str) -> None:
        for connection in list(self.connections.values()):
            connection.close(code)
