"""Passwords: argon2id (RFC 9106) in few threads, so that memory stays bounded. The one adapter to argon2."""

import asyncio
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import Type

from verbund.base.refusal import Overloaded, Refusal

#: OWASP's second set (19 MiB, 2 passes); at most THREADS of them at a time.
MEMORY_KIB = 19 * 1024
PASSES = 2
THREADS = 2
WAITING_MAX = 64
PASSWORD_CHARS_MIN = 10
PASSWORD_BYTES_MAX = 1024
DIFFERENT_CHARS_MIN = 4
Result = TypeVar("Result")


class WeakPassword(Refusal):
    """de: Dieses Passwort ist zu leicht zu erraten. Nehmen Sie mindestens 10 Zeichen, am besten mehrere Wörter.
    en: This password is too easy to guess. Use at least 10 characters, several words are best."""

    code = "accounts.weak_password"
    status = 422


class LongPassword(Refusal):
    """de: Dieses Passwort ist zu lang. Nehmen Sie höchstens 200 Zeichen.
    en: This password is too long. Use 200 characters at most."""

    code = "accounts.long_password"
    status = 422


class Passwords:
    """Makes and checks verifiers. Raises Overloaded when too many wait."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=1, type=Type.ID)
        self._threads = ThreadPoolExecutor(THREADS, "argon2")
        self._waiting = 0
        self._nobody: str | None = None

    async def verifier(self, password: str) -> str:
        """What is kept of a password. Raises WeakPassword, LongPassword."""
        return await self._run(self._hasher.hash, prepared(password))

    async def matches(self, verifier: str | None, password: str) -> bool:
        """Whether the password is right. Without a verifier the answer is no, after the same work."""
        if self._nobody is None:
            self._nobody = await self._run(self._hasher.hash, "nobody's password")
        try:
            text = _normal(password)
            right = await self._run(self._check, verifier or self._nobody, text)
        except LongPassword:
            return False
        return right and verifier is not None

    def stale(self, verifier: str) -> bool:
        """Whether a verifier was made with other costs than today's."""
        return self._hasher.check_needs_rehash(verifier)

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _check(self, verifier: str, password: str) -> bool:
        try:
            return self._hasher.verify(verifier, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _run(self, work: Callable[..., Result], *arguments: str) -> Result:
        if self._waiting >= WAITING_MAX:
            raise Overloaded()
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)
        finally:
            self._waiting -= 1


def prepared(password: str) -> str:
    """The password as it is hashed (RFC 8265, OpaqueString). Raises WeakPassword, LongPassword."""
    text = _normal(password)
    if len(text) < PASSWORD_CHARS_MIN or len(set(text.casefold())) < DIFFERENT_CHARS_MIN:
        raise WeakPassword()
    return text


def _normal(password: str) -> str:
    text = unicodedata.normalize("NFC", password)
    try:
        size = len(text.encode("utf-8"))
    except UnicodeEncodeError as error:
        raise LongPassword() from error
    if size > PASSWORD_BYTES_MAX:
        raise LongPassword()
    return text
