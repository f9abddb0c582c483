"""The newest page of a channel, remembered until the next commit: when a provider dies, everybody who comes over asks
for the same one. Reads; never writes.
"""

import threading

from verbund.base.ids import SpaceId
from verbund.chat import queries
from verbund.chat.schemas import MessagePage
from verbund.log.service import LogService

PAGES_MAX = 64
Asked = tuple[SpaceId, str, int]


class Pages:
    """What was read since the last commit. Used by many threads.

    Invariant: a page is shown as long as nothing was committed since before it was read, whatever that was of; so
    nobody who was told of something misses it, and nothing that was erased stays (`tests/chat/test_pages.py`).
    """

    def __init__(self, log: LogService) -> None:
        self._log = log
        self._lock = threading.Lock()
        self._commits = 0
        self._found: dict[Asked, MessagePage] = {}

    def newest(self, space: SpaceId, channel: str, limit: int) -> MessagePage:
        """The newest messages and the vector that they were read at. Whether they may be seen was looked at before."""
        asked = (space, channel, max(1, min(limit, queries.MESSAGES_PAGE_MAX)))
        commits = self._log.commits
        with self._lock:
            found = self._found.get(asked) if self._commits == commits else None
        if found is None:
            found = self._read(*asked)
            self._remember(asked, found, commits)
        return found

    def _remember(self, asked: Asked, page: MessagePage, commits: int) -> None:
        with self._lock:
            if commits < self._commits:
                return
            if commits > self._commits or len(self._found) >= PAGES_MAX:
                self._commits, self._found = commits, {}
            self._found[asked] = page

    def _read(self, space: SpaceId, channel: str, limit: int) -> MessagePage:
        vector = self._log.vector(space)
        with self._log.store.read() as connection:
            beyond = queries.beyond(connection, space, channel)
            page, more = queries.messages(connection, space, channel, None, None, limit)
        return MessagePage(page, vector, more, False, beyond)
