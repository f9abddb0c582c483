"""Folds of accounts: whose devices these are, which are revoked, what a person is called."""

import json
from collections.abc import Callable, Mapping, Sequence

from sqlalchemy import Table, select

from verbund.accounts import events, standing, tables
from verbund.accounts.queries import last_numbers, opened_with
from verbund.base.clock import ms_of
from verbund.base.ids import CoreId, DeviceId, SpaceId, unb64
from verbund.base.keys import PublicKey
from verbund.log import tables as log_tables
from verbund.log.registry import Event, Fact
from verbund.log.tx import Tx

AGENT, CARD, PASSKEY = "agent", "card", "passkey"
PROJECTED: list[Table] = [
    tables.account,
    tables.device,
    tables.revocation,
    tables.profile,
    tables.card,
    tables.card_code,
    tables.made_passkey,
    tables.shown_passkey,
    tables.passkey_revocation,
    tables.put_off,
]


def account_opened(tx: Tx, fact: Fact) -> None:
    event: events.AccountOpened = fact.event
    tx.upsert(tables.account, {"space": fact.space, "home": event.home, "opened_at": ms_of(fact.t)})
    _add(tx, fact, event.introduces(), "", "genesis")


def device_added(tx: Tx, fact: Fact) -> None:
    event: events.DeviceAdded = fact.event
    _add(tx, fact, events.public_key(event.alg, event.key), event.label, event.voucher)


def agent_granted(tx: Tx, fact: Fact) -> None:
    event: events.AgentGranted = fact.event
    key = events.public_key(event.alg, event.key)
    spaces = None if event.spaces is None else sorted(event.spaces)
    _add(tx, fact, key, event.label, AGENT, sorted(event.kinds), spaces)


def device_revoked(tx: Tx, fact: Fact) -> None:
    event: events.DeviceRevoked = fact.event
    _revoke(tx, fact.space, event.dev, event.cuts, fact.id, ms_of(fact.t))


def card_made(tx: Tx, fact: Fact) -> None:
    event: events.CardMade = fact.event
    row = {"id": fact.id, "space": fact.space, "number": event.number, "made_at": ms_of(fact.t)}
    tx.upsert(tables.card, row)
    for place, code in enumerate(event.codes, 1):
        tx.upsert(tables.card_code, {
            "card": fact.id, "dev": code.dev, "space": fact.space, "provider": code.provider, "place": place,
        })  # fmt: skip
        _add(tx, fact, events.public_key(code.alg, code.key), "", CARD, [events.DeviceAdded.kind], [fact.space])


def card_revoked(tx: Tx, fact: Fact) -> None:
    event: events.CardRevoked = fact.event
    for dev, ds in sorted(event.cuts.items()):
        _revoke(tx, fact.space, dev, {fact.space: ds}, fact.id, ms_of(fact.t))


def passkey_made(tx: Tx, fact: Fact) -> None:
    event: events.PasskeyMade = fact.event
    tx.upsert(tables.made_passkey, {
        "id": fact.id, "space": fact.space, "credential": event.credential, "key": _decoded(event.key),
        "provider": event.provider, "origin": event.origin, "label": event.label, "made_at": ms_of(fact.t),
    })  # fmt: skip


def passkey_shown(tx: Tx, fact: Fact) -> None:
    """What the passkey did not sign changes nothing, whoever brought it."""
    event: events.PasskeyShown = fact.event
    tx.flush()
    if not standing.holds(tx, fact.space, event):
        return
    row = {"passkey": event.passkey, "dev": event.dev, "space": fact.space, "shown_at": ms_of(fact.t)}
    tx.upsert(tables.shown_passkey, row)
    _add(tx, fact, events.public_key(event.alg, event.key), event.label, PASSKEY)
    for by, at in standing.gone(tx, fact.space, event.passkey, event.dev):
        _revoke(tx, fact.space, event.dev, {}, by, at)


def passkey_revoked(tx: Tx, fact: Fact) -> None:
    event: events.PasskeyRevoked = fact.event
    tx.upsert(tables.passkey_revocation, {
        "passkey": event.passkey, "by": fact.id, "space": fact.space, "stays": json.dumps(sorted(event.stays)),
        "revoked_at": ms_of(fact.t),
    })  # fmt: skip
    tx.flush()
    for dev in standing.brought_in(tx, fact.space, event.passkey):
        if dev not in event.stays:
            _revoke(tx, fact.space, dev, {}, fact.id, ms_of(fact.t))


def profile_changed(tx: Tx, fact: Fact) -> None:
    event: events.ProfileChanged = fact.event
    row = {"space": fact.space, "name": event.name, "status": event.status, "picture": event.picture}
    tx.upsert(tables.profile, {**row, "stamp": fact.stamp}, newer="stamp")


def asking_put_off(tx: Tx, fact: Fact) -> None:
    event: events.AskingPutOff = fact.event
    row = {"space": fact.space, "what": event.what, "at": ms_of(fact.t), "stamp": fact.stamp}
    tx.upsert(tables.put_off, row, newer="stamp")


def _revoke(tx: Tx, space: SpaceId, dev: DeviceId, cuts: Mapping[SpaceId, int], by: CoreId, at: int) -> None:
    row = {"dev": dev, "by": by, "space": space, "revoked_at": at}
    tx.upsert(tables.revocation, {**row, "cuts": json.dumps(cuts, sort_keys=True)})
    owner = tx.execute(select(tables.device.c.account).where(tables.device.c.dev == dev)).scalar()
    if owner == space:
        _cut_off(tx, dev, by, cuts)
    tx.forget_device(dev)
    tx.arrived(dev)


def _decoded(key: str) -> bytes:
    """A text that is no base64url gives an empty key, which signs nothing."""
    try:
        return unb64(key)
    except ValueError:
        return b""


def _add(
    tx: Tx, fact: Fact, key: PublicKey, label: str, voucher: str,
    kinds: Sequence[str] | None = None, spaces: Sequence[str] | None = None,
) -> None:  # fmt: skip
    """Note a device. Who opened an account with it has it; of others the one who claimed it first."""
    claim = f"{int(voucher != 'genesis')}{fact.stamp}"
    held = tx.execute(select(tables.device.c.claim).where(tables.device.c.dev == key.device)).scalar()
    if held is not None and held <= claim:
        return
    tx.upsert(tables.device, {
        "dev": key.device, "space": fact.space, "account": fact.space, "alg": key.alg, "key": key.raw,
        "sort": voucher if voucher in (AGENT, CARD) else "person", "label": label, "voucher": voucher,
        "added_at": ms_of(fact.t), "claim": claim,
        "kinds": None if kinds is None else json.dumps(kinds), "spaces": None if spaces is None else json.dumps(spaces),
    })  # fmt: skip
    tx.forget_device(key.device)
    _late_cuts(tx, key.device, fact.space)
    tx.arrived(key.device)


def _late_cuts(tx: Tx, dev: DeviceId, account: SpaceId) -> None:
    """Cuts that were made before the device was known here. A removal's stand under the account (see spaces)."""
    cut, core, revocation = log_tables.cut.c, log_tables.core.c, tables.revocation.c
    cuts = tx.execute(select(cut.space, cut.by).where(cut.dev == account)).all()
    said = select(core.id, core.body).where(core.id.in_({row.by for row in cuts}), core.body.is_not(None))
    bodies = {row.id: row.body for row in tx.execute(said)}
    for row in cuts:
        if row.by in bodies:
            tx.cut(row.space, dev, json.loads(bodies[row.by])["cuts"].get(dev, 0), row.by)
    for row in tx.execute(
        select(revocation.by, revocation.cuts).where(revocation.dev == dev, revocation.space == account)
    ).all():
        _cut_off(tx, dev, row.by, json.loads(row.cuts))


def _cut_off(tx: Tx, dev: DeviceId, by: CoreId, cuts: Mapping[SpaceId, int]) -> None:
    """Cut a device in the spaces that are named, and with 0 wherever else it has written.

    Invariant: the fact that opened an account stays, or nothing of the account could be verified.
    """
    for space, ds in cuts.items():
        tx.cut(space, dev, max(ds, 1) if opened_with(tx, space, dev) else ds, by)
    for space in last_numbers(tx, dev):
        if space not in cuts:
            tx.cut(space, dev, 0, by)


FOLDS: dict[type[Event], Callable[[Tx, Fact], None]] = {
    events.AccountOpened: account_opened,
    events.DeviceAdded: device_added,
    events.DeviceRevoked: device_revoked,
    events.AgentGranted: agent_granted,
    events.CardMade: card_made,
    events.CardRevoked: card_revoked,
    events.PasskeyMade: passkey_made,
    events.PasskeyShown: passkey_shown,
    events.PasskeyRevoked: passkey_revoked,
    events.ProfileChanged: profile_changed,
    events.AskingPutOff: asking_put_off,
}
