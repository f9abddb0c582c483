"""Which certificates partners are believed by: the machine's authorities, and those that the operator added for them.

Only connections to partners use it. Who a partner is, its own key proves beyond that (`identity.py`).
"""

import ssl
from functools import lru_cache
from pathlib import Path

from verbund.base.settings import BadSetting, Settings

#: Sets of authorities that are kept read; a provider has one.
KEPT_MAX = 8


def shared(settings: Settings) -> ssl.SSLContext:
    """As `trusting`, but read once for all who dial, for that takes a while: nobody may add to it."""
    return _shared(settings.partner_authorities)


def trusting(settings: Settings) -> ssl.SSLContext:
    """For dialling partners. Raises BadSetting for a file that holds no certificate."""
    return _read(settings.partner_authorities)


@lru_cache(KEPT_MAX)
def _shared(names: tuple[str, ...]) -> ssl.SSLContext:
    return _read(names)


def _read(names: tuple[str, ...]) -> ssl.SSLContext:
    context = ssl.create_default_context()
    for name in names:
        try:
            context.load_verify_locations(cadata=Path(name).read_text("ascii"))
        except (OSError, ValueError, ssl.SSLError) as error:
            raise BadSetting(
                name="partner_authorities",
                reason_de=f"{name} lässt sich nicht als Zertifikat (PEM) lesen.",
                reason_en=f"{name} cannot be read as a certificate (PEM).",
            ) from error
    return context
