"""Local state of the links: who other providers proved to be."""

from collections.abc import Iterable

import msgspec

from verbund.accounts.commands import admit_provider_device
from verbund.base.ids import ProviderId
from verbund.base.keys import PublicKey
from verbund.log.tx import Tx
from verbund.partners.schemas import Identity
from verbund.partners.tables import partner_identity


def keep_identities(tx: Tx, proven: Iterable[tuple[Identity, PublicKey]]) -> None:
    """What these devices sign counts from now on; what waited for them is looked at again."""
    for identity, key in proven:
        admit_provider_device(tx, ProviderId(identity.provider), key)
        row = {"provider": identity.provider, "incarnation": identity.incarnation}
        tx.upsert(partner_identity, {**row, "identity": msgspec.json.encode(identity).decode()})
