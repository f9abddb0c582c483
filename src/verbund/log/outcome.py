"""What an author is told about a parcel: accepted, refused, or what is missing."""

from typing import Any

import msgspec

from verbund.base.ids import CoreId
from verbund.base.refusal import Refusal
from verbund.log.entry import VOID


class AlreadyRefused(Refusal):
    """de: Das wurde schon einmal abgelehnt.
    en: This was refused before."""

    code = "log.refused_before"
    status = 409


class Outcome(msgspec.Struct, frozen=True):
    """`st`: accepted, durable, refused, ask. `ds`, `dp`: the device's next number and last core: where it goes on."""

    id: CoreId | None
    st: str
    ds: int | None = None
    dp: CoreId | None = None
    missing: tuple[str, ...] = ()
    refusal: Refusal | None = None

    @classmethod
    def accepted(cls, core: CoreId) -> "Outcome":
        return cls(core, "accepted")

    @classmethod
    def known(cls, core: CoreId, state: int, following: tuple[int, CoreId | None]) -> "Outcome":
        return cls.refused(core, AlreadyRefused(), *following) if state == VOID else cls.accepted(core)

    @classmethod
    def refused(
        cls, core: CoreId | None, refusal: Refusal, ds: int | None = None, dp: CoreId | None = None
    ) -> "Outcome":
        return cls(core, "refused", ds, dp, refusal=refusal)

    def wire(self, language: str) -> dict[str, Any]:
        """As in the `ack` frame; sentences in the reader's language."""
        told: dict[str, Any] = {"id": self.id, "st": self.st}
        if self.refusal is not None:
            told |= {"code": self.refusal.code, "detail": self.refusal.sentence(language)}
        if self.st != "accepted":
            told |= {"ds": self.ds, "dp": self.dp}
        if self.missing:
            told["missing"] = list(self.missing)
        return told
