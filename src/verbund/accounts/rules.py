"""What may become a fact of an account: whose space it is follows from its id, so `may` needs no further authority."""

import unicodedata
from typing import Any

from sqlalchemy import func, select

from verbund.accounts import events, standing, tables
from verbund.accounts.passkeys import PASSKEYS_MAX, PasskeyRefused, TooManyPasskeys, may_have_passkeys
from verbund.accounts.queries import DEVICES_MAX, last_numbers, opened_with
from verbund.base.keys import PublicKey, WeakKey, check_key
from verbund.base.refusal import Refusal, Unknown
from verbund.log.registry import Event, Fact, Rule, rule
from verbund.log.tx import Reader

CARDS_MAX = 100
#: So many in all, those included that were revoked.
PASSKEYS_MADE_MAX = 100
#: Sort of device → as what it may vouch for another.
VOUCHERS = {"person": ("device",), "card": ("recovery",), "provider": ("recovery", "provider")}


class NotYours(Refusal):
    """de: Das kann nur die Person ändern, der dieses Konto gehört.
    en: Only the person who owns this account can change that."""

    code = "accounts.not_yours"
    status = 403


class CutMissing(Refusal):
    """de: Dieses Gerät hat seit Ihrem letzten Blick noch etwas geschrieben. Versuchen Sie es noch einmal.
    en: This device has written something since you last looked. Try again."""

    code = "accounts.cut_missing"
    status = 409


class DeviceTaken(Refusal):
    """de: Dieses Gerät gehört schon zu einem Konto. Melden Sie es dort ab oder nehmen Sie einen anderen Browser.
    en: This device already belongs to an account. Sign it out there, or use another browser."""

    code = "accounts.device_taken"
    status = 409


class TooManyDevices(Refusal):
    """de: Dieses Konto hat sehr viele Geräte. Melden Sie einige ab, die Sie nicht mehr benutzen.
    en: This account has very many devices. Sign out some that you no longer use."""

    code = "accounts.too_many_devices"
    status = 409


class CodeUsed(Refusal):
    """de: Dieser Code der Notfallkarte wurde schon benutzt. Nehmen Sie den nächsten.
    en: This code of the emergency card was used already. Take the next one."""

    code = "accounts.card_code_used"
    status = 409


class TooManyCards(Refusal):
    """de: Dieses Konto hatte schon sehr viele Notfallkarten. Es gilt die letzte, die nicht widerrufen ist.
    en: This account has had very many emergency cards. The last one that was not revoked is good."""

    code = "accounts.too_many_cards"
    status = 409


class BadName(Refusal):
    """de: Bitte geben Sie einen Namen ein, der zu sehen ist.
    en: Please enter a name that can be seen."""

    code = "accounts.bad_name"
    status = 422


def account_opened(fact: Fact, _authority: Any) -> None:
    if fact.event.introduces().device != fact.dev:
        raise WeakKey(reason="device")


def device_added(fact: Fact, authority: Any) -> None:
    """A device of the account vouches, a code of its emergency card, or its home provider; everybody sees which."""
    event: events.DeviceAdded = fact.event
    _matches(events.public_key(event.alg, event.key), event.dev)
    if event.voucher not in VOUCHERS.get(fact.device.sort, ()):
        raise NotYours()
    if not fact.by_provider:
        _of_account(fact)
    elif authority.providers and fact.actor not in authority.providers:
        raise NotYours()
    if fact.device.sort == "card" and fact.ds != 1:
        raise CodeUsed()


def device_revoked(fact: Fact, _authority: Any) -> None:
    """The account's own space must be among the cuts: what the device did for the account stays or goes by word."""
    event: events.DeviceRevoked = fact.event
    _own(fact)
    cut = event.cuts.get(fact.space)
    if cut is None or (event.dev == fact.dev and cut < fact.ds):
        raise CutMissing()


def agent_granted(fact: Fact, _authority: Any) -> None:
    event: events.AgentGranted = fact.event
    _own(fact)
    _matches(events.public_key(event.alg, event.key), event.dev)
    if any(kind.startswith(("account.", "authority.")) for kind in event.kinds):
        raise NotYours()


def card_made(fact: Fact, _authority: Any) -> None:
    event: events.CardMade = fact.event
    _own(fact)
    for code in event.codes:
        _matches(events.public_key(code.alg, code.key), code.dev)
    if len({code.dev for code in event.codes}) < len(event.codes):
        raise DeviceTaken()


def card_revoked(fact: Fact, _authority: Any) -> None:
    """The card must be here before: its codes are folded then."""
    event: events.CardRevoked = fact.event
    _own(fact)
    if event.card not in fact.re:
        raise Unknown()


def passkey_made(fact: Fact, _authority: Any) -> None:
    _own(fact)


def passkey_shown(fact: Fact, _authority: Any) -> None:
    """Whichever provider brings it: what the passkey signed is checked in the fold, by the fact that made it."""
    event: events.PasskeyShown = fact.event
    _matches(events.public_key(event.alg, event.key), event.dev)
    if not fact.by_provider:
        raise NotYours()
    if event.passkey not in fact.re:
        raise Unknown()


def passkey_revoked(fact: Fact, _authority: Any) -> None:
    event: events.PasskeyRevoked = fact.event
    _own(fact)
    if event.passkey not in fact.re:
        raise Unknown()


def profile_changed(fact: Fact, _authority: Any) -> None:
    event: events.ProfileChanged = fact.event
    _own(fact)
    if not visible(event.name) or list(event.blobs) != ([event.picture] if event.picture else []):
        raise BadName()


def asking_put_off(fact: Fact, authority: Any) -> None:
    """In the person's own space, by one of their devices."""
    if fact.device.sort != "person" or authority.role_of(fact.actor) is None:
        raise Unknown()


def visible(name: str) -> bool:
    """Whether a name shows something and hides no control characters."""
    return bool(name.strip()) and not any(unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") for letter in name)


def admits_device(fact: Fact, view: Reader) -> None:
    """The device is nobody's yet."""
    device = tables.device.c
    if view.device(fact.event.dev) is not None:
        raise DeviceTaken()
    count = view.execute(select(func.count()).where(device.account == fact.space, device.sort != "card")).scalar()
    if (count or 0) >= DEVICES_MAX:
        raise TooManyDevices()


def admits_card(fact: Fact, view: Reader) -> None:
    """The codes are nobody's yet."""
    event: events.CardMade = fact.event
    if any(view.device(code.dev) is not None for code in event.codes):
        raise DeviceTaken()
    count = view.execute(select(func.count()).where(tables.card.c.space == fact.space)).scalar()
    if (count or 0) >= CARDS_MAX:
        raise TooManyCards()


def admits_card_revocation(fact: Fact, view: Reader) -> None:
    """Every code of the card is named, those that were used with their use."""
    event: events.CardRevoked = fact.event
    code = tables.card_code.c
    held = view.execute(select(code.dev).where(code.card == event.card, code.space == fact.space)).scalars().all()
    if not held:
        raise Unknown()
    if {dev: min(1, view.head(fact.space, dev)[0]) for dev in held} != event.cuts:
        raise CutMissing()


def admits_passkey(fact: Fact, view: Reader) -> None:
    """The passkey is nobody's yet, and made where browsers make some."""
    event: events.PasskeyMade = fact.event
    made = tables.made_passkey.c
    count = view.execute(select(func.count()).where(made.space == fact.space)).scalar() or 0
    taken = view.execute(select(made.id).where(made.credential == event.credential).limit(1)).first()
    if count >= PASSKEYS_MADE_MAX or len(standing.ids_of(view.connection, fact.space)) >= PASSKEYS_MAX or taken:
        raise TooManyPasskeys()
    if not may_have_passkeys(event.origin):
        raise PasskeyRefused()


def admits_shown(fact: Fact, view: Reader) -> None:
    """It holds, the passkey is good, and the device is nobody's yet."""
    event: events.PasskeyShown = fact.event
    if standing.revoked(view, event.passkey) or not standing.holds(view, fact.space, event):
        raise PasskeyRefused()
    admits_device(fact, view)


def admits_passkey_revocation(fact: Fact, view: Reader) -> None:
    """Every device that came in by it is named."""
    event: events.PasskeyRevoked = fact.event
    if standing.made(view, fact.space, event.passkey) is None:
        raise Unknown()
    if not set(standing.brought_in(view, fact.space, event.passkey)) <= set(event.stays):
        raise CutMissing()


def admits_revocation(fact: Fact, view: Reader) -> None:
    """Every space in which the device has written, as far as known here, must be named: one that is not has cut 0."""
    event: events.DeviceRevoked = fact.event
    owner = view.device(event.dev)
    if owner is None or owner.actor != fact.actor:
        raise Unknown()
    if any(space not in event.cuts for space in last_numbers(view, event.dev)):
        raise CutMissing()
    if event.cuts[fact.space] == 0 and opened_with(view, fact.space, event.dev):
        raise CutMissing()


def _of_account(fact: Fact) -> None:
    if str(fact.actor) != str(fact.space):
        raise Unknown()


def _own(fact: Fact) -> None:
    _of_account(fact)
    if fact.device.sort != "person":
        raise NotYours()


def _matches(key: PublicKey, dev: str) -> None:
    if check_key(key).device != dev:
        raise WeakKey(reason="device")


RULES: dict[type[Event], Rule] = {
    events.AccountOpened: rule(account_opened),
    events.DeviceAdded: rule(device_added, admits_device),
    events.DeviceRevoked: rule(device_revoked, admits_revocation),
    events.AgentGranted: rule(agent_granted, admits_device),
    events.CardMade: rule(card_made, admits_card),
    events.CardRevoked: rule(card_revoked, admits_card_revocation),
    events.PasskeyMade: rule(passkey_made, admits_passkey),
    events.PasskeyShown: rule(passkey_shown, admits_shown),
    events.PasskeyRevoked: rule(passkey_revoked, admits_passkey_revocation),
    events.ProfileChanged: rule(profile_changed),
    events.AskingPutOff: rule(asking_put_off),
}
