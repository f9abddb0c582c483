"""All that somebody wrote is erased at both providers, whatever came first there: the words or the order."""

from collections.abc import Iterator

import pytest
from sqlalchemy import select

from tests.simulation.device import Item
from tests.simulation.provider import Provider
from tests.simulation.test_erasure import Firm
from verbund.base.clock import stamp_of
from verbund.base.ids import BlobHash, digest
from verbund.blobs.holdings import Held, hold
from verbund.blobs.tables import blob_reference
from verbund.chat.events import MessageEdited, MessagePosted, MessageWithdrawn, ReactionSet
from verbund.chat.tables import message, reaction
from verbund.log.search import item
from verbund.media.events import FilmAdded, FilmChanged, SourceFile
from verbund.media.tables import film
from verbund.spaces.events import ErasureOrdered, MemberRemoved

FILM = BlobHash(digest(b"film"))


@pytest.fixture
def firm() -> Iterator[Firm]:
    firm = Firm()
    yield firm
    firm.a.stop()
    firm.b.stop()


class Words:
    """What Ben wrote, with what others made of it; all of it at A, some of it at B."""

    def __init__(self, firm: Firm) -> None:
        self.firm = firm
        ben, space = firm.ben, firm.space
        self.message = self.says(MessagePosted(text="Wallnussholz"))
        self.change = self.says(MessageEdited(message=self.message.id, text="Kirschholz"), self.message)
        self.back = self.says(MessagePosted(text="Eschenholz"))
        self.taken = self.says(MessageWithdrawn(message=self.back.id), self.back)
        source = SourceFile(hash=FILM, name="hobeln.mp4", type="video/mp4", size=1)
        firm.a.write(lambda tx: hold(tx, space, Held(FILM, 1, "", "video/mp4"), ben.account))
        self.film = self.says(FilmAdded(title="Hobeln", source=source, blobs=(FILM,)))
        self.title = self.says(FilmChanged(film=self.film.id, title="Hobeln am Stirnholz"), self.film)
        firm.sees(firm.anna, firm.a)
        self.answer = firm.anna.write(
            space, MessagePosted(text="Nein, Buche", reply_to=self.message.id), [self.message.id]
        )
        assert firm.sends(self.answer, firm.a) == "accepted"
        self.heart = self.says(ReactionSet(message=self.answer.id, emoji="❤", on=True), self.answer)

    @property
    def all(self) -> tuple[Item, ...]:
        return (self.message, self.change, self.back, self.film, self.title, self.heart)

    def says(self, event: object, *named: Item) -> Item:
        firm = self.firm
        firm.sees(firm.ben, firm.a)
        one = firm.ben.write(firm.space, event, [one.id for one in named])  # type: ignore[arg-type]
        assert firm.sends(one, firm.a) == "accepted"
        return one

    def ordered(self, at: Provider, until: str = "") -> Item:
        """Ben wants all of it gone."""
        self.firm.sees(self.firm.ben, at)
        until = until or stamp_of(self.firm.time[0])
        one = self.firm.ben.write(self.firm.space, ErasureOrdered(account=self.firm.ben.account, until=until))
        assert self.firm.sends(one, at) == "accepted"
        return one

    def is_gone(self) -> None:
        for provider in (self.firm.a, self.firm.b):
            assert self.firm.bodies(provider, *self.all) == 0
            with provider.disk.read() as connection:
                texts = set(connection.execute(select(message.c.text)).scalars())
                words = " ".join(connection.execute(select(item.c.words)).scalars())
                assert texts == {"", "Nein, Buche"}
                assert not [one for one in ("kirsch", "wallnuss", "hobel", "nussbaum") if one in words]
                assert "buch" in words
                assert connection.execute(select(reaction)).all() == []
                assert connection.execute(select(film)).all() == []
                assert connection.execute(select(blob_reference)).all() == []


def test_what_is_there_is_erased(firm: Firm) -> None:
    words = Words(firm)
    firm.meet()
    words.ordered(firm.a)
    firm.meet()
    words.is_gone()
    firm.same()
    words.is_gone()


def test_what_comes_after_the_order_is_erased_as_it_comes(firm: Firm) -> None:
    """B hears of the order first; what A pushes of an older backup is refused its body."""
    words = Words(firm)
    before = firm.b.vectors().get(firm.space, {})
    whole = firm.a.entries(firm.space, before, 500)
    order = words.ordered(firm.a)
    assert firm.bodies(firm.a, *words.all) == 0
    late = firm.a.entries(firm.space, before, 500)
    assert late[-1].id == order.id
    assert all(one.b is None for one in late if one.id in {item.id for item in words.all})
    firm.b.accept([*whole, late[-1]])
    firm.b.commit()
    words.is_gone()
    firm.same()


@pytest.mark.parametrize("known", [True, False])
def test_the_order_holds_though_its_author_was_removed_meanwhile(firm: Firm, known: bool) -> None:
    words = Words(firm)
    if known:
        firm.meet()
    firm.sees(firm.anna, firm.a)
    removal = firm.anna.write(
        firm.space, MemberRemoved(account=firm.ben.account, cuts={firm.ben.dev: words.message.ds})
    )
    if known:
        words.ordered(firm.b)
        assert firm.sends(removal, firm.a) == "accepted"
    else:
        words.ordered(firm.a)
        assert firm.sends(removal, firm.b) == "ask"
    firm.meet()
    assert firm.bodies(firm.a, *words.all) == firm.bodies(firm.b, *words.all) == 0
    firm.same()


def test_an_edit_made_after_the_order_reaches_goes_with_what_it_changed(firm: Firm) -> None:
    words = Words(firm)
    until = stamp_of(firm.time[0])
    firm.time[0] += 60_000
    late = words.says(MessageEdited(message=words.message.id, text="Nussbaum"), words.message)
    firm.meet()
    words.ordered(firm.a, until)
    firm.meet()
    words.is_gone()
    assert firm.bodies(firm.a, late) == firm.bodies(firm.b, late) == 0
    firm.same()


def test_what_is_written_later_stays(firm: Firm) -> None:
    words = Words(firm)
    firm.meet()
    words.ordered(firm.a)
    firm.time[0] += 60_000
    fresh = words.says(MessagePosted(text="Etwas Neues"))
    firm.meet()
    assert firm.bodies(firm.a, fresh) == firm.bodies(firm.b, fresh) == 1
    firm.same()


def test_nobody_orders_it_for_somebody_else(firm: Firm) -> None:
    words = Words(firm)
    firm.sees(firm.anna, firm.a)
    event = ErasureOrdered(account=firm.ben.account, until=stamp_of(firm.time[0]))
    assert firm.sends(firm.anna.write(firm.space, event), firm.a) == "refused"
    assert firm.bodies(firm.a, words.message) == 1


def test_an_order_reaches_back_only(firm: Firm) -> None:
    event = ErasureOrdered(account=firm.ben.account, until=stamp_of(firm.time[0] + 3_600_000))
    assert firm.sends(firm.ben.write(firm.space, event), firm.a) == "refused"
