"""Packed entries: the same come out byte for byte; what nobody packed is refused and costs little."""

import random

import msgspec
import pytest
import zstandard

from verbund.base.clock import stamp_of
from verbund.base.ids import CoreId, ProviderId, SpaceId, b64, digest
from verbund.base.keys import DeviceKey
from verbund.base.refusal import Refusal
from verbund.log import bulk
from verbund.log.bulk import ENTRIES_MAX, PACKED_BYTES_MAX, PLAIN_BYTES_MAX, Packed, pack, unpack
from verbund.log.columns import Columns, Run
from verbund.log.core import REFERENCES_MAX, make_parcel
from verbund.log.entry import CHAIN_START, SETTLED, VOID, WAITING, Entry, chain

SPACE = SpaceId(digest(b"space"))
HOME, AWAY = (ProviderId(digest(name)) for name in (b"home", b"away"))


class Author:
    """A device that writes; its entries stand in the sub-logs of several providers."""

    def __init__(self, number: int) -> None:
        self.key = DeviceKey(number.to_bytes(32, "big"))
        self.ds, self.dp = 0, None
        self.random = random.Random(number)

    def write(self, shelf: "Shelf", text: str, state: int = SETTLED, **core: object) -> Entry:
        self.ds += 1
        whole = {
            "ah": sorted(digest(b"head", bytes([n])) for n in range(self.random.randrange(4))), "bk": None,
            "dp": self.dp, "ds": self.ds, "k": "chat.message_posted.1", "mu": False, "re": [], "sp": SPACE,
            "t": stamp_of(1_700_000_000_000 + self.ds * 777 - self.random.randrange(3000), self.random.randrange(9)),
            **core,
        }  # fmt: skip
        body = {"blobs": [], "channel": None, "files": [], "mentions": [], "reply_to": None, "text": text}
        identifier, parcel = make_parcel(self.key, whole, body, self.random.randbytes(16))
        self.dp = identifier
        return shelf.put(identifier, parcel.c, parcel.s, parcel.sa, parcel.b, state)


class Shelf:
    """A provider's sub-log."""

    def __init__(self, provider: ProviderId, seq: int = 0) -> None:
        self.provider, self.seq = provider, seq
        self.chain = CHAIN_START if seq == 0 else bytes([seq % 256]) * 32

    def put(self, core: CoreId, c: str, s: str, sa: str | None, b: str | None, state: int) -> Entry:
        self.seq += 1
        at = 1_700_000_000_000 + self.seq * 1000
        self.chain = chain(self.chain, self.provider, 1, self.seq, core, at, state == VOID)
        shown = state != VOID
        return Entry(core, self.provider, 1, self.seq, b64(self.chain), at, state, c, s, sa if shown else None,
                     b if shown else None)  # fmt: skip


def conversation(count: int, text: str = "Die Treppe ist fertig, bitte ansehen – {}") -> list[Entry]:
    authors, shelves = [Author(n) for n in range(1, 6)], [Shelf(HOME, 4), Shelf(AWAY)]
    chance = random.Random(count)
    return [chance.choice(authors).write(chance.choice(shelves), text.format(n)) for n in range(count)]


def packed(entries: list[Entry]) -> Packed:
    found = pack(SPACE, entries)
    assert found is not None
    return found


@pytest.mark.parametrize("count", [1, 2, 17, 300])
def test_conversation_comes_out_as_it_went_in(count: int) -> None:
    entries = conversation(count)
    small = packed(entries)
    assert unpack(SPACE, small) == entries
    assert len(small.data) < len(msgspec.json.encode(entries))
    assert sum(run.count for run in small.runs) == count


def test_whatever_a_log_may_hold_comes_out_as_it_went_in() -> None:
    anna, ben, home = Author(1), Author(2), Shelf(HOME)
    blob = digest(b"blob")
    unsigned = anna.write(home, "Unterschrift unbekannt", WAITING)
    entries = [
        unsigned,
        msgspec.structs.replace(ben.write(home, "zurückgezogen"), sa=None, b=None),
        ben.write(home, "abgelehnt", VOID),
        anna.write(home, "🪵" * 500, bk=blob, mu=True, re=[blob, unsigned.id]),
        anna.write(home, "wartet", WAITING, k="whiteboard.line_drawn.12"),
    ]
    odd = msgspec.structs.replace(unsigned, s="AAAA"), msgspec.structs.replace(entries[3], sa="AAAA")
    genesis = Author(3)
    core = {"ah": [], "bk": None, "dp": None, "ds": 1, "k": "authority.space_created.1", "mu": False, "re": [],
            "t": "0" * 16}  # fmt: skip
    identifier, parcel = make_parcel(genesis.key, core, {"title": "Werkstatt"}, bytes(16))
    founded = Shelf(AWAY).put(identifier, parcel.c, parcel.s, parcel.sa, parcel.b, SETTLED)
    for several in (entries, [odd[0], *entries[1:]], [*entries[:3], odd[1], entries[4]]):
        assert unpack(SPACE, packed(several)) == several
    found = pack(SpaceId(founded.id), [founded])
    assert found is not None
    assert unpack(SpaceId(founded.id), found) == [founded]


def test_what_is_too_much_is_not_packed() -> None:
    assert pack(SPACE, []) is None
    assert pack(SPACE, conversation(1) * (ENTRIES_MAX + 1)) is None
    noise = random.Random(1)
    author, shelf = Author(1), Shelf(HOME)
    loud = [author.write(shelf, b64(noise.randbytes(40_000))) for _ in range(8)]
    assert pack(SPACE, loud) is None
    assert unpack(SPACE, packed(loud[:4])) == loud[:4]
    with pytest.raises(ValueError, match="gap"):
        pack(SPACE, [loud[0], loud[2]])


@pytest.mark.parametrize("size", [PLAIN_BYTES_MAX + 1, 50_000_000])
def test_bomb_is_refused_before_it_goes_off(size: int) -> None:
    bomb = zstandard.ZstdCompressor().compress(bytes(size))
    assert len(bomb) < PACKED_BYTES_MAX
    with pytest.raises(Refusal) as refused:
        unpack(SPACE, Packed([Run(HOME, 1, 1, 1)], bomb))
    assert refused.value.code == "log.malformed_core"


def test_bomb_that_hides_its_size_is_refused() -> None:
    silent = zstandard.ZstdCompressor(write_content_size=False).compressobj()
    stream = silent.compress(bytes(10_000_000)) + silent.flush()
    honest = packed(conversation(3))
    for data in (stream, honest.data + stream, honest.data + honest.data, honest.data + b"x", b"", b"(", b"{}"):
        with pytest.raises(Refusal) as refused:
            unpack(SPACE, honest._replace(data=data))
        assert refused.value.code == "log.malformed_core"


def test_few_bytes_do_not_become_many() -> None:
    """References and kinds are named by index: each is bounded, so a frame cannot grow by naming one often."""
    honest = packed(conversation(ENTRIES_MAX))
    columns = bulk._decoder.decode(zstandard.ZstdDecompressor().decompress(honest.data))
    for name, value in (
        ("sets", [[0] * 100_000]),
        ("sets", [[0] * REFERENCES_MAX] * (2 * ENTRIES_MAX + 1)),
        ("kinds", ["k" * 500_000]),
        ("ids", b"x" * 31),
    ):
        with pytest.raises(Refusal):
            unpack(SPACE, honest._replace(data=_compressed(msgspec.structs.replace(columns, **{name: value}))))


def test_runs_that_do_not_fit_are_refused() -> None:
    honest = packed(conversation(9))
    first, second = honest.runs
    for runs in (
        [first],
        [second, first],
        [first, first],
        [msgspec.structs.replace(first, count=-1), second],
        [msgspec.structs.replace(first, first=0), second],
        [msgspec.structs.replace(first, first=first.first + 1), second],
        [msgspec.structs.replace(first, incarnation=2), second],
        [msgspec.structs.replace(first, count=ENTRIES_MAX), second],
        [msgspec.structs.replace(first, provider=ProviderId("x")), second],
        [],
    ):
        with pytest.raises(Refusal):
            unpack(SPACE, honest._replace(runs=runs))


def test_entries_of_another_space_cannot_come_out() -> None:
    elsewhere = SpaceId(digest(b"elsewhere"))
    try:
        found = unpack(elsewhere, packed(conversation(2)))
    except Refusal:
        return
    assert all(f'"sp":"{elsewhere}"' in one.c for one in found)


def test_damaged_columns_are_refused_or_say_something_else_but_never_crash() -> None:
    """What still comes out is for `parse`, chain and signature to judge; a frame of ours comes out or is refused."""
    honest = packed(conversation(12))
    plain, chance = zstandard.ZstdDecompressor().decompress(honest.data), random.Random(7)
    entries, refused = unpack(SPACE, honest), 0
    for _ in range(400):
        damaged = bytearray(plain)
        for _ in range(chance.randint(1, 3)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        data = zstandard.ZstdCompressor().compress(bytes(damaged))
        try:
            found = unpack(SPACE, honest._replace(data=data))
        except Refusal:
            refused += 1
        else:
            assert [one.n for one in found] == [one.n for one in entries]
    assert refused > 300, "the chain at the end shows most of it"


def _compressed(columns: Columns) -> bytes:
    return zstandard.ZstdCompressor().compress(msgspec.msgpack.encode(columns))
