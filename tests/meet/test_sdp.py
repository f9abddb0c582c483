"""Descriptions from hostile and honest browsers: what reaches the SFU has no address and no surprise."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verbund.meet import sdp
from verbund.meet.refusals import BadDescription

FINGERPRINT = ":".join(["AB"] * 32)
HONEST = f"""v=0
o=- 4611731400430051336 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0 1
a=extmap-allow-mixed
a=msid-semantic: WMS stream
m=audio 54321 UDP/TLS/RTP/SAVPF 111 63
c=IN IP4 203.0.113.7
a=rtcp:9 IN IP4 203.0.113.7
a=candidate:1 1 udp 2113937151 203.0.113.7 54321 typ host generation 0
a=candidate:2 1 tcp 1518280447 10.0.0.1 9 typ host tcptype active
a=end-of-candidates
a=ice-ufrag:abcd
a=ice-pwd:abcdefghijklmnopqrstuvwx
a=fingerprint:sha-256 {FINGERPRINT}
a=setup:actpass
a=mid:0
a=sendonly
a=rtcp-mux
a=rtpmap:111 opus/48000/2
a=fmtp:111 minptime=10;useinbandfec=1
m=video 9 UDP/TLS/RTP/SAVPF 96
c=IN IP6 2001:db8::7
a=remote-candidates:1 192.0.2.9 4444
a=ice-ufrag:abcd
a=ice-pwd:abcdefghijklmnopqrstuvwx
a=mid:1
a=sendonly
a=rtpmap:96 VP8/90000
a=rid:h send
a=simulcast:send h
""".replace("\n", "\r\n")
ADDRESS = re.compile(r"\d{1,3}(\.\d{1,3}){3}|2001:db8|203\.0|192\.0")


def test_honest_offer_keeps_what_media_needs_and_loses_every_address() -> None:
    clean = sdp.clean(HONEST, "offer")
    assert sdp.mids(clean) == {"0": "audio", "1": "video"}
    for kept in ("a=ice-ufrag:abcd", f"a=fingerprint:sha-256 {FINGERPRINT}", "a=rid:h send", "a=simulcast:send h"):
        assert f"\r\n{kept}\r\n" in clean
    assert {match[0] for match in ADDRESS.finditer(clean)} == {"127.0.0.1", "0.0.0.0"}
    assert "candidate" not in clean
    assert "54321" not in clean


@pytest.mark.parametrize(
    "hostile",
    [
        None, 7, "", "v=1\r\n", "x" * (sdp.SDP_BYTES_MAX + 1),
        HONEST.replace("a=mid:0", "a=mid:" + "0" * 17),
        HONEST.replace("a=mid:0", "a=mid:0\r\n\x00"),
        HONEST.replace("s=-", "s=" + "x" * sdp.LINE_CHARS_MAX),
        HONEST.replace("s=-", "s"),
        HONEST.replace("audio", "application"),
        HONEST.replace("UDP/TLS/RTP/SAVPF 96", "RTP/AVP 96"),
        HONEST.replace("UDP/TLS/RTP/SAVPF 96", "UDP/TLS/RTP/SAVPF " + "96 " * 65 + "96"),
        HONEST.replace("sha-256", "md5"),
        HONEST.replace(f"a=fingerprint:sha-256 {FINGERPRINT}\r\n", ""),
        HONEST.replace("IN IP4 127.0.0.1", "IN FOO 127.0.0.1"),
        HONEST + "m=video 9 UDP/TLS/RTP/SAVPF 96\r\n" * sdp.OFFER_MEDIA_MAX,
        HONEST.split("m=audio")[0],
    ],
)  # fmt: skip
def test_hostile_description_is_refused(hostile: object) -> None:
    with pytest.raises(BadDescription):
        sdp.clean(hostile, "offer")


def test_unknown_attribute_is_left_out() -> None:
    clean = sdp.clean(HONEST.replace("a=rtcp-mux", "a=rtcp-mux\r\na=crypto:1 AES inline:x\r\na=x-evil:1"), "offer")
    assert "crypto" not in clean
    assert "evil" not in clean


@given(st.text(max_size=400), st.integers(0, len(HONEST)))
def test_whatever_comes_is_cleaned_or_refused(noise: str, place: int) -> None:
    try:
        clean = sdp.clean(HONEST[:place] + noise + HONEST[place:], "offer")
    except BadDescription:
        return
    assert {match[0] for match in ADDRESS.finditer(clean) if not _known(clean, match)} <= {"127.0.0.1", "0.0.0.0"}


def _known(clean: str, match: re.Match[str]) -> bool:
    """Noise may itself spell an address inside a kept attribute; it is no candidate and no connection."""
    line = clean[clean.rfind("\n", 0, match.start()) + 1 :]
    return not line.startswith(("c=", "o=", "a=candidate", "a=rtcp:", "a=remote"))
