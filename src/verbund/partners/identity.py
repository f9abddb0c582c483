"""How providers know each other: root key, certified device, proof on a link. Pure."""

from verbund.base import canonical
from verbund.base.ids import ProviderId, b64, unb64
from verbund.base.keys import DeviceKey, PublicKey, check_key, verify
from verbund.base.refusal import Refusal
from verbund.partners.schemas import Identity

CERTIFICATE_DOMAIN = b"verbund/provider-device/1\0"
LINK_DOMAIN = b"verbund/link/1\0"
CLOCK_MS_MAX = 120_000


class NotProven(Refusal):
    """de: Der andere Anbieter konnte nicht nachweisen, wer er ist.
    en: The other provider could not prove who it is."""

    code = "partners.unproven"
    status = 401


def certified(provider: str, incarnation: int, device: str) -> bytes:
    """What a provider's root key signs for the device of an incarnation."""
    return CERTIFICATE_DOMAIN + canonical.encode({"device": device, "incarnation": incarnation, "provider": provider})


def identity(root: DeviceKey, device: DeviceKey, incarnation: int) -> Identity:
    provider = root.public.provider
    certificate = b64(root.sign(certified(provider, incarnation, device.device)))
    return Identity(
        provider, root.public.alg, b64(root.public.raw), incarnation, device.public.alg, b64(device.public.raw),
        certificate,
    )  # fmt: skip


def check_identity(shown: Identity) -> tuple[ProviderId, PublicKey]:
    """(provider, key of its device). Raises NotProven, WeakKey."""
    try:
        root = check_key(PublicKey(shown.alg, unb64(shown.key)))
        device = check_key(PublicKey(shown.device_alg, unb64(shown.device_key)))
        signature = unb64(shown.certificate)
    except ValueError as error:
        raise NotProven() from error
    signed = certified(shown.provider, shown.incarnation, device.device)
    if root.provider != shown.provider or not verify(root, signature, signed):
        raise NotProven()
    return root.provider, device


def linking(audience: str, nonce: str, url: str) -> bytes:
    """What a device signs to prove itself on a link: to whom, their nonce, the address that was dialled."""
    return LINK_DOMAIN + canonical.encode({"audience": audience, "nonce": nonce, "url": url})


def prove(device: DeviceKey, audience: str, nonce: str, url: str) -> str:
    """Raises NotCanonical for what cannot be signed."""
    return b64(device.sign(linking(audience, nonce, url)))


def check_proof(device: PublicKey, signature: str, audience: str, nonce: str, url: str) -> None:
    """Raises NotProven unless the device signed this nonce for this audience and address."""
    try:
        proven = verify(device, unb64(signature), linking(audience, nonce, url))
    except ValueError as error:
        raise NotProven() from error
    if not proven:
        raise NotProven()
