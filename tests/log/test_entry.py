"""The chain of a sub-log: canonical bytes, and nothing else counts."""

from hashlib import sha256

import msgspec
import pytest

from verbund.base import canonical
from verbund.base.ids import CoreId, ProviderId, b64
from verbund.log.entry import CHAIN_START, DOMAIN, SETTLED, VOID, BrokenChain, Entry, chain, check_place

CORE, PROVIDER = CoreId(b64(bytes(32))), ProviderId(b64(bytes(range(32))))


@pytest.mark.parametrize("void", [False, True])
def test_chain_is_over_the_canonical_envelope(void: bool) -> None:
    envelope = {"at": 17, "i": 2, "id": CORE, "n": 9, "p": PROVIDER, "x": VOID if void else SETTLED}
    expected = sha256(DOMAIN + CHAIN_START + canonical.encode(envelope)).digest()
    assert chain(CHAIN_START, PROVIDER, 2, 9, CORE, 17, void) == expected


@pytest.mark.parametrize("provider", ["", "ü" * 43, f'{PROVIDER}","x":3,"y":"'])
def test_entry_of_no_provider_is_refused(provider: str) -> None:
    named = Entry(
        CORE, PROVIDER, 1, 1, b64(chain(CHAIN_START, PROVIDER, 1, 1, CORE, 5, False)), 5, SETTLED, "", "", "", ""
    )
    assert check_place(named, CHAIN_START).seq == 1
    with pytest.raises(BrokenChain):
        check_place(msgspec.structs.replace(named, p=ProviderId(provider)), CHAIN_START)
