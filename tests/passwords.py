"""Password hashes of the tests: argon2id as ever, with costs that a suite of thousands of sign-ins can bear.

A tenth of what a test with people in it took was hashing. What the product's costs are is held by
tests/accounts/test_passwords.py; `make up` and the benchmarks hash as the product does.
"""

from verbund.accounts import passwords

MEMORY_KIB = 64
PASSES = 1


def hash_cheaply() -> None:
    """For providers of this process, from now on."""
    passwords.MEMORY_KIB, passwords.PASSES = MEMORY_KIB, PASSES
