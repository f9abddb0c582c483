"""What a password's hash costs in the product; the other tests hash cheaply (tests/passwords.py)."""

import contextlib
import importlib.util
import threading
from pathlib import Path
from types import ModuleType

from tests import passwords as cheap
from tests.accounts.people import PASSWORD, running
from verbund.accounts.passwords import Passwords


def as_the_product_has_it() -> ModuleType:
    """The module read anew, without what the tests changed."""
    found = importlib.util.find_spec("verbund.accounts.passwords")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


async def test_hash_costs_an_attacker_what_owasp_asks() -> None:
    with contextlib.closing(as_the_product_has_it().Passwords()) as product:
        verifier = await product.verifier(PASSWORD)
        assert verifier.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
        assert await product.matches(verifier, PASSWORD)
        assert not await product.matches(verifier, PASSWORD + ".")


async def test_hash_of_other_costs_is_right_and_made_anew() -> None:
    with contextlib.closing(Passwords()) as tests, contextlib.closing(as_the_product_has_it().Passwords()) as product:
        verifier = await tests.verifier(PASSWORD)
        assert f"$m={cheap.MEMORY_KIB},t={cheap.PASSES},p=1$" in verifier
        assert not tests.stale(verifier)
        assert product.stale(verifier)
        assert await product.matches(verifier, PASSWORD)


async def test_nobody_hashes_any_longer_when_the_provider_ended(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    async with running(tmp_path) as place:
        await place.firm()
        hashing = [one for one in threading.enumerate() if one not in before and one.name.startswith("argon2")]
        assert hashing
    for one in hashing:
        one.join(10)
        assert not one.is_alive()
