"""Shapes that accounts send and take."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from verbund.base.ids import AccountId, CoreId, DeviceId, ProviderId, SpaceId
from verbund.log.core import Parcel

HANDLE_CHARS_MAX = 80
PASSWORD_CHARS_MAX = 1024
CODE_CHARS_MAX = 40
TOKEN_CHARS_MAX = 200
PARCELS_MAX = 32

Handle = Annotated[str, Meta(max_length=HANDLE_CHARS_MAX)]
Password = Annotated[str, Meta(max_length=PASSWORD_CHARS_MAX)]
Code = Annotated[str, Meta(max_length=CODE_CHARS_MAX)]
Token = Annotated[str, Meta(max_length=TOKEN_CHARS_MAX)]
Label = Annotated[str, Meta(max_length=80)]
Parcels = Annotated[list[Parcel], Meta(max_length=PARCELS_MAX)]


class Caller(Struct, frozen=True):
    """Who asks: the account, the device that this browser signs with, the session."""

    account: AccountId
    device: DeviceId
    session: str


class InvitationProof(Struct, forbid_unknown_fields=True):
    """An invitation and its key's signature over the join message of the new account."""

    id: Token
    sig: Token


class Proof(Struct, forbid_unknown_fields=True):
    """Why somebody may open an account here: the one-time link of the set-up, or an invitation."""

    setup: Token | None = None
    invitation: InvitationProof | None = None


class PasskeyAnswer(Struct, forbid_unknown_fields=True):
    """What the browser's `navigator.credentials` gave, with the challenge that it answers."""

    challenge: Token
    credential: dict[str, Any]
    label: Label = ""


class NewAccount(Struct, forbid_unknown_fields=True):
    """A registration. The parcels are taken in all or none: the account, its profile, its first spaces."""

    proof: Proof
    handle: Handle
    parcels: Parcels
    password: Password | None = None
    passkey: PasskeyAnswer | None = None
    label: Label = ""


class NewDevice(Struct, forbid_unknown_fields=True):
    """The key that a browser made for itself."""

    alg: Literal["ed25519", "p256"]
    key: Token
    label: Label = ""


class SignIn(Struct, forbid_unknown_fields=True):
    """A sign-in by password. `code`: the second factor or a recovery code."""

    handle: Handle
    password: Password
    device: NewDevice
    code: Code | None = None


class PasskeySignIn(Struct, forbid_unknown_fields=True):
    """A sign-in by passkey."""

    passkey: PasskeyAnswer
    device: NewDevice


class DeviceSignIn(Struct, forbid_unknown_fields=True):
    """A sign-in by a device that is known: its signature over the challenge. `bearer`: a token instead of a cookie."""

    dev: Token
    challenge: Token
    sig: Token
    bearer: bool = False


class Signed(Struct):
    """Signed in: what the browser has to know to go on. `token`: what it shows elsewhere, until `ends_at` (ms)."""

    account: AccountId
    device: DeviceId
    session: str
    token: str | None = None
    ends_at: int | None = None


class Challenge(Struct):
    """Sign `message(nonce, audience)` within its life time."""

    nonce: str
    audience: str
    expires_at: int


class DeviceShape(Struct):
    """A device as its owner sees it. `cuts`: its last number in each space, for its revocation. `twofold`: it gave one
    number to two facts."""

    dev: DeviceId
    label: str
    sort: str
    voucher: str
    added_at: int
    current: bool
    signed_in: bool
    seen_at: int | None
    agent: str
    revoked_at: int | None
    cuts: dict[SpaceId, int]
    twofold: bool


class Revocation(Struct, forbid_unknown_fields=True):
    """The facts that revoke a device, signed by the caller's device."""

    parcels: Parcels = []


class PasswordChange(Struct, forbid_unknown_fields=True):
    """A new password; the old one, if there is one. `handle`: for who has no way to sign in at this provider yet."""

    new: Password
    old: Password | None = None
    handle: str | None = None


class SecondFactorCode(Struct, forbid_unknown_fields=True):
    """A code of the second factor."""

    code: Code


class SecondFactorSetup(Struct):
    """What the authenticator app scans."""

    secret: str
    uri: str
    qr_svg: str


class RecoveryCodes(Struct):
    """Shown once; each works once."""

    codes: list[str]


class CardCodeShape(Struct):
    """A code of an emergency card: its number on the card, where it is good, when it was used."""

    dev: DeviceId
    place: int
    provider: ProviderId
    used_at: int | None


class CardShape(Struct):
    """An emergency card as its owner sees it."""

    card: CoreId
    number: str
    made_at: int
    revoked_at: int | None
    codes: list[CardCodeShape]


class CardPlace(Struct):
    """A provider where codes of a card are good. `here`: the one that answers."""

    provider: ProviderId
    name: str
    url: str
    here: bool


class CardPreview(Struct):
    """A card as whoever holds it needs it to sign in. `heads`: what the fact of its code has seen."""

    account: AccountId
    revoked: bool
    second_factor: bool
    heads: list[CoreId]
    codes: list[CardCodeShape]
    places: list[CardPlace]


class Asking(Struct):
    """What the caller is asked for on the page of today. `passkey`: the provider that could have one."""

    card: bool
    passkey: str | None = None


class CardUse(Struct, forbid_unknown_fields=True):
    """The fact that a card's code vouches for a new device, signed by the code's key. `code`: the second factor."""

    parcel: Parcel
    code: Code | None = None


class ResetLinkWanted(Struct, forbid_unknown_fields=True):
    """For whom a link is made."""

    account: Token


class ResetLink(Struct):
    """The one-time token that sets a new password."""

    token: str
    expires_at: int


class PasswordReset(Struct, forbid_unknown_fields=True):
    """A new password by the link that a colleague made."""

    token: Token
    password: Password


class Security(Struct):
    """How the caller signs in. `handle`: empty where the account was opened elsewhere. `home`: the only provider whose
    word brings new devices in (null: any). `standing`: passkeys at other providers, which everybody checks."""

    handle: str
    password: bool
    second_factor: bool
    recovery_codes_left: int
    passkeys: list["PasskeyShape"]
    home: ProviderId | None
    standing: list["StandingPasskey"]


class PasskeyShape(Struct):
    """A passkey as its owner sees it."""

    id: str
    label: str
    created_at: int
    used_at: int | None


class StandingPasskey(Struct):
    """A passkey that stands in the account's log. `devices`: what it brought in; `used_at`: when it did so last."""

    fact: CoreId
    provider: ProviderId
    origin: str
    label: str
    made_at: int
    devices: list[DeviceId]
    used_at: int | None


class VisitShape(Struct):
    """What lets this provider's own page make a passkey for the caller, once, until `ends_at` (ms)."""

    ticket: str
    ends_at: int


class Visit(Struct, forbid_unknown_fields=True):
    """The ticket that the page was opened with."""

    ticket: Token


class VisitOptions(Struct):
    """For whom it is, and what `navigator.credentials.create` takes."""

    name: str
    challenge: str
    options: Any


class VisitAnswer(Struct, forbid_unknown_fields=True):
    """What the browser made."""

    ticket: Token
    passkey: PasskeyAnswer


class MadePasskey(Struct, frozen=True):
    """What the fact of a passkey says (`account.passkey_made.1`)."""

    credential: str
    key: str
    provider: ProviderId
    origin: str
    label: str


class VisitState(Struct):
    """How it stands, for who began it."""

    made: MadePasskey | None


class PasskeyOptionsWanted(Struct, forbid_unknown_fields=True):
    """The device that is to be signed in."""

    device: NewDevice | None = None


class Done(Struct):
    """It was done. `code` names what a person should know besides."""

    ok: bool = True
