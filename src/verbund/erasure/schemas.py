"""Shapes that erasures send."""

from msgspec import Struct

from verbund.base.ids import AccountId, CoreId, ProviderId


class ConfirmationShape(Struct):
    """What a provider says of an order: `at` (ms) it was carried out there, null as long as it has not answered."""

    provider: ProviderId
    name: str
    at: int | None
    bodies: int
    files: int


class ErasureShape(Struct):
    """An order of erasure: whose words, up to when (ms), why, by whom (null: by a provider, as was decided), since when
    it stands (ms), and what each provider says."""

    id: CoreId
    account: AccountId
    until: int
    reason: str
    by: AccountId | None
    at: int
    providers: list[ConfirmationShape]
