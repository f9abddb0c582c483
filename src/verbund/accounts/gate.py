"""The gate: who comes in. Joins passwords, passkeys, challenges and limits; one per process."""

from typing import Any, NamedTuple

import msgspec
from sqlalchemy import update

from verbund.accounts import cards, factors, standing, tables
from verbund.accounts.bearers import Bearers
from verbund.accounts.challenges import Challenges, StaleChallenge, login_message
from verbund.accounts.events import LABEL_CHARS_MAX, PasskeyShown, Voucher, public_key
from verbund.accounts.handles import folded
from verbund.accounts.limits import Limiter, network_of
from verbund.accounts.pairing import Pairings
from verbund.accounts.passkeys import (
    HASH_BYTES,
    NONCE_BYTES,
    PasskeyRefused,
    RelyingParty,
    challenge_for,
    credential_id,
    response_of,
)
from verbund.accounts.passwords import Passwords
from verbund.accounts.queries import Named, handle_of, known_to, names_of, passkey_of, revoked, verifier_of
from verbund.accounts.schemas import CardUse, DeviceSignIn, NewDevice, PasskeySignIn, Signed, SignIn
from verbund.accounts.sessions import admit_by_passkey, admit_device, open_session, remember_browser
from verbund.accounts.visits import Visits
from verbund.base.clock import Clock
from verbund.base.ids import AccountId, CoreId, DeviceId, b64, is_hash, unb64
from verbund.base.keys import check_key, verify
from verbund.base.refusal import Refusal
from verbund.base.settings import Settings
from verbund.log.core import parse
from verbund.log.service import LogService
from verbund.log.tx import Reader, Tx

SIGN_IN = "passkey.sign_in"
DEVICE = "device.sign_in"


class WrongCredentials(Refusal):
    """de: Anmeldename und Passwort passen nicht zusammen. Bitte prüfen Sie beides.
    en: Sign-in name and password do not match. Please check both."""

    code = "accounts.wrong_credentials"
    status = 401


class CodeNeeded(Refusal):
    """de: Bitte geben Sie auch den Code aus Ihrer Authenticator-App ein.
    en: Please also enter the code from your authenticator app."""

    code = "accounts.code_needed"
    status = 401


class DeviceUnknown(Refusal):
    """de: Dieses Gerät ist hier nicht angemeldet. Melden Sie sich mit Passwort oder Passkey an.
    en: This device is not signed in here. Sign in with password or passkey."""

    code = "accounts.device_unknown"
    status = 401


class Visitor(NamedTuple):
    """Where a request comes from: address (kept in memory only), kind of browser, what it shows of earlier visits."""

    host: str | None
    agent: str
    known: str | None

    @property
    def network(self) -> str:
        return network_of(self.host)


class Admitted(NamedTuple):
    """Somebody came in: what the browser is told, and the tokens for its cookies."""

    signed: Signed
    token: str
    known: str


class Gate:
    """Who comes in, and how often somebody may try."""

    def __init__(self, settings: Settings, clock: Clock, log: LogService, bearers: Bearers) -> None:
        self.bearers = bearers
        self.origin = settings.origin
        self.log = log
        self.passwords = Passwords()
        self.challenges = Challenges(clock)
        self.limiter = Limiter(clock)
        self.pairings = Pairings(clock)
        self.visits = Visits(clock)
        self.relying_party = RelyingParty(settings.origin, settings.name)

    def close(self) -> None:
        self.passwords.close()

    async def by_password(self, asked: SignIn, visitor: Visitor) -> Admitted:
        """Come in by password. A wrong handle and a wrong password get the same answer after the same work.

        Raises WrongCredentials, CodeNeeded, WrongCode, TooFast, Overloaded.
        """
        handle = folded(asked.handle)
        account, verifier, known = await self.log.store.look(self._look_up, handle, visitor.known)
        spent = self.limiter.sign_in(handle, visitor.network, visitor.known if known else None)
        if not await self.passwords.matches(verifier, asked.password) or account is None or verifier is None:
            raise WrongCredentials()
        fresh = await self.passwords.verifier(asked.password) if self.passwords.stale(verifier) else None
        admitted = await self._admit(account, asked, visitor, fresh)
        self.limiter.give_back(spent)
        return admitted

    async def by_passkey(self, asked: PasskeySignIn, visitor: Visitor) -> Admitted:
        """Come in by passkey, which is two factors by itself. Raises PasskeyRefused, StaleChallenge, TooFast."""
        spent = self.limiter.by_network(visitor.network)
        challenge = self._redeem(asked)
        identifier = credential_id(asked.passkey.credential)
        row = await self.log.store.look(self._passkey, identifier)
        if row is None:
            admitted = await self._by_standing(asked, identifier, challenge, visitor)
            self.limiter.give_back(spent)
            return admitted
        uses = self.relying_party.check_request(challenge, asked.passkey.credential, bytes(row.public_key), row.uses)

        def admit(tx: Tx) -> Admitted:
            passkey = tables.passkey.c
            tx.execute(update(tables.passkey).where(passkey.id == identifier).values(uses=uses, used_at=tx.now_ms()))
            return self._open(tx, AccountId(row.account), asked.device, visitor, "provider")

        admitted = await self.log.write(admit)
        self.limiter.give_back(spent)
        return admitted

    async def _by_standing(self, asked: PasskeySignIn, identifier: str, challenge: bytes, visitor: Visitor) -> Admitted:
        """By a passkey that stands in the account's log. What it signed says of a new device whose it is, so everybody
        believes it without this provider's word."""
        response = response_of(asked.passkey.credential)
        row = await self.log.store.look(self._standing, identifier, response.get("userHandle"))
        if row is None:
            raise DeviceUnknown()
        self.relying_party.check_request(challenge, asked.passkey.credential, bytes(row.key), 0)
        device = asked.device
        try:
            shown = msgspec.convert({
                "passkey": row.id, "dev": _dev(device), "alg": device.alg, "key": device.key,
                "label": device.label[:LABEL_CHARS_MAX], "client": response.get("clientDataJSON"),
                "data": response.get("authenticatorData"), "sig": response.get("signature"),
            }, PasskeyShown)  # fmt: skip
        except msgspec.ValidationError as error:
            raise PasskeyRefused() from error

        def admit(tx: Tx) -> Admitted:
            account = AccountId(row.space)
            if standing.revoked(tx, row.id):
                raise DeviceUnknown()
            admit_by_passkey(tx, self.log.core, self.log.provider_device, account, shown, CoreId(row.id))
            signed, token = open_session(tx, account, shown.dev, visitor.agent)
            return Admitted(signed, token, remember_browser(tx, account, visitor.known))

        return await self.log.write(admit)

    async def by_device(self, asked: DeviceSignIn, visitor: Visitor) -> Admitted:
        """Come in by the signature of a device that the account has. Works for whoever this provider knows.

        Raises DeviceUnknown, StaleChallenge, TooFast.
        """

        def admit(tx: Tx) -> Admitted:
            account, dev = self._device(tx, asked)
            signed, token = open_session(tx, account, dev, visitor.agent)
            return Admitted(signed, token, remember_browser(tx, account, visitor.known))

        with self.limiter.failures(visitor.network):
            self.challenges.redeem(DEVICE, asked.challenge)
            return await self.log.write(admit)

    async def by_card(self, asked: CardUse, visitor: Visitor) -> None:
        """A code of an emergency card vouches for a new device, which signs in by itself then.

        Raises TooFast, and what `cards.use` raises.
        """
        spent = self.limiter.by_network(visitor.network)
        dev = parse(asked.parcel).core.dev

        def look_up() -> str | None:
            with self.log.store.read() as connection:
                return cards.owner_of_code(connection, dev)

        account = await self.log.store.look(look_up)
        if account is None:
            raise cards.CodeUnknown()
        if asked.code is not None:
            spent += self.limiter.second_step(account)
        await self.log.write(lambda tx: cards.use(tx, self.log.core, asked))
        self.limiter.give_back(spent)

    async def bearer_by_device(self, asked: DeviceSignIn, visitor: Visitor) -> Signed:
        """As `by_device`, for a browser whose page is another provider's. Writes nothing.

        Raises DeviceUnknown, StaleChallenge, TooFast.
        """

        def look_up() -> tuple[AccountId, DeviceId]:
            with self.log.store.read() as connection:
                view = Reader(connection, self.log.core.clock, self.log.core.directory)
                return self._device(view, asked)

        with self.limiter.failures(visitor.network):
            self.challenges.redeem(DEVICE, asked.challenge)
            commits = self.bearers.commits
            account, dev = await self.log.store.look(look_up)
        token, session, ends_at = self.bearers.give(account, dev)
        self.bearers.remember(account, dev, commits)
        return Signed(account, dev, session, token, ends_at)

    def _device(self, view: Reader, asked: DeviceSignIn) -> tuple[AccountId, DeviceId]:
        """Whose device signed the challenge. Raises DeviceUnknown."""
        dev = DeviceId(asked.dev)
        device = view.device(dev) if is_hash(dev) else None
        message = login_message(asked.challenge, self.origin, asked.dev)
        if device is None or device.sort != "person" or not verify(device.key, _bytes(asked.sig), message):
            raise DeviceUnknown()
        account = AccountId(device.actor)
        if revoked(view, dev, account):
            raise DeviceUnknown()
        return account, dev

    def _redeem(self, asked: PasskeySignIn) -> bytes:
        """What the passkey had to sign. Raises StaleChallenge, where it is for another device too."""
        try:
            raw = unb64(asked.passkey.challenge)
        except ValueError as error:
            raise StaleChallenge() from error
        if len(raw) != NONCE_BYTES + HASH_BYTES:
            return self.challenges.redeem(SIGN_IN, asked.passkey.challenge)
        nonce = raw[:NONCE_BYTES]
        if raw != challenge_for(nonce, _dev(asked.device)):
            raise StaleChallenge()
        self.challenges.redeem(SIGN_IN, b64(nonce))
        return raw

    async def _admit(self, account: AccountId, asked: SignIn, visitor: Visitor, fresh: str | None) -> Admitted:
        if asked.code is not None:
            tried = self.limiter.second_step(account)

        def admit(tx: Tx) -> Admitted:
            voucher: Voucher = "provider"
            if factors.is_on(tx, account):
                if asked.code is None:
                    raise CodeNeeded()
                voucher = "recovery" if factors.check(tx, account, asked.code) == "recovery" else "provider"
            if fresh is not None:
                credential = tables.credential.c
                tx.execute(update(tables.credential).where(credential.account == account).values(verifier=fresh))
            return self._open(tx, account, asked.device, visitor, voucher)

        admitted = await self.log.write(admit)
        if asked.code is not None:
            self.limiter.give_back(tried)
        return admitted

    def _open(self, tx: Tx, account: AccountId, device: NewDevice, visitor: Visitor, voucher: Voucher) -> Admitted:
        dev = admit_device(tx, self.log.core, self.log.provider_device, account, device, voucher)
        signed, token = open_session(tx, account, dev, visitor.agent)
        return Admitted(signed, token, remember_browser(tx, account, visitor.known))

    def _look_up(self, handle: str, shown: str | None) -> tuple[AccountId | None, str | None, bool]:
        with self.log.store.read() as connection:
            account, verifier = verifier_of(connection, handle)
            known = account is not None and shown is not None and known_to(connection, account, shown)
        return account, verifier, known

    def _passkey(self, identifier: str) -> Any:
        with self.log.store.read() as connection:
            return passkey_of(connection, identifier)

    def _standing(self, identifier: str, user: Any) -> Any:
        with self.log.store.read() as connection:
            whose = user if isinstance(user, str) else None
            return standing.good_here(connection, self.log.provider, self.origin, identifier, whose)


def handle_in(tx: Tx, account: str) -> str:
    """What the account is called in an authenticator app: its handle here, else the person's name."""
    tx.flush()
    return handle_of(tx.connection, account) or names_of(tx.connection, [account]).get(account, Named()).name


def _dev(device: NewDevice) -> DeviceId:
    """Raises WeakKey."""
    return check_key(public_key(device.alg, device.key)).device


def _bytes(text: str) -> bytes:
    try:
        return unb64(text)
    except ValueError:
        return b""
