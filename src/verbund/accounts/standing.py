"""Passkeys that stand in the account's log, each good at the provider where it was made. Reads; never writes."""

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, exists, func, select

from verbund.accounts import tables
from verbund.accounts.events import PasskeyShown
from verbund.accounts.passkeys import PASSKEYS_MAX, is_shown, may_have_passkeys
from verbund.accounts.schemas import StandingPasskey
from verbund.base.ids import AccountId, CoreId, DeviceId, SpaceId, personal_space, unb64
from verbund.log.tx import Reader

ASKED_AGAIN_MS = 30 * 24 * 3600 * 1000
_made, _shown, _ended = tables.made_passkey.c, tables.shown_passkey.c, tables.passkey_revocation.c
_IS_GOOD = ~exists().where(_ended.passkey == _made.id, _ended.space == _made.space)


def made(view: Reader, space: str, passkey: str) -> Any:
    """The row of a passkey of this account; None for one that it never had."""
    columns = select(_made.id, _made.space, _made.credential, _made.key, _made.provider, _made.origin)
    return view.execute(columns.where(_made.id == passkey, _made.space == space)).first()


def holds(view: Reader, space: str, event: PasskeyShown) -> bool:
    """Whether a passkey of this account signed that the device belongs to it."""
    row = made(view, space, event.passkey)
    return row is not None and is_shown(row.origin, row.credential, bytes(row.key), event)


def revoked(view: Reader, passkey: str) -> bool:
    """Whether somebody revoked it."""
    return view.execute(select(_ended.by).where(_ended.passkey == passkey).limit(1)).first() is not None


def brought_in(view: Reader, space: str, passkey: str) -> list[DeviceId]:
    """The devices that came in by a passkey."""
    rows = view.execute(select(_shown.dev).where(_shown.passkey == passkey, _shown.space == space).order_by(_shown.dev))
    return list(rows.scalars())


def gone(view: Reader, space: str, passkey: str, dev: DeviceId) -> list[tuple[CoreId, int]]:
    """(revocation, when) of every revocation of the passkey that does not let this device stay."""
    rows = view.execute(
        select(_ended.by, _ended.revoked_at, _ended.stays).where(_ended.passkey == passkey, _ended.space == space)
    ).all()
    return [(row.by, row.revoked_at) for row in rows if dev not in json.loads(row.stays)]


def good_here(connection: Connection, provider: str, origin: str, credential: str, user: str | None) -> Any:
    """The row of a passkey that signs in at this provider. `user`: whose it is, by the authenticator's word."""
    columns = select(_made.id, _made.space, _made.credential, _made.key)
    here = (_made.provider == provider, _made.origin == origin, _made.credential == credential)
    rows = connection.execute(columns.where(*here, _IS_GOOD).limit(PASSKEYS_MAX)).all()
    return next((row for row in rows if user is not None and _same(row.space, user)), None)


def ids_of(connection: Connection, account: str, provider: str | None = None) -> list[str]:
    """The credentials of an account's good passkeys, at one provider or at all."""
    mine = (_made.space == account, _IS_GOOD, *([] if provider is None else [_made.provider == provider]))
    return list(connection.execute(select(_made.credential).where(*mine).order_by(_made.id)).scalars())


def passkeys_in_log(view: Reader, account: str) -> list[StandingPasskey]:
    """The good ones, the oldest first, with the devices that they brought in."""
    rows = view.execute(
        select(_made.id, _made.provider, _made.origin, _made.label, _made.made_at)
        .where(_made.space == account, _IS_GOOD)
        .order_by(_made.made_at, _made.id)
        .limit(PASSKEYS_MAX)
    ).all()
    return [
        StandingPasskey(
            row.id,
            row.provider,
            row.origin,
            row.label,
            row.made_at,
            brought_in(view, account, row.id),
            _used_at(view, account, row.id),
        )
        for row in rows
    ]


def lacking(view: Reader, account: AccountId, hosts: Iterable[Any]) -> str | None:
    """The name of a provider beside the account's home that could let the person in by a passkey and has none; None
    where it was put off lately, too."""
    put_off = tables.put_off.c
    at = view.execute(
        select(put_off.at).where(put_off.space == personal_space(account), put_off.what == "passkey")
    ).scalar()
    if at is not None and at >= view.now_ms() - ASKED_AGAIN_MS:
        return None
    home = view.execute(select(tables.account.c.home).where(tables.account.c.space == account)).scalar()
    held = {(one.provider, one.origin) for one in passkeys_in_log(view, account)}
    for host in hosts:
        if host.provider != home and may_have_passkeys(host.url) and (host.provider, host.url) not in held:
            return str(host.name)
    return None


def _used_at(view: Reader, account: str, passkey: str) -> int | None:
    query = select(func.max(_shown.shown_at)).where(_shown.passkey == passkey, _shown.space == SpaceId(account))
    at: int | None = view.execute(query).scalar()
    return at


def _same(account: str, user: str) -> bool:
    try:
        return unb64(account) == unb64(user)
    except ValueError:
        return False
