"""Codes: whole, altered, cut, late, one's own; which addresses may be dialled."""

import pytest

from verbund.base.ids import ProviderId
from verbund.base.keys import DeviceKey
from verbund.base.refusal import Refusal
from verbund.partners.agreements import codes
from verbund.partners.agreements.codes import may_dial, new_code, read, written
from verbund.partners.agreements.refusals import BadCode, CodeExpired, OwnCode, Unencrypted

NOW_MS = 1_800_000_000_000
LATER_MS = NOW_MS + 1_000
HERE = "https://werkhof.example"
OWN = DeviceKey.generate().public.provider
OTHER = DeviceKey.generate().public.provider


def code(address: str = "https://suednetz.example", provider: ProviderId = OTHER, until: int = LATER_MS) -> str:
    return written(new_code(address, provider, until))


def test_code_comes_through_a_mail() -> None:
    text = code()
    broken = f"  {text[:40]}\n{text[40:90]} \r\n{text[90:]}\n"
    assert read(broken, OWN, HERE, NOW_MS) == read(text, OWN, HERE, NOW_MS)
    assert read(text, OWN, HERE, NOW_MS).address == "https://suednetz.example"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text[:-1],
        lambda text: text[:60],
        lambda text: text[:30] + ("A" if text[30] != "A" else "B") + text[31:],
        lambda text: text + "A" * 2_000,
        lambda text: text.replace("verbund-partner-1-", "verbund-partner-2-"),
        lambda text: text + "😀",
        lambda _text: "",
        lambda _text: "verbund-partner-1-",
        lambda _text: "verbund-partner-1-AAAA",
    ],
)
def test_altered_code_is_told_from_a_wrong_one(spoil: object) -> None:
    with pytest.raises(BadCode):
        read(spoil(code()), OWN, HERE, NOW_MS)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        (code(provider=OWN), OwnCode),
        (code(until=NOW_MS - 1), CodeExpired),
        (code(address="http://suednetz.example"), Unencrypted),
        (code(address="http://localhost:8420"), Unencrypted),
        (code(address="https://suednetz.example/pfad"), Unencrypted),
        (code(provider=ProviderId("kein Hash")), BadCode),
    ],
)
def test_code_that_leads_nowhere_says_why(text: str, refusal: type[Refusal]) -> None:
    with pytest.raises(refusal):
        read(text, OWN, HERE, NOW_MS)


@pytest.mark.parametrize(
    ("address", "own", "allowed"),
    [
        ("https://suednetz.example", HERE, True),
        ("https://suednetz.example:8443", HERE, True),
        ("https://[2001:db8::1]:8443", HERE, True),
        ("http://suednetz.example", HERE, False),
        ("https://localhost:8420", HERE, False),
        ("http://127.0.0.1:8420", "http://localhost:8421", True),
        ("https://user:word@suednetz.example", HERE, False),
        ("https://suednetz.example?x=1", HERE, False),
        ("https://suednetz.example:99999", HERE, False),
        ("ftp://suednetz.example", HERE, False),
        ("https://", HERE, False),
        ("", HERE, False),
        (f"https://{'a' * 300}.example", HERE, False),
        ("https://[::1", HERE, False),
    ],
)
def test_only_encrypted_addresses_are_dialled(address: str, own: str, allowed: bool) -> None:
    assert may_dial(address, own) is allowed


def test_proof_is_for_these_two_only() -> None:
    secret = new_code(HERE, OWN, LATER_MS).secret
    shown = codes.proof(secret, OTHER, OWN)
    assert codes.proves(secret, OTHER, OWN, shown)
    assert not codes.proves(secret, OWN, OTHER, shown)
    assert not codes.proves(secret, OTHER, OWN, "")
    assert not codes.proves(secret, OTHER, OWN, "ü")
