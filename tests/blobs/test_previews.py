"""Previews: what becomes of good pictures, of bad ones, and of what only looks like a picture."""

import io
import random
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import httpx
import pytest
from PIL import Image

from tests.blobs.conftest import SPACE, Person, Server, plan_of
from verbund.blobs.limits import CHUNK_BYTES, MIB

RED, BLUE = (220, 30, 30), (30, 30, 220)


def encoded(image: Image.Image, name: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, name, **options)
    return out.getvalue()


def halves(width: int, height: int, mode: str = "RGB") -> Image.Image:
    """Red on the left, blue on the right."""
    image = Image.new("RGB", (width, height), BLUE)
    image.paste(RED, (0, 0, width // 2, height))
    return image.convert(mode)


def preview(person: Person, raw: bytes, w: int = 320, media_type: str = "image/png") -> httpx.Response:
    return person.get(person.upload(raw, media_type=media_type), w=w, as_preview=True)


def opened(answer: httpx.Response) -> Image.Image:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "image/webp"
    image = Image.open(io.BytesIO(answer.content))
    assert image.format == "WEBP"
    return image


def is_like(pixel: Any, colour: tuple[int, int, int]) -> bool:
    return all(abs(one - other) < 40 for one, other in zip(pixel[:3], colour, strict=True))


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "GIF", "AVIF"])
def test_every_format_becomes_a_small_webp(anna: Person, name: str) -> None:
    image = opened(preview(anna, encoded(halves(1000, 500), name), media_type="application/octet-stream"))
    assert image.size == (320, 160)
    assert is_like(image.convert("RGB").getpixel((20, 80)), RED)
    assert is_like(image.convert("RGB").getpixel((300, 80)), BLUE)


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P", "1", "I;16", "CMYK"])
def test_every_mode_of_pixels(anna: Person, mode: str) -> None:
    picture = Image.new(mode, (700, 700), 0xC000) if mode == "I;16" else halves(700, 700, mode)
    image = opened(preview(anna, encoded(picture, "JPEG" if mode == "CMYK" else "PNG")))
    assert image.size == (320, 320)
    if mode == "I;16":
        assert is_like(image.convert("RGB").getpixel((100, 100)), (0xC0, 0xC0, 0xC0))


def test_transparency_stays(anna: Person) -> None:
    image = opened(preview(anna, encoded(Image.new("RGBA", (400, 400), (9, 9, 9, 0)), "PNG")))
    assert image.convert("RGBA").getchannel("A").getextrema() == (0, 0)


def test_small_picture_is_not_enlarged(anna: Person) -> None:
    assert opened(preview(anna, encoded(halves(100, 40), "PNG"), w=2560)).size == (100, 40)


def test_picture_stands_upright_and_tells_no_secrets(anna: Person) -> None:
    """A telephone lying on its side: turned by its EXIF note; place, camera and comments are gone."""
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "SecretCamera"
    exif.get_ifd(0x8825)[2] = (52.0, 31.0, 12.0)
    raw = encoded(halves(1000, 500), "JPEG", exif=exif, comment=b"SecretComment")
    assert b"SecretCamera" in raw
    answer = preview(anna, raw)
    image = opened(answer)
    assert image.size == (320, 640)
    assert is_like(image.convert("RGB").getpixel((160, 20)), RED)
    assert is_like(image.convert("RGB").getpixel((160, 620)), BLUE)
    assert not image.getexif()
    assert b"Secret" not in answer.content
    assert b"EXIF" not in answer.content


def test_animation_becomes_its_first_frame(anna: Person) -> None:
    frames = [Image.new("RGB", (400, 300), colour) for colour in (RED, BLUE, RED)]
    raw = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=100)
    image = opened(preview(anna, raw))
    assert getattr(image, "n_frames", 1) == 1
    assert is_like(image.convert("RGB").getpixel((10, 10)), RED)


def test_preview_is_harmless_and_cached(anna: Person) -> None:
    answer = preview(anna, encoded(halves(500, 500), "PNG"))
    assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-disposition"] == "inline"
    again = anna.http.get(answer.request.url, headers={"if-none-match": answer.headers["etag"]})
    assert again.status_code == 304


@pytest.mark.parametrize(
    ("raw", "media_type"),
    [
        (b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>', "image/svg+xml"),
        (b"just text", "image/png"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n(run) file", "image/jpeg"),
        (b"", "image/png"),
    ],
)
def test_what_is_no_picture_is_never_rendered(anna: Person, raw: bytes, media_type: str) -> None:
    answer = preview(anna, raw, media_type=media_type)
    assert (answer.status_code, answer.json()["code"]) == (415, "blobs.no_preview")


def test_zip_bomb_is_never_unpacked(anna: Person, server: Server) -> None:
    out = io.BytesIO()
    with ZipFile(out, "w", ZIP_DEFLATED) as bomb:
        bomb.writestr("zeros", bytes(200 * MIB))
    before = server.peak_kib()
    answer = preview(anna, out.getvalue(), media_type="application/zip")
    assert answer.json()["code"] == "blobs.no_preview"
    assert server.peak_kib() - before < 50 * 1024


def png_claiming(width: int, height: int, data: bytes) -> bytes:
    def part(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", header) + part(b"IDAT", data) + part(b"IEND", b"")


def test_pixel_bomb_is_refused(anna: Person) -> None:
    bomb = png_claiming(50_000, 50_000, zlib.compress(bytes(1_000_000)))
    answer = preview(anna, bomb)
    assert (answer.status_code, answer.json()["code"]) == (413, "blobs.picture_too_large")


def test_largest_allowed_picture_still_works(anna: Person) -> None:
    image = opened(preview(anna, encoded(Image.new("RGBA", (10_000, 8_000), (*RED, 255)), "PNG", compress_level=1)))
    assert image.size == (320, 256)


def test_text_bomb_in_metadata_is_refused(anna: Person) -> None:
    """A few KiB that unpack to hundreds of MiB of comment."""
    good = encoded(halves(50, 50), "PNG")
    body = b"Comment\0\0" + zlib.compress(bytes(300 * MIB), 9)
    text = struct.pack(">I", len(body)) + b"zTXt" + body + struct.pack(">I", zlib.crc32(b"zTXt" + body))
    answer = preview(anna, good[:33] + text + good[33:])
    assert (answer.status_code, answer.json()["code"]) == (422, "blobs.picture_broken")


@pytest.mark.parametrize("name", ["PNG", "JPEG", "WEBP", "GIF", "AVIF"])
def test_truncated_picture_is_refused_but_stays_a_file(anna: Person, name: str) -> None:
    noise = Image.frombytes("RGB", (300, 300), random.Random(3).randbytes(300 * 300 * 3))
    raw = encoded(noise, name)[:-5000]
    answer = preview(anna, raw)
    assert (answer.status_code, answer.json()["code"]) == (422, "blobs.picture_broken")
    assert preview(anna, raw).status_code == 422
    assert anna.get(plan_of(raw)["hash"]).content == raw


def test_picture_of_300_mb_is_refused_but_stays_a_file(anna: Person) -> None:
    raw = b"\x89PNG\r\n\x1a\n" + bytes(CHUNK_BYTES - 8) + bytes(74 * CHUNK_BYTES)
    blob = anna.upload(raw, media_type="image/png")
    answer = anna.get(blob, w=320, as_preview=True)
    assert (answer.status_code, answer.json()["code"]) == (413, "blobs.picture_too_large")
    assert "herunterladen" in answer.json()["detail"]
    assert int(anna.http.head(f"/blobs/{SPACE}/{blob}").headers["content-length"]) == len(raw)


@pytest.mark.parametrize("query", [{"w": 321}, {"w": 0}, {}, {"as": "html", "w": 320}])
def test_other_sizes_and_forms_are_refused(anna: Person, query: dict[str, Any]) -> None:
    blob = anna.upload(encoded(halves(10, 10), "PNG"))
    answer = anna.get(blob, as_preview=True, **query)
    assert (answer.status_code, answer.json()["code"]) == (422, "base.malformed")


def test_stranger_gets_no_preview(anna: Person, stranger: Person) -> None:
    blob = anna.upload(encoded(halves(30, 30), "PNG"))
    assert anna.get(blob, w=320, as_preview=True).status_code == 200
    assert stranger.get(blob, w=320, as_preview=True).status_code == 404


def test_many_at_once_are_made_once(anna: Person, server: Server) -> None:
    blob = anna.upload(encoded(halves(2000, 2000), "PNG"))
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: anna.get(blob, w=1280, as_preview=True), range(24)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert not list((server.data / "cache" / "previews").glob("*.part"))
