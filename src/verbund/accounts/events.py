"""The facts of an account: its devices and its profile. They live in the account's own space."""

from typing import Annotated, ClassVar, Literal

from msgspec import Meta, Struct

from verbund.base.ids import BlobHash, CoreId, DeviceId, ProviderId, SpaceId, unb64
from verbund.base.keys import PublicKey
from verbund.log.registry import Event

LABEL_CHARS_MAX = 80
NAME_CHARS_MAX = 80
STATUS_CHARS_MAX = 140
AGENT_KINDS_MAX = 64
AGENT_SPACES_MAX = 256
CUT_SPACES_MAX = 600
CARD_CODES_MAX = 16
CREDENTIAL_ID_CHARS_MAX = 1400
#: A public key, or what an authenticator signed: RSA needs most.
CODED_CHARS_MAX = 2048
STAYING_MAX = 200
_HASH = r"\A[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]\Z"

AnyDevice = Annotated[DeviceId, Meta(pattern=_HASH)]
AnySpace = Annotated[SpaceId, Meta(pattern=_HASH)]
AnyProvider = Annotated[ProviderId, Meta(pattern=_HASH)]
AnyFact = Annotated[CoreId, Meta(pattern=_HASH)]
AnyBlob = Annotated[BlobHash, Meta(pattern=_HASH)]
Algorithm = Literal["ed25519", "p256"]
Voucher = Literal["device", "recovery", "provider"]
Coded = Annotated[str, Meta(min_length=1, max_length=CODED_CHARS_MAX, pattern=r"\A[A-Za-z0-9_-]+\Z")]
CredentialId = Annotated[str, Meta(min_length=1, max_length=CREDENTIAL_ID_CHARS_MAX, pattern=r"\A[A-Za-z0-9_-]+\Z")]
Origin = Annotated[str, Meta(max_length=300, pattern=r"\Ahttps?://[a-z0-9.-]+(:[0-9]{1,5})?\Z")]
KeyText = Annotated[str, Meta(min_length=43, max_length=88, pattern=r"\A[A-Za-z0-9_-]+\Z")]
Label = Annotated[str, Meta(max_length=LABEL_CHARS_MAX)]
Number = Annotated[int, Meta(ge=0)]
#: What is printed on a card: eight letters and digits that nobody confuses.
CardNumber = Annotated[str, Meta(pattern=r"\A[A-HJ-NP-Z2-9]{8}\Z")]
ACCOUNT = frozenset({"account"})


def public_key(alg: str, key: str) -> PublicKey:
    """The key of an event. A text that is no base64url gives an empty key, which `check_key` refuses."""
    try:
        return PublicKey(alg, unb64(key))
    except ValueError:
        return PublicKey(alg, b"")


class AccountOpened(Event, frozen=True):
    """Somebody opened an account. The first fact of its space, signed by the account's first device; its id is the
    account's id. `home` is the only provider that may vouch for devices later (null: any provider that is known).
    There is one only, so nothing is concurrent."""

    kind: ClassVar[str] = "account.account_opened.1"
    sorts: ClassVar[frozenset[str]] = ACCOUNT
    authority: ClassVar[bool] = True
    founds: ClassVar[bool] = True

    alg: Algorithm
    key: KeyText
    home: AnyProvider | None = None

    def introduces(self) -> PublicKey:
        return public_key(self.alg, self.key)


class DeviceAdded(Event, frozen=True):
    """A device belongs to the account, says another device, a recovery code or the provider alone. Concurrent copies
    for one device are one; of two accounts that claim one device, who opened with it has it, else who came first."""

    kind: ClassVar[str] = "account.device_added.1"
    sorts: ClassVar[frozenset[str]] = ACCOUNT
    authority: ClassVar[bool] = True

    dev: AnyDevice
    alg: Algorithm
    key: KeyText
    label: Label
    voucher: Voucher


class DeviceRevoked(Event, frozen=True):
    """A device belongs to the account no longer. What it wrote after its cut is set aside everywhere; a space without
    a cut has cut 0. Concurrent revocations all hold: the lowest cut counts."""

    kind: ClassVar[str] = "account.device_revoked.1"
    sorts: ClassVar[frozenset[str]] = ACCOUNT
    authority: ClassVar[bool] = True

    dev: AnyDevice
    cuts: Annotated[dict[AnySpace, Number], Meta(max_length=CUT_SPACES_MAX)]


class AgentGranted(Event, frozen=True):
    """The account lets a program act for it, with some kinds of fact and perhaps in some spaces only. Concurrent copies
    for one device are one, the earlier."""

    kind: ClassVar[str] = "account.agent_granted.1"
    sorts: ClassVar[frozenset[str]] = ACCOUNT
    authority: ClassVar[bool] = True

    dev: AnyDevice
    alg: Algorithm
    key: KeyText
    label: Label
    kinds: Annotated[tuple[Annotated[str, Meta(max_length=80)], ...], Meta(max_length=AGENT_KINDS_MAX)]
    spaces: Annotated[tuple[AnySpace, ...], Meta(max_length=AGENT_SPACES_MAX)] | None


class ProfileChanged(Event, frozen=True):
    """A person's name, status line and picture as others see them. The last writer wins, for all three together."""

    kind: ClassVar[str] = "account.profile_changed.1"
    sorts: ClassVar[frozenset[str]] = ACCOUNT

    name: Annotated[str, Meta(min_length=1, max_length=NAME_CHARS_MAX)]
    status: Annotated[str, Meta(max_length=STATUS_CHARS_MAX)] = ""
    picture: AnyBlob | None = None
    blobs: Annotated[tuple[AnyBlob, ...], Meta(max_length=1)] = ()


class CardCode(Struct, frozen=True, forbid_unknown_fields=True):
    """A code of an emergency card: the key that follows from it, and the provider where it is good."""

    dev: AnyDevice
    alg: Algorithm
    key: KeyText
    provider: AnyProvider


class CardMade(Event, frozen=True):
    """Somebody made an emergency card. Each of its codes is a key that may say one thing once: that a new device
    belongs to the account. Concurrent cards stand beside each other, until they are revoked."""

    kind: ClassVar[str] = "account.card_made.1"
    sorts: ClassVar[frozenset[str]] = ACCOUNT
    authority: ClassVar[bool] = True

    number: CardNumber
    codes: Annotated[tuple[CardCode, ...], Meta(min_length=1, max_length=CARD_CODES_MAX)]


class CardRevoked(Event, frozen=True):
    """An emergency card is good no longer. `cuts`: for each of its codes 1 where it was used and its device stays, else
    0. Concurrent revocations all hold: the lowest cut counts."""

    kind: ClassVar[str] = "account.card_revoked.1"
    sorts: ClassVar[frozenset[str]] = ACCOUNT
    authority: ClassVar[bool] = True

    card: AnyFact
    cuts: Annotated[dict[AnyDevice, Annotated[int, Meta(ge=0, le=1)]], Meta(min_length=1, max_length=CARD_CODES_MAX)]


class PasskeyMade(Event, frozen=True):
    """Somebody made a passkey at a provider that is not the account's home, on that provider's own page: browsers show
    it at that `origin` only. `key`: its public half, as COSE (RFC 9053). What it signs brings new devices in.
    Concurrent ones stand beside each other, until they are revoked."""

    kind: ClassVar[str] = "account.passkey_made.1"
    sorts: ClassVar[frozenset[str]] = ACCOUNT
    authority: ClassVar[bool] = True

    credential: CredentialId
    key: Coded
    provider: AnyProvider
    origin: Origin
    label: Label = ""


class PasskeyShown(Event, frozen=True):
    """A passkey of the account signed that a new device belongs to it (WebAuthn level 3, section 7.2): everybody checks
    that by the fact that made it, which stands in `re`; the provider that brings it vouches for nothing. What does not
    hold changes nothing. Concurrent copies for one device are one."""

    kind: ClassVar[str] = "account.passkey_shown.1"
    sorts: ClassVar[frozenset[str]] = ACCOUNT
    authority: ClassVar[bool] = True

    passkey: AnyFact
    dev: AnyDevice
    alg: Algorithm
    key: KeyText
    label: Label
    client: Coded
    data: Coded
    sig: Coded


class PasskeyRevoked(Event, frozen=True):
    """A passkey is good no longer. `stays`: the devices that it brought in and that remain; any other that it brings
    in, earlier or later, is revoked with it. Concurrent revocations all hold: who stays is named by each."""

    kind: ClassVar[str] = "account.passkey_revoked.1"
    sorts: ClassVar[frozenset[str]] = ACCOUNT
    authority: ClassVar[bool] = True

    passkey: AnyFact
    stays: Annotated[tuple[AnyDevice, ...], Meta(max_length=STAYING_MAX)]


class AskingPutOff(Event, frozen=True):
    """The person does not want to be asked for something now. The latest wins."""

    kind: ClassVar[str] = "account.asking_put_off.1"
    sorts: ClassVar[frozenset[str]] = frozenset({"personal"})

    what: Literal["card", "passkey"]


EVENTS: tuple[type[Event], ...] = (
    AccountOpened, DeviceAdded, DeviceRevoked, AgentGranted, CardMade, CardRevoked, PasskeyMade, PasskeyShown,
    PasskeyRevoked, ProfileChanged, AskingPutOff,
)  # fmt: skip
