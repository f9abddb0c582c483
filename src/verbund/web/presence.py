"""Who is here, and at the other providers: told to the people of a space when somebody comes and goes. A signal;
nothing of it is kept.

Here is whoever follows a space: a connection that only waits, because its person is at another provider, is nobody's
presence.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator

from verbund.base.ids import AccountId, ProviderId, SpaceId
from verbund.web.hub import Connection, Hub

KIND = "presence"
ONLINE, OFFLINE = "online", "offline"
#: A reload or a short break in the line is not a farewell.
GRACE_S = 6.0
#: Comings and goings are gathered for so long: when many come at once, each hears of all in a few frames.
GATHER_S = 0.1
#: The more are here, the longer: everybody is told of everybody, and when a provider dies hundreds come within seconds.
GATHER_S_MAX = 2.0
GATHER_S_EACH = 0.005
SHOWN_MAX = 500
People = dict[SpaceId, set[AccountId]]
News = dict[SpaceId, dict[AccountId, str]]


class Presence:
    """Watches a hub's comings and goings, and hears those of other providers."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._leaving: dict[AccountId, asyncio.TimerHandle] = {}
        self._elsewhere: dict[ProviderId, People] = {}
        #: Space → who came or went just now: what people here are to be told, and what other providers are.
        self._news: News = defaultdict(dict)
        self._news_elsewhere: News = defaultdict(dict)
        self._telling: asyncio.TimerHandle | None = None
        hub.on_follow(self._followed)
        hub.on_gone(self._gone)

    def online(self, account: AccountId) -> bool:
        return self._is_here(account) or any(
            account in accounts for people in self._elsewhere.values() for accounts in people.values()
        )

    def here(self, space: SpaceId) -> list[AccountId]:
        """Who follows a space here, SHOWN_MAX at most."""
        return sorted(self._hub.followers(space))[:SHOWN_MAX]

    def heard(self, provider: ProviderId, space: SpaceId, accounts: Iterable[AccountId], state: str) -> None:
        """Another provider says of members of a space that they are there, or not any more."""
        people = self._elsewhere.setdefault(provider, defaultdict(set))
        if state == ONLINE:
            fresh = [one for one in accounts if one not in self._around(space)]
            people[space].update(accounts)
        else:
            people[space].difference_update(accounts)
            fresh = [one for one in accounts if one not in self._around(space)]
        self._tell(space, fresh, state)

    def lost(self, provider: ProviderId) -> None:
        """The link is gone; it may come back at once."""
        people = self._elsewhere.pop(provider, None)
        if people:
            asyncio.get_running_loop().call_later(GRACE_S, self._forget, people)

    def _forget(self, people: People) -> None:
        for space, accounts in people.items():
            self._tell(space, [one for one in accounts if one not in self._around(space)], OFFLINE)

    def _around(self, space: SpaceId) -> set[AccountId]:
        return self._hub.followers(space).union(*(people.get(space, ()) for people in self._elsewhere.values()))

    def _is_here(self, account: AccountId, but: Connection | None = None) -> bool:
        return any(one.following for one in self._hub.connections_of(account) if one is not but)

    def _followed(self, connection: Connection, space: SpaceId) -> None:
        """The others learn that somebody is here, the newcomer who is."""
        account = connection.account
        leaving = self._leaving.pop(account, None)
        if leaving is not None:
            leaving.cancel()
        around = sorted(self._around(space))[:SHOWN_MAX]
        connection.send_json({
            "f": "signal", "sp": space, "k": KIND, "by": None,
            "d": {"accounts": around, "state": ONLINE},
        })  # fmt: skip
        others = self._hub.connections_of(account) - {connection}
        if not any(space in one.following for one in others):
            self._tell(space, [account], ONLINE)
            self._pass_on(space, account, ONLINE)

    def _gone(self, connection: Connection) -> None:
        account, spaces = connection.account, set(connection.following)
        if not spaces or self._is_here(account, but=connection) or account in self._leaving:
            return
        loop = asyncio.get_running_loop()
        self._leaving[account] = loop.call_later(GRACE_S, self._left, account, spaces)

    def _left(self, account: AccountId, spaces: set[SpaceId]) -> None:
        self._leaving.pop(account, None)
        if self._is_here(account):
            return
        for space in spaces:
            self._pass_on(space, account, OFFLINE)
            if account not in self._around(space):
                self._tell(space, [account], OFFLINE)

    def _tell(self, space: SpaceId, accounts: Iterable[AccountId], state: str) -> None:
        self._news[space].update(dict.fromkeys(accounts, state))
        self._gather()

    def _pass_on(self, space: SpaceId, account: AccountId, state: str) -> None:
        self._news_elsewhere[space][account] = state
        self._gather()

    def _gather(self) -> None:
        if self._telling is None:
            wait_s = min(GATHER_S_MAX, GATHER_S + GATHER_S_EACH * len(self._hub.connections))
            self._telling = asyncio.get_running_loop().call_later(wait_s, self._tell_all)

    def _tell_all(self) -> None:
        self._telling = None
        news, self._news = self._news, defaultdict(dict)
        elsewhere, self._news_elsewhere = self._news_elsewhere, defaultdict(dict)
        for space, accounts, state in _frames(news):
            by = accounts[0] if len(accounts) == 1 else None
            self._hub.signal_here(space, KIND, {"accounts": accounts, "state": state}, by=by)
        for space, accounts, state in _frames(elsewhere):
            self._hub.elsewhere(space, KIND, {"accounts": accounts, "state": state}, None)


def _frames(news: News) -> Iterator[tuple[SpaceId, list[AccountId], str]]:
    """(space, accounts, state), at most SHOWN_MAX of them in each."""
    for space, states in news.items():
        for state in (ONLINE, OFFLINE):
            accounts = sorted(one for one, now in states.items() if now == state)
            for start in range(0, len(accounts), SHOWN_MAX):
                yield space, accounts[start : start + SHOWN_MAX], state
