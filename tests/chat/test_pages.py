"""The newest page that is remembered: the same for everybody, and never older than what was last written."""

from pathlib import Path
from typing import Any

from sqlalchemy import event

from tests.accounts.people import Browser, running
from verbund.chat.events import MessagePosted, MessageWithdrawn


async def texts(who: Browser, space: str, **asked: Any) -> list[str | None]:
    answer = await who.http.get(f"/api/spaces/{space}/messages", params=asked)
    assert answer.status_code == 200, answer.text
    return [one["text"] for one in answer.json()["messages"]]


async def test_newest_page_is_read_once_for_all_and_anew_after_every_commit(tmp_path: Path) -> None:
    async with running(tmp_path) as place:
        anna, firm = await place.firm()
        ben = await place.colleague(anna, firm, "ben")
        stranger, _ = await place.firm("Andere Firma", "stranger")
        posted = await anna.writes(firm, MessagePosted(text="Die Treppe ist fertig"))
        read: list[str] = []

        @event.listens_for(place.services.store.engine, "before_cursor_execute")
        def note(_c: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
            if "message.text" in statement:
                read.append(statement)

        quiet = False
        while not quiet:  # heads are signed in between, at most once a second
            read.clear()
            commits = place.services.log.commits
            for who in (anna, ben, anna):
                assert await texts(who, firm) == ["Die Treppe ist fertig"]
            quiet = place.services.log.commits == commits
        assert len(read) <= 1, "who comes after the first is not looked up anew"
        assert (await stranger.get(f"/api/spaces/{firm}/messages")).status_code == 404, (
            "who may see it is asked each time"
        )

        await ben.writes(firm, MessagePosted(text="Danke"))
        assert await texts(anna, firm) == ["Die Treppe ist fertig", "Danke"]
        assert await texts(anna, firm, limit=1) == ["Danke"], "another length is another page"
        await anna.writes(firm, MessageWithdrawn(message=posted), re=[posted])
        assert "Die Treppe ist fertig" not in await texts(ben, firm), "what was withdrawn is gone at once"
