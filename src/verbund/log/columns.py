"""Entries of one space as columns: what `bulk` compresses, made by `packing`, read by `unpacking`. Pure."""

import msgspec

from verbund.base.ids import ProviderId
from verbund.log.core import FORMAT
from verbund.log.entry import Entry, sublog

COLUMNS = 1
HASH_BYTES, SIGNATURE_BYTES = 32, 64
MU, FOUNDING, WHOLE, KEYED = 1, 2, 4, 8
#: `dp` as an index: none, the device's core before in this frame, or one of `ids` from here on.
NONE, BEFORE, NAMED = 0, 1, 2


class Run(msgspec.Struct, frozen=True, array_like=True):
    """Entries of one sub-log that follow each other: `count` of them from seq `first`."""

    provider: ProviderId
    incarnation: int
    first: int
    count: int

    @property
    def sub(self) -> str:
        return sublog(self.provider, self.incarnation)

    @property
    def last(self) -> int:
        return self.first + self.count - 1


class Columns(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """Like by like. An index counts into `ids`, `kinds`, `sets`, from 0."""

    format: int = COLUMNS
    #: 32 bytes each; ids that stand together in `ah` or `re`.
    ids: bytes = b""
    kinds: list[str] = []
    sets: list[list[int]] = []
    #: Per run: the chain after its first entry and after its last.
    chains: list[tuple[bytes, bytes]] = []
    #: Per entry: its run; `x`; how much later than its own time it was taken in (ms).
    run: list[int] = []
    x: bytes = b""
    late: list[int] = []
    #: Position → an entry that is carried as it is; it stands in no column from here on.
    odd: dict[int, Entry] = {}
    flags: bytes = b""
    ah: list[int] = []
    re: list[int] = []
    bk: list[int] = []
    dev: list[int] = []
    dp: list[int] = []
    #: How much more than the device's number before + 1.
    ds: list[int] = []
    k: list[int] = []
    #: Time: ms more than the one before, and the counter.
    ms: list[int] = []
    tick: list[int] = []
    signatures: bytes = b""
    salts: bytes = b""
    #: Size of the body; of one that is not there any more also the hash (an index).
    bs: list[int] = []
    bh: list[int] = []
    bodies: bytes = b""


def core_text(
    ah: str, bh: str, bk: str, bs: int, dev: str, dp: str, ds: int, k: str, mu: str, re: str, sp: str, t: str
) -> str:
    """A core as it is signed: its one spelling (see log/core.py)."""
    return (
        f'{{"ah":[{ah}],"bh":"{bh}","bk":{bk},"bs":{bs},"dev":"{dev}","dp":{dp},"ds":{ds},"k":"{k}","mu":{mu},'
        f'"re":[{re}],{sp}"t":"{t}","v":{FORMAT}}}'
    )


def quoted(one: str) -> str:
    return f'"{one}"' if one else "null"
