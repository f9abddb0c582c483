"""Reads of accounts; never writes. Who holds which key, who calls, who is called what."""

import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, func, select

from verbund.accounts import tables
from verbund.accounts.schemas import Caller, DeviceShape, PasskeyShape, Security, StandingPasskey
from verbund.accounts.tokens import hashed
from verbund.base.ids import AccountId, BlobHash, DeviceId, ProviderId, SpaceId
from verbund.base.keys import PublicKey
from verbund.log import tables as log_tables
from verbund.log.entry import QUARANTINED
from verbund.log.judge import NumberUsed
from verbund.log.registry import Device
from verbund.log.tx import Reader

COOKIE = "verbund_session"
SECURE_COOKIE = "__Host-verbund_session"
SESSION_IDLE_MS_MAX = 60 * 24 * 3600 * 1000
SEEN_EVERY_MS = 10 * 60 * 1000
DEVICES_MAX = 200
CHUNK = 500
#: Built once: when a provider dies, these are asked for everybody who comes, and building one takes longer than asking.
_device, _revocation, _session, _profile = tables.device.c, tables.revocation.c, tables.session.c, tables.profile.c
_DEVICE = select(_device.account, _device.alg, _device.key, _device.sort, _device.kinds, _device.spaces).where(
    _device.dev == bindparam("dev")
)
_CUTS = select(_revocation.cuts).where(
    _revocation.dev == bindparam("dev"), _revocation.space == bindparam("account")
)  # fmt: skip
_CURRENT = (
    select(_device.dev, _revocation.by)
    .outerjoin(tables.revocation, (_revocation.dev == _device.dev) & (_revocation.space == _device.account))
    .where(_device.dev == bindparam("dev"), _device.account == bindparam("account"), _device.sort == "person")
    .limit(1)
)
_REVOKED = (
    select(_revocation.by)
    .where(_revocation.dev == bindparam("dev"), _revocation.space == bindparam("account"))
    .limit(1)
)
_SESSION = (
    select(_session.account, _session.dev, _session.id, _session.seen_at, _revocation.dev.label("revoked"))
    .join(tables.device, (_device.dev == _session.dev) & (_device.account == _session.account))
    .outerjoin(tables.revocation, (_revocation.dev == _session.dev) & (_revocation.space == _session.account))
    .where(_session.token_hash == bindparam("token"))
    .limit(1)
)
_SEEN = select(_session.seen_at).where(_session.id == bindparam("session"))
_HANDLE = select(tables.credential.c.handle).where(tables.credential.c.account == bindparam("account"))
_NAMES = select(_profile.space, _profile.name, _profile.status, _profile.picture).where(
    _profile.space.in_(bindparam("accounts", expanding=True))
)


class Devices:
    """The log's `Directory`: who holds which key."""

    def device(self, view: Reader, dev: DeviceId) -> Device | None:
        row = view.execute(_DEVICE, {"dev": dev}).first()
        if row is None:
            return _provider_device(view, dev)
        spaces = None if row.spaces is None else frozenset(json.loads(row.spaces))
        for cuts in view.execute(_CUTS, {"dev": dev, "account": row.account}).scalars():
            # A revoked device counts in the spaces that its revocation names, up to its cut there, and nowhere else.
            spaces = frozenset(json.loads(cuts)) if spaces is None else spaces & frozenset(json.loads(cuts))
        kinds = None if row.kinds is None else frozenset(json.loads(row.kinds))
        return Device(PublicKey(row.alg, bytes(row.key)), AccountId(row.account), row.sort, kinds, spaces)

    def devices(self, view: Reader, space: SpaceId) -> set[DeviceId]:
        return set(devices_of(view, space))


def _provider_device(view: Reader, dev: DeviceId) -> Device | None:
    device = tables.provider_device.c
    row = view.execute(select(device.provider, device.alg, device.key).where(device.dev == dev)).first()
    if row is None:
        return None
    return Device(PublicKey(row.alg, bytes(row.key)), ProviderId(row.provider), "provider")


def devices_of(view: Reader, account: str) -> list[DeviceId]:
    """All devices that an account has or had."""
    device = tables.device.c
    return list(view.execute(select(device.dev).where(device.account == account).order_by(device.dev)).scalars())


def opened_with(view: Reader, account: str, dev: DeviceId) -> bool:
    """Whether the account was opened with this device."""
    device = tables.device.c
    found = view.execute(select(device.voucher).where(device.dev == dev, device.account == account)).scalar()
    return found == "genesis"


def knows_provider(view: Reader, providers: Iterable[str]) -> bool:
    """Whether one of these providers' devices is known here."""
    device = tables.provider_device.c
    return view.execute(select(device.dev).where(device.provider.in_(list(providers))).limit(1)).first() is not None


def last_numbers(view: Reader, dev: DeviceId) -> dict[SpaceId, int]:
    """space → last number of the device there, for every space in which it has written."""
    spaces = view.execute(select(log_tables.sublog.c.space).distinct()).scalars().all()
    heads = {space: view.head(space, dev)[0] for space in spaces}
    return {space: ds for space, ds in heads.items() if ds > 0}


def caller_of(connection: Connection, token: str, now_ms: int) -> Caller | None:
    """Who shows this token; None for an unknown or stale one and for a device that is not (any more) the account's."""
    row = connection.execute(_SESSION, {"token": hashed(token)}).first()
    if row is None or row.revoked is not None or row.seen_at < now_ms - SESSION_IDLE_MS_MAX:
        return None
    return Caller(row.account, row.dev, row.id)


def is_current(connection: Connection, dev: str, account: str) -> bool:
    """Whether the account has this device and has not revoked it."""
    row = connection.execute(_CURRENT, {"dev": dev, "account": account}).first()
    return row is not None and row.by is None


def known_to(connection: Connection, account: str, token: str) -> bool:
    """Whether a browser that shows this token has signed in to the account before."""
    known = tables.known_browser.c
    return (
        connection.execute(
            select(known.account).where(known.token_hash == hashed(token), known.account == account)
        ).first()
        is not None
    )


def revoked(view: Reader, dev: DeviceId, account: str) -> bool:
    """Whether the account has revoked this device."""
    return view.execute(_REVOKED, {"dev": dev, "account": account}).first() is not None


def verifier_of(connection: Connection, handle: str) -> tuple[AccountId | None, str | None]:
    """(account, verifier) of a handle in its folded form; (None, None) for one that nobody has."""
    credential = tables.credential.c
    row = connection.execute(select(credential.account, credential.verifier).where(credential.handle == handle)).first()
    return (row.account, row.verifier) if row else (None, None)


def passkey_of(connection: Connection, identifier: str) -> Any:
    """The row (account, public_key, uses) of a passkey; None for one that is not known."""
    passkey = tables.passkey.c
    return connection.execute(
        select(passkey.account, passkey.public_key, passkey.uses).where(passkey.id == identifier)
    ).first()


def passkeys_of(connection: Connection, account: str) -> list[str]:
    """The ids of an account's passkeys."""
    passkey = tables.passkey.c
    return list(connection.execute(select(passkey.id).where(passkey.account == account)).scalars())


def is_stale(connection: Connection, session: str, now_ms: int) -> bool:
    """Whether it is time to note that the session is in use."""
    seen = connection.execute(_SEEN, {"session": session}).scalar()
    return seen is not None and seen < now_ms - SEEN_EVERY_MS


def setup_open(connection: Connection) -> bool:
    """Whether nobody has an account here yet."""
    return connection.execute(select(tables.credential.c.account).limit(1)).first() is None


def handle_of(connection: Connection, account: str) -> str | None:
    return connection.execute(_HANDLE, {"account": account}).scalar()


class Named(NamedTuple):
    """What others see of a person."""

    name: str = ""
    status: str = ""
    picture: BlobHash | None = None


def names_of(connection: Connection, accounts: Iterable[str]) -> dict[str, Named]:
    """account → what others see. Accounts without a profile are missing."""
    wanted = list(dict.fromkeys(accounts))
    found: dict[str, Named] = {}
    for start in range(0, len(wanted), CHUNK):
        rows = connection.execute(_NAMES, {"accounts": wanted[start : start + CHUNK]})
        found.update({row.space: Named(row.name, row.status, row.picture) for row in rows})
    return found


def keys_of(connection: Connection, accounts: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
    """account → its devices with their keys, as others need them to verify signatures."""
    device, revocation = tables.device.c, tables.revocation.c
    wanted = list(dict.fromkeys(accounts))
    found: dict[str, list[dict[str, Any]]] = {}
    for start in range(0, len(wanted), CHUNK):
        rows = connection.execute(
            select(device.account, device.dev, device.alg, device.key, device.sort, device.label, revocation.by)
            .outerjoin(tables.revocation, (revocation.dev == device.dev) & (revocation.space == device.account))
            .where(device.account.in_(wanted[start : start + CHUNK]), device.sort != "card")
            .order_by(device.added_at, device.dev)
        ).mappings()
        for row in rows:
            devices = found.setdefault(row["account"], [])
            if not devices or devices[-1]["dev"] != row["dev"]:
                devices.append({**row, "revoked": row["by"] is not None})
    return found


class Labelled(NamedTuple):
    """Whose device it is and what they call it. `revoked_at`: when it was signed out, if it was."""

    account: AccountId
    label: str
    revoked_at: int | None


def labels_of(connection: Connection, devices: Sequence[DeviceId]) -> dict[DeviceId, Labelled]:
    """dev → whose it is, for those of people that are known here."""
    device, revocation = tables.device.c, tables.revocation.c
    rows = connection.execute(
        select(device.dev, device.account, device.label, func.min(revocation.revoked_at).label("revoked_at"))
        .outerjoin(tables.revocation, (revocation.dev == device.dev) & (revocation.space == device.account))
        .where(device.dev.in_(devices))
        .group_by(device.dev, device.account, device.label)
    ).all()
    return {row.dev: Labelled(AccountId(row.account), row.label, row.revoked_at) for row in rows}


def device_list(view: Reader, caller: Caller) -> list[DeviceShape]:
    """The caller's devices, the newest first."""
    device, session, revocation = tables.device.c, tables.session.c, tables.revocation.c
    sessions = {
        row.dev: row
        for row in view.execute(
            select(session.dev, func.max(session.seen_at).label("seen_at"), func.max(session.agent).label("agent"))
            .where(session.account == caller.account)
            .group_by(session.dev)
        )
    }
    revoked = {
        row.dev: row.revoked_at
        for row in view.execute(
            select(revocation.dev, func.min(revocation.revoked_at).label("revoked_at"))
            .where(revocation.space == caller.account)
            .group_by(revocation.dev)
        )
    }
    rows = view.execute(
        select(device.dev, device.label, device.sort, device.voucher, device.added_at)
        .where(device.account == caller.account, device.sort != "card")
        .order_by(device.added_at.desc(), device.dev)
        .limit(DEVICES_MAX)
    ).all()
    doubtful = twofold_among(view, [row.dev for row in rows])
    return [
        _device_shape(view, caller, row, sessions.get(row.dev), revoked.get(row.dev), row.dev in doubtful)
        for row in rows
    ]


def twofold_among(view: Reader, devices: Sequence[DeviceId]) -> set[DeviceId]:
    """Those that gave one number to two facts: put back to an old copy, or copied."""
    core = log_tables.core.c
    aside = (core.state == QUARANTINED, core.reason == NumberUsed.code)
    return set(view.execute(select(core.dev).where(*aside, core.dev.in_(devices)).distinct()).scalars())


def _device_shape(
    view: Reader, caller: Caller, row: Any, session: Any, revoked_at: int | None, twofold: bool
) -> DeviceShape:  # fmt: skip
    return DeviceShape(
        dev=row.dev, label=row.label, sort=row.sort, voucher=row.voucher, added_at=row.added_at,
        current=row.dev == caller.device, signed_in=session is not None and revoked_at is None,
        seen_at=session.seen_at if session else None, agent=session.agent if session else "",
        revoked_at=revoked_at, cuts={} if revoked_at is not None else last_numbers(view, row.dev),
        twofold=twofold,
    )  # fmt: skip


def security_of(view: Reader, account: str, standing: list[StandingPasskey]) -> Security:
    """How somebody signs in at this provider."""
    connection = view.connection
    home = connection.execute(select(tables.account.c.home).where(tables.account.c.space == account)).scalar()
    credential, factor = tables.credential.c, tables.second_factor.c
    passkey, code = tables.passkey.c, tables.recovery_code.c
    row = connection.execute(
        select(credential.handle, credential.verifier).where(credential.account == account)
    ).first()
    confirmed = connection.execute(select(factor.confirmed_at).where(factor.account == account)).scalar()
    left = connection.execute(select(func.count()).where(code.account == account, code.used_at.is_(None))).scalar()
    keys = connection.execute(
        select(passkey.id, passkey.label, passkey.created_at, passkey.used_at)
        .where(passkey.account == account)
        .order_by(passkey.created_at)
    ).all()
    return Security(
        row.handle if row else "", row is not None and row.verifier is not None, confirmed is not None, int(left or 0),
        [PasskeyShape(*key) for key in keys], home, standing,
    )  # fmt: skip
