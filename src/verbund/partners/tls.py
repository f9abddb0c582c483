"""Which certificates partners are believed by: the machine's authorities, and those that the operator added for them.

Only connections to partners use it. Who a partner is, its own key proves beyond that (`identity.py`).
"""

import ssl
from pathlib import Path

from verbund.base.settings import BadSetting, Settings


def trusting(settings: Settings) -> ssl.SSLContext:
    """For dialling partners. Raises BadSetting for a file that holds no certificate."""
    context = ssl.create_default_context()
    for name in settings.partner_authorities:
        try:
            context.load_verify_locations(cadata=Path(name).read_text("ascii"))
        except (OSError, ValueError, ssl.SSLError) as error:
            raise BadSetting(
                name="partner_authorities",
                reason_de=f"{name} lässt sich nicht als Zertifikat (PEM) lesen.",
                reason_en=f"{name} cannot be read as a certificate (PEM).",
            ) from error
    return context
