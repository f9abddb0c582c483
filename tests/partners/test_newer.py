"""A partner that has updated already: what its people do with the new release is here, and shown after our update."""

import asyncio
from pathlib import Path
from typing import ClassVar

from tests.partners.providers import Provider, eventually, running
from tests.partners.test_links import equal, shared_firm
from verbund.chat import queries
from verbund.chat.tables import MAIN
from verbund.log import newer
from verbund.log.registry import Event, rule
from verbund.log.tx import Tx


class PollOpened(Event):
    """Somebody asked everybody: of a release to come. Copies are polls of their own."""

    kind: ClassVar[str] = "chat.poll_opened.1"
    sorts: ClassVar[frozenset[str]] = frozenset({"team"})
    question: str
    channel: str | None = None


def update(provider: Provider, folded: list[str]) -> None:
    def fold(tx: Tx, fact: object) -> None:
        folded.append(fact.event.question)  # type: ignore[attr-defined]

    registry = provider.services.log.core.registry
    registry.register((PollOpened,), {PollOpened: rule(lambda *_: None)}, {PollOpened: fold}, ())


def beyond(provider: Provider, space: str, channel: str = MAIN) -> list[str]:
    with provider.services.store.read() as connection:
        return [one.id for one in queries.beyond(connection, space, channel)]  # type: ignore[arg-type]


async def test_what_a_newer_partner_writes_is_told_of_and_comes_with_our_update(tmp_path: Path) -> None:
    werkhof = Provider(tmp_path, "werkhof")
    suednetz = Provider(tmp_path, "suednetz", werkhof.address)
    folded: list[str] = []
    async with running(werkhof, suednetz):
        anna, team = await shared_firm(werkhof, suednetz)
        update(werkhof, [])
        body = {"question": "Wer kommt mit?", "channel": None}
        poll = await asyncio.to_thread(anna.post, team, PollOpened.kind, body)
        await asyncio.to_thread(anna.say, team, "danach")
        await eventually(lambda: equal(werkhof, suednetz, team))
        assert beyond(suednetz, team) == [poll]
        assert beyond(werkhof, team) == beyond(suednetz, team, "A" * 43) == []
        update(suednetz, folded)
        await suednetz.services.log.write(lambda tx: newer.learn(tx, suednetz.services.log.core.registry))
        assert folded == ["Wer kommt mit?"]
        assert beyond(suednetz, team) == []
        assert equal(werkhof, suednetz, team)
        page = await asyncio.to_thread(anna.call, "GET", f"/api/spaces/{team}/messages")
        assert page["beyond"] == []
        anna.close()
