"""A scene that many tests begin with: played once in a process, and taken up from a copy by each of them.

What a test changes is its own: the data folder is copied, and everybody's pen and cookies are theirs anew.
"""

import copy
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from tests.accounts.people import Browser, Pen, Place, running
from verbund.base.ids import SpaceId

Played = tuple[SpaceId, dict[str, Browser]]


class Scene:
    """`play` begins at a provider without anybody: → a space, and people by their handles."""

    def __init__(self, play: Callable[[Place], Awaitable[Played]]) -> None:
        self._play = play
        self._folder: Path | None = None

    @asynccontextmanager
    async def taken_up(self, folder: Path, make_folder: Callable[[str], Path]) -> AsyncIterator[tuple[Place, Played]]:
        """The provider started again in this folder, and who is there; `make_folder`: where the scene may be kept."""
        if self._folder is None:
            kept = make_folder("scene")
            async with running(kept) as place:
                self._space, self._people = await self._play(place)
                self._now_ms = place.clock.ms
            self._folder = kept
        shutil.copytree(self._folder, folder, dirs_exist_ok=True)
        async with running(folder, now_ms=self._now_ms) as place:
            yield place, (self._space, {handle: again(place, one) for handle, one in self._people.items()})


def again(place: Place, before: Browser) -> Browser:
    """The same browser at the provider that was started again."""
    pen = Pen(place.clock, before.pen.key)
    pen.last = copy.copy(before.pen.last)
    browser = Browser(place, pen)
    browser.account = before.account
    browser.http.cookies.update(before.http.cookies)
    return browser
