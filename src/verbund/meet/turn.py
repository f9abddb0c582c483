"""TURN credentials for browsers that cannot reach the SFU directly (draft-uberti-behave-turn-rest).

coturn itself is started by the supervisor, so that relayed media too outlives the web process.
"""

import hmac
from base64 import b64encode
from hashlib import sha1
from typing import Any

CREDENTIAL_S = 6 * 3600


class Turn:
    """`host` as browsers reach it; `secret` empty: there is no TURN."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.host = self.secret = ""

    def servers(self, user: str, now_s: float) -> list[dict[str, Any]]:
        """The browser's `iceServers`, good for CREDENTIAL_S."""
        if not self.secret:
            return []
        name = f"{int(now_s) + CREDENTIAL_S}:{user}"
        urls = [f"turn:{self.host}:{self._port}?transport={transport}" for transport in ("udp", "tcp")]
        return [{"urls": urls, "username": name, "credential": credential(self.secret, name)}]


def credential(secret: str, name: str) -> str:
    """What coturn computes from the name, too (SHA-1 is what its protocol has)."""
    return b64encode(hmac.digest(secret.encode(), name.encode(), sha1)).decode("ascii")
