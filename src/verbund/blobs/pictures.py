"""What bytes are, told by their first bytes and never by their name; and the type they may be served as. Pure."""

import re

from verbund.blobs.limits import TYPE_CHARS_MAX

HEAD_BYTES = 32
OCTETS = "application/octet-stream"
PICTURE_TYPES = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "GIF": "image/gif",
    "WEBP": "image/webp",
    "AVIF": "image/avif",
}
_AVIF_BRANDS = (b"avif", b"avis")
#: RFC 6838, section 4.2.
_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*")
_SERVED = re.compile(r"(audio|video)/[a-z0-9.+-]+|application/(pdf|zip|json|ogg)|text/(plain|csv)")


def picture_format(head: bytes) -> str:
    """The picture format of a file that begins with `head`, one of PICTURE_TYPES; empty when it is none of them."""
    if head.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "GIF"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[4:8] == b"ftyp" and head[8:12] in _AVIF_BRANDS:
        return "AVIF"
    return ""


def is_type(text: str) -> bool:
    """Whether this is a media type, perhaps with parameters ("video/webm;codecs=vp9")."""
    return len(text) <= TYPE_CHARS_MAX and text.isprintable() and _TYPE.fullmatch(_essence(text)) is not None


def served_type(declared: str, picture: str) -> str:
    """The Content-Type of a download: what the bytes are, or a declared type that no browser runs; else octets.

    Text is served as UTF-8. HTML, SVG, scripts and every unknown type are octets.
    """
    if picture:
        return PICTURE_TYPES[picture]
    essence = _essence(declared)
    if _SERVED.fullmatch(essence) is None:
        return OCTETS
    return f"{essence}; charset=utf-8" if essence.startswith("text/") else essence


def _essence(declared: str) -> str:
    """The media type without its parameters."""
    return declared.partition(";")[0].strip().lower()
