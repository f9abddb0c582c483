"""Emergency cards: the caller's own, and coming in with one."""

from typing import Any

from litestar import get, post
from litestar.di import NamedDependency
from sqlalchemy import Connection

from verbund.accounts import cards, standing
from verbund.accounts.gate import Gate, Visitor
from verbund.accounts.schemas import Asking, Caller, CardPlace, CardPreview, CardShape, CardUse
from verbund.base.ids import AccountId, SpaceId
from verbund.base.refusal import Unknown
from verbund.log.service import LogService
from verbund.log.tx import Reader

NUMBER_CHARS = 8


@get("/cards", summary="The caller's emergency cards")
async def own_cards(caller: Caller, log: LogService) -> list[CardShape]:
    """With what became of each of their codes."""

    def read() -> list[CardShape]:
        with log.store.read() as connection:
            return cards.cards_of(Reader(connection, log.core.clock, log.core.directory), caller.account)

    return await log.store.look(read)


@get("/asking", summary="What the caller is asked for")
async def asking(caller: Caller, log: LogService, services: NamedDependency[Any]) -> Asking:
    """For the emergency card, then for a passkey, where another provider could let the caller in while this one is
    away. One thing at a time."""

    def read() -> Asking:
        with log.store.read() as connection:
            view = Reader(connection, log.core.clock, log.core.directory)
            hosts = services.parts["hosts_of"](connection, caller.account)
            if len(hosts) > 1 and cards.is_wanted(view, caller.account):
                return Asking(card=True)
            return Asking(card=False, passkey=standing.lacking(view, caller.account, hosts))

    return await log.store.look(read)


@get("/cards/{number:str}", summary="A card before it is used")
async def card(
    number: str, gate: NamedDependency[Gate], visitor: NamedDependency[Visitor], log: LogService,
    services: NamedDependency[Any],
) -> list[CardPreview]:  # fmt: skip
    """Every card with this number, as its holder's browser needs it. The codes stay there."""
    spent = gate.limiter.by_network(visitor.network)
    if len(number) != NUMBER_CHARS:
        raise Unknown()

    def read() -> list[CardPreview]:
        with log.store.read() as connection:
            reader = Reader(connection, log.core.clock, log.core.directory)
            found = cards.cards_numbered(reader, number)
            places = services.parts["hosts_of"]
            return [_preview(log, reader, account, one, places) for account, one in found]

    shown = await log.store.look(read)
    gate.limiter.give_back(spent)
    return shown


@post("/sessions/card", summary="A code of an emergency card vouches for a device", status_code=204)
async def use_card(data: CardUse, gate: NamedDependency[Gate], visitor: NamedDependency[Visitor]) -> None:
    """The device signs in by its key afterwards. A code works once, at its provider, and is known nowhere."""
    await gate.by_card(data, visitor)


def _preview(log: LogService, view: Reader, account: str, held: CardShape, hosts_of: Any) -> CardPreview:
    space = SpaceId(account)
    return CardPreview(
        AccountId(account), held.revoked_at is not None, cards.factor_is_on(view.connection, account),
        sorted(log.core.heads(view, space)), held.codes, _places(log, view.connection, AccountId(account), hosts_of),
    )  # fmt: skip


def _places(log: LogService, connection: Connection, account: AccountId, hosts_of: Any) -> list[CardPlace]:
    return [
        CardPlace(host.provider, host.name, host.url, host.provider == log.provider)
        for host in hosts_of(connection, account)
    ]


HANDLERS: list[Any] = [own_cards, asking, card, use_card]
