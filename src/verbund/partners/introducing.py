"""Who other providers are, told to a partner that holds what they signed. Sans-IO."""

from collections.abc import Iterable

import msgspec

from verbund.base.ids import ProviderId
from verbund.partners.actions import Send
from verbund.partners.here import Here
from verbund.partners.schemas import Identity, Known

KNOWN_FRAME_MAX = 100
_encoder = msgspec.json.Encoder()


class Introducing:
    """Of one link."""

    def __init__(self, here: Here, partner: ProviderId) -> None:
        self._here, self._partner = here, partner
        self._told: set[str] = set()

    def know(self, identities: Iterable[Identity]) -> list[Send]:
        """Of these the partner hears once who they are, if their facts stand in a space that both hold."""
        named = self._here.authors(self._partner)
        fresh = [
            one
            for one in identities
            if one.provider in named and one.provider != self._partner and one.certificate not in self._told
        ]
        self._told.update(one.certificate for one in fresh)
        starts = range(0, len(fresh), KNOWN_FRAME_MAX)
        return [Send(_encoder.encode(Known(fresh[start : start + KNOWN_FRAME_MAX]))) for start in starts]
