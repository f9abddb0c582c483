"""Where a browser may go on, signed by its provider: nobody who stands in for it can add an address. Pure."""

from collections.abc import Sequence

from verbund.base import canonical
from verbund.base.ids import AccountId, b64
from verbund.base.keys import DeviceKey
from verbund.partners.schemas import Certificate
from verbund.spaces.schemas import Host, SignedHosts

HOSTS_DOMAIN = b"verbund/hosts/1\0"


def sign_hosts(
    key: DeviceKey, certificate: Certificate, account: AccountId, hosts: Sequence[Host], now_ms: int
) -> SignedHosts:
    """The list for one person, with the key that signs this provider's heads and what its root key says of that key."""
    at = max(now_ms, certificate.number)
    named = [{"home": one.home, "name": one.name, "provider": one.provider, "url": one.url} for one in hosts]
    said = canonical.encode({"account": account, "at": at, "hosts": named, "provider": certificate.p})
    return SignedHosts(
        said.decode(), b64(key.sign(HOSTS_DOMAIN + said)), certificate.alg, certificate.root, certificate.key,
        certificate.number, certificate.until, list(certificate.revoked), certificate.sig,
    )  # fmt: skip
