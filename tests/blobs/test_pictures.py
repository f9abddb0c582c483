"""Types: what bytes are, and as what they may leave."""

import pytest

from verbund.blobs.pictures import OCTETS, is_type, picture_format, served_type


@pytest.mark.parametrize(
    ("declared", "served"),
    [
        ("text/html", OCTETS),
        ("image/svg+xml", OCTETS),
        ("application/xhtml+xml", OCTETS),
        ("text/javascript", OCTETS),
        ("image/png", OCTETS),
        ("", OCTETS),
        ("text/plain", "text/plain; charset=utf-8"),
        ("TEXT/PLAIN;charset=utf-16", "text/plain; charset=utf-8"),
        ("video/webm;codecs=vp9", "video/webm"),
        ("application/pdf", "application/pdf"),
    ],
)
def test_only_what_no_browser_runs_keeps_its_type(declared: str, served: str) -> None:
    assert served_type(declared, "") == served


def test_a_picture_is_what_its_bytes_say() -> None:
    assert served_type("text/html", picture_format(b"GIF89a<script>")) == "image/gif"
    assert picture_format(b"<svg") == picture_format(b"") == picture_format(b"RIFF....WAVE") == ""


@pytest.mark.parametrize("text", ["text", "/", "a/b\r\nx: y", "a b/c", "ä/ö", "a/" + "b" * 200])
def test_what_is_no_type_is_refused(text: str) -> None:
    assert not is_type(text)
