"""Session descriptions from browsers (RFC 8866): bounded, and stripped of every address before the SFU reads them.

Candidates are not needed: the SFU learns where a browser is from the checks that arrive (RFC 8445, peer-reflexive).
"""

import re
from typing import Literal

from verbund.meet.refusals import BadDescription

SDP_BYTES_MAX = 96 * 1024
LINE_CHARS_MAX = 1024
OFFER_MEDIA_MAX = 4
ANSWER_MEDIA_MAX = 200
_PRINTABLE = re.compile(r"[\x20-\x7e]*")
_MEDIA = re.compile(r"m=(audio|video) [0-9]{1,5} UDP/TLS/RTP/SAVPF( [0-9]{1,3}){1,64}")
_ORIGIN = re.compile(r"o=\S+ ([0-9]{1,20}) ([0-9]{1,20}) IN IP[46] \S+")
_FINGERPRINT = re.compile(r"a=fingerprint:sha-(256|384|512) ([0-9A-Fa-f]{2}:){31,63}[0-9A-Fa-f]{2}")
_MID = re.compile(r"a=mid:[A-Za-z0-9_-]{1,16}")
#: Attributes that carry no address; the rest is left out.
_KEPT = frozenset({
    "group", "msid-semantic", "extmap-allow-mixed", "ice-ufrag", "ice-pwd", "ice-options", "fingerprint", "setup",
    "mid", "extmap", "sendrecv", "sendonly", "recvonly", "inactive", "msid", "rtcp-mux", "rtcp-rsize", "rtpmap",
    "rtcp-fb", "fmtp", "ssrc", "ssrc-group", "rid", "simulcast", "ptime", "maxptime", "bundle-only",
})  # fmt: skip


def clean(sdp: object, kind: Literal["offer", "answer"]) -> str:
    """The description without addresses, ports and candidates. Raises BadDescription for what no browser writes."""
    if not isinstance(sdp, str) or not sdp.startswith("v=0") or len(sdp) > SDP_BYTES_MAX:
        raise BadDescription()
    lines = [_line(line) for line in sdp.replace("\r\n", "\n").rstrip("\n").split("\n")]
    kept = [line for line in lines if line]
    media = sum(line.startswith("m=") for line in kept)
    if not 1 <= media <= (OFFER_MEDIA_MAX if kind == "offer" else ANSWER_MEDIA_MAX):
        raise BadDescription()
    if not any(line.startswith("a=fingerprint:") for line in kept):
        raise BadDescription()
    return "\r\n".join(kept) + "\r\n"


def mids(sdp: str) -> dict[str, str]:
    """mid → "audio" or "video", of a clean description."""
    found: dict[str, str] = {}
    kind = ""
    for line in sdp.split("\r\n"):
        if line.startswith("m="):
            kind = line[2:].split(" ", 1)[0]
        elif line.startswith("a=mid:") and kind:
            found[line[6:]] = kind
    return found


def _line(line: str) -> str | None:
    """The line as it may go on, or None."""
    if len(line) > LINE_CHARS_MAX or not _PRINTABLE.fullmatch(line) or line[1:2] != "=":
        raise BadDescription()
    sort = line[0]
    if sort == "m":
        if not _MEDIA.fullmatch(line):
            raise BadDescription()
        words = line.split(" ")
        return " ".join([words[0], "0" if words[1] == "0" else "9", *words[2:]])
    if sort == "o":
        origin = _ORIGIN.fullmatch(line)
        if origin is None:
            raise BadDescription()
        return f"o=- {origin[1]} {origin[2]} IN IP4 127.0.0.1"
    if sort == "c":
        return "c=IN IP4 0.0.0.0"
    if sort == "a":
        return _attribute(line)
    return {"v": "v=0", "s": "s=-", "t": "t=0 0"}.get(sort)


def _attribute(line: str) -> str | None:
    name = re.split(r"[: ]", line[2:], maxsplit=1)[0]
    if name not in _KEPT:
        return None
    if name == "fingerprint" and not _FINGERPRINT.fullmatch(line):
        raise BadDescription()
    if name == "mid" and not _MID.fullmatch(line):
        raise BadDescription()
    return line
