"""Holding an export against itself and against what is here: every hash, chain and signature. Writes nothing."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection, select

from verbund.accounts.events import AccountOpened, AgentGranted, DeviceAdded, public_key
from verbund.base.ids import BlobHash, DeviceId, SpaceId, b64
from verbund.base.keys import PublicKey, check_key
from verbund.base.refusal import Refusal
from verbund.log import tables as log_tables
from verbund.log.core import Parsed, WrongSignature, check_signature, parse
from verbund.log.entry import CHAIN_START, VOID, BrokenChain, Entry, check_place, split_sublog, sublog
from verbund.log.sealed import Segments
from verbund.log.store import Store
from verbund.media.replica import files_of
from verbund.ops.moving.archive import DamagedExport, Reader, page_name
from verbund.ops.moving.schemas import End, Exported
from verbund.partners.identity import check_identity
from verbund.partners.schemas import Identity

ENTRIES_PAGE_MAX = 1_000
KEYS_MAX = 1_000_000
Keyed = AccountOpened | DeviceAdded | AgentGranted
_KEYED: dict[str, msgspec.json.Decoder[Keyed]] = {
    AccountOpened.kind: msgspec.json.Decoder(AccountOpened),
    DeviceAdded.kind: msgspec.json.Decoder(DeviceAdded),
    AgentGranted.kind: msgspec.json.Decoder(AgentGranted),
}
_entry = msgspec.json.Decoder(Entry)
Told = Callable[[int, int], None]
Keys = dict[DeviceId, PublicKey]


class TwoHistories(Refusal):
    """de: Die Datei erzählt von „{title}“ etwas anderes, als hier schon liegt. Es wurde nichts übernommen.
    en: The file tells of "{title}" something else than what is here already. Nothing was taken over."""

    code = "ops.two_histories"
    status = 409


class Checked(NamedTuple):
    """What was found in order. `unsigned`: entries whose author's key is not in the file; they will wait for it."""

    proven: list[tuple[Identity, PublicKey]]
    entries: int
    unsigned: int


def check(reader: Reader, store: Store, told: Told) -> Checked:
    """Everything in the file. Raises DamagedExport, TwoHistories."""
    done = 0

    def count(name: str) -> None:
        nonlocal done
        done += reader.size(name)
        told(done, reader.size_whole)

    proven = [(one, _device(one)) for one in reader.identities]
    keys: Keys = {key.device: key for _, key in proven}
    for space in reader.head.spaces:
        if space.sort == "account":
            _gather_keys(reader, space, keys)
    unsigned = 0
    _check_names(reader)
    for space in reader.head.spaces:
        unsigned += _Space(space, _ends_here(store, space.id)).check(reader, keys, store, count)
    for name in reader.under("blobs/"):
        _check_blob(reader, name)
        count(name)
    for name in reader.under("films/"):
        _check_film(reader, name)
        count(name)
    return Checked(proven, reader.head.entries, unsigned)


def entries_of(reader: Reader, space: SpaceId) -> Iterator[tuple[str, list[Entry]]]:
    """(member, its entries), page by page. Raises DamagedExport."""
    number = 1
    while reader.has(name := page_name(space, number)):
        lines = reader.read(name).splitlines()
        if not 0 < len(lines) <= ENTRIES_PAGE_MAX:
            raise DamagedExport(what=name)
        try:
            yield name, [_entry.decode(line) for line in lines]
        except (ValueError, msgspec.MsgspecError, RecursionError) as error:
            raise DamagedExport(what=name) from error
        number += 1


class _Space:
    """One space of the file, followed along each of its sub-logs."""

    def __init__(self, space: Exported, here: dict[str, End]) -> None:
        self._space, self._here = space, here
        self._ends: dict[str, tuple[int, bytes]] = {}

    def check(self, reader: Reader, keys: Keys, store: Store, count: Callable[[str], None]) -> int:
        """How many entries have no key here. Raises DamagedExport, TwoHistories."""
        unsigned = 0
        for name, page in entries_of(reader, self._space.id):
            for entry in page:
                try:
                    unsigned += self._follow(entry, keys)
                except Refusal as refusal:
                    if isinstance(refusal, TwoHistories):
                        raise
                    raise DamagedExport(what=f"{name}, {refusal.code}") from refusal
            count(name)
        found = {sub: End(seq, b64(chain)) for sub, (seq, chain) in self._ends.items()}
        if found != self._space.ends:
            raise DamagedExport(what=f"entries/{self._space.id}")
        with store.read() as connection:
            for sub, end in found.items():
                known = self._here.get(sub)
                if known is not None and known.seq > end.seq and _is_so(connection, self._space.id, sub, end) is False:
                    raise TwoHistories(title=self._title)
        return unsigned

    @property
    def _title(self) -> str:
        return self._space.title or self._space.id

    def _follow(self, entry: Entry, keys: Keys) -> bool:
        """Whether the author's key is missing. Raises whatever is wrong."""
        sub = sublog(entry.p, entry.i)
        seq, before = self._ends.get(sub, (0, CHAIN_START))
        parsed = parse(entry.parcel)
        if entry.n != seq + 1 or parsed.id != entry.id or parsed.space != self._space.id:
            raise BrokenChain(provider=entry.p, seq=entry.n)
        place = check_place(entry, before)
        self._ends[sub] = (place.seq, place.chain)
        known = self._here.get(sub)
        if known is not None and known.seq == entry.n and known.chain != entry.h:
            raise TwoHistories(title=self._title)
        return entry.x != VOID and _is_unsigned(parsed, keys)


def _is_unsigned(parsed: Parsed, keys: Keys) -> bool:
    key = keys.get(parsed.core.dev)
    if key is None:
        return True
    check_signature(parsed, key)
    return False


def _gather_keys(reader: Reader, space: Exported, keys: Keys) -> None:
    """The keys that an account's facts bring. A device's id is the hash of its key, so a wrong one opens nothing."""
    for _, page in entries_of(reader, space.id):
        for entry in page:
            try:
                parsed = parse(entry.parcel)
                decoder = _KEYED.get(parsed.core.k)
                if decoder is None or parsed.body is None:
                    continue
                event = decoder.decode(parsed.body)
                key = check_key(public_key(event.alg, event.key))
            except (Refusal, ValueError, msgspec.MsgspecError):
                continue  # what is wrong with it is found when all is checked
            if len(keys) < KEYS_MAX:
                keys[key.device] = key


def _device(identity: Identity) -> PublicKey:
    try:
        return check_identity(identity)[1]
    except Refusal as refusal:
        raise DamagedExport(what=refusal.code) from refusal


def _check_names(reader: Reader) -> None:
    """Every page belongs to a space that the file says it has, and each space is there once."""
    spaces = [space.id for space in reader.head.spaces]
    pages = reader.under("entries/")
    if len(spaces) != len(set(spaces)) or not {name.split("/")[1] for name in pages} <= set(spaces):
        raise DamagedExport(what="entries")
    counts = dict.fromkeys(spaces, 0)
    for name in pages:
        counts[SpaceId(name.split("/")[1])] += 1
    if any(not reader.has(page_name(space, count)) for space, count in counts.items() if count):
        raise DamagedExport(what="entries")


def _check_blob(reader: Reader, name: str) -> None:
    one = BlobHash(name.removeprefix("blobs/"))
    for _ in reader.pieces(name):
        pass
    held = b64(bytes.fromhex(reader.contents.members[name].sha256))
    if held != one and one not in reader.contents.damaged:
        raise DamagedExport(what=name)


def _check_film(reader: Reader, name: str) -> None:
    if name.endswith(".bin"):
        for _ in reader.pieces(name):
            pass
        return
    try:
        size = sum(one.size for one in files_of(reader.read(name)))
    except (ValueError, TypeError, msgspec.MsgspecError) as error:
        raise DamagedExport(what=name) from error
    content = f"{name.removesuffix('.json')}.bin"
    if not reader.has(content) or reader.size(content) != size:
        raise DamagedExport(what=name)


def _ends_here(store: Store, space: SpaceId) -> dict[str, End]:
    c = log_tables.sublog.c
    with store.read() as connection:
        rows = connection.execute(select(log_tables.sublog).where(c.space == space))
        return {sublog(row.provider, row.incarnation): End(row.seq, b64(bytes(row.chain))) for row in rows}


def _is_so(connection: Connection, space: SpaceId, sub: str, end: End) -> bool:
    """Whether this provider's copy of the sub-log had this chain there."""
    provider, incarnation = split_sublog(sub)
    place, entry = log_tables.sublog.c, log_tables.entry.c
    found = connection.execute(
        select(entry.chain, entry.position)
        .join(log_tables.sublog, place.number == entry.sublog)
        .where(place.space == space, place.provider == provider, place.incarnation == incarnation)
        .where(entry.seq == end.seq)
    ).first()
    at = (provider, incarnation, end.seq)
    return found is not None and b64(Segments(connection).chain_of(found, space, at)) == end.chain


__all__ = ["Checked", "TwoHistories", "WrongSignature", "check", "entries_of"]
